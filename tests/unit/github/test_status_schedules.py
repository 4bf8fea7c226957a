"""Random schedules of pushes, cancels, crashes and faults: in the end GitHub shows what the journal says, and nothing is pending."""

import contextlib
import random

import pytest

from deployhost.errors import AccessRefused, NotFound, ProviderUnavailable
from deployhost.model import Deploy, Sha, Trigger
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.life import Crash, Life
from tests.fakes.sweep import FAST
from tests.unit.github.test_statuses import AtGitHub, later, post_all

SCHEDULES = 4 if FAST else 25
STATES = {"live": "success", "failed": "failure", "cancelled": "error", "superseded": "error"}


class Schedule:
    """One server's days, by a seed."""

    def __init__(self, server: Server, seed: int) -> None:
        self.there, self.random = AtGitHub(server), random.Random(seed)
        self.commits = [sha(number) for number in range(1, 6)]
        for commit in self.commits:
            server.github.push(self.there.repository.id, "main", commit)
        self.daemon = self.there.start()

    def run(self) -> None:
        for _ in range(12):
            step = self.random.choice(
                [self.push, self.push, self.work, self.work, self.fault, self.crash, self.cancel, self.wait]
            )
            with contextlib.suppress(Crash):
                step()
            if self.daemon.life.over:
                self.restart()
        self.there.server.github.faults.clear()
        self.there.server.github.late_faults.clear()
        self.restart()
        self.daemon.work_off()
        post_all(self.daemon, 700)

    def restart(self, life: Life | None = None) -> None:
        settle()
        self.daemon = self.there.start(life)
        self.daemon.converge.run(hurry=True)

    def push(self) -> None:
        self.daemon.accept(
            self.there.app, self.random.choice(self.commits), self.random.choice([Trigger.PUSH, Trigger.MANUAL])
        )
        later(self.daemon)

    def work(self) -> None:
        self.daemon.fake_builder.during = lambda: later(self.daemon)
        self.daemon.work_off()
        later(self.daemon)

    def cancel(self) -> None:
        self.daemon.accept(self.there.app, self.random.choice(self.commits))

        def during() -> None:
            later(self.daemon)
            for deploy in self.daemon.deploys.open():
                self.daemon.cancellations.ask(deploy.id, "you")

        self.daemon.fake_builder.during = during
        self.daemon.work_off()

    def fault(self) -> None:
        error = self.random.choice(
            [AccessRefused("no"), NotFound("gone"), ProviderUnavailable("down", retry_after=9.0)]
        )
        self.there.server.github.fail("post_status", error, after=self.random.random() < 0.5)

    def crash(self) -> None:
        """Have the daemon die at one of its next effects, in the middle of a deploy perhaps."""
        with contextlib.suppress(Crash):
            self.restart(Life(break_at=self.random.randrange(1, 60)))
            self.push()
            self.work()
        settle()

    def wait(self) -> None:
        later(self.daemon, 70)


def newest_of(daemon: Assembled, schedule: Schedule, commit: Sha) -> Deploy | None:
    found = [
        one for one in daemon.deploys.of_app(schedule.there.app, limit=100) if one.sha == commit and one.started_at
    ]
    return found[0] if found else None


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_in_the_end_github_shows_what_the_journal_says(server: Server, seed: int) -> None:
    schedule = Schedule(server, seed)
    schedule.run()
    for commit in schedule.commits:
        newest, states = newest_of(schedule.daemon, schedule, commit), schedule.there.states(commit)
        if newest is None:
            assert states == []
        else:
            assert states[-1:] == [STATES[newest.status]], commit
    assert schedule.daemon.troubles.now() == []
