"""Random schedules of pushes at GitHub, with deliveries that are lost, doubled and reordered, and a daemon that dies anywhere.

`Schedule(server, seed).run()` plays one on the fakes with three apps, two of them of one repository, and returns what is not as it
should be: live only moves along the heads, the head is live in the end or has failed with a reason, a commit is deployed as often as it
was pushed at most and built once, and no commit status is left pending.
"""

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployhost.errors import DeployhostError, ProviderUnavailable
from deployhost.github import connection as files
from deployhost.github.look_plan import PushHint
from deployhost.model import AppName, Branch, DeployStatus, RepositoryName, Sha
from deployhost.system.docker_model import Image
from tests.fakes.assembled import Assembled, FakeClock, Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.git import RepositoryWithoutGit
from tests.fakes.github import FakeRepository as RepositoryThere
from tests.fakes.github import connection
from tests.fakes.life import Crash, Life

STEPS = 30
LATER = 90.0  # seconds within which every head is looked at


@dataclass
class Followed:
    """An app, where its commits come from, and the heads that there were."""

    name: AppName
    repository: RepositoryThere
    branch: Branch
    heads: list[Sha] = field(default_factory=list)
    at: int = 0  # the head that was live last

    def moved(self, live: Sha) -> bool:
        """Take note of what is live, and return whether it is the same head as before or a later one."""
        while self.at < len(self.heads) and self.heads[self.at] != live:
            self.at += 1
        return self.at < len(self.heads)


class Schedule:
    """One schedule on a server without apps, made from its seed."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.random = server, random.Random(seed)
        self.commits, self.builds = 0, Counter[tuple[int, str, str]]()
        self.pending: list[tuple[Followed, PushHint]] = []
        self.wrong: list[str] = []
        self.connection = connection("octo", 1)
        files.save(server.paths, self.connection)
        server.github.add_app(self.connection)
        first = self._commit(good=True)
        server.repository = RepositoryWithoutGit
        shop = server.github.add_repository("octo/shop", {"main": first, "next": first})
        blog = server.github.add_repository("octo/blog", {"main": first})
        self.apps = [
            self._add("shop", shop, "main", first),
            self._add("preview", shop, "next", first),
            self._add("blog", blog, "main", first),
        ]
        self._count_builds()

    def _add(self, name: str, repository: RepositoryThere, branch: str, first: Sha) -> Followed:
        source = RepositoryName(f"{repository.facts.owner}/{repository.facts.name}")
        app = self.server.add(name, None if branch == "main" else branch, f"source: {source}")
        RepositoryWithoutGit(self.server.paths.repo(app), self.server.refs, Life()).create(Branch(branch), {})
        return Followed(app, repository, Branch(branch), [first])

    def _count_builds(self) -> None:
        add_image = self.server.engine.add_image

        def counted(behaviour: Behaviour, *tags: str, labels: Mapping[str, str] | None = None, **more: Any) -> Image:
            app, _, version = tags[0].rpartition("/")[2].partition(":")
            self.builds[len(self.server.daemons), app, version[:40]] += 1
            return add_image(behaviour, *tags, labels=labels, **more)

        self.server.engine.add_image = counted  # type: ignore[method-assign]

    def _commit(self, *, good: bool = False) -> Sha:
        self.commits += 1
        made = sha(self.commits)
        if not good and self.random.random() < 0.15:
            self.server.behaviours[made] = Behaviour(exits=1)
        return made

    def run(self) -> list[str]:
        """Play it to its end."""
        daemon = self._start()
        for _ in range(STEPS):
            try:
                self.random.choice(ACTIONS)(self, daemon)
                self._look_at_live(daemon)
            except Crash:
                daemon = self._start()
        self._end()
        return self.wrong

    def _start(self) -> Assembled:
        """Start the next daemon, which may die soon too."""
        settle()
        while True:
            dies = self.random.random() < 0.5
            try:
                daemon = self.server.start(Life(self.random.randrange(1, 150) if dies else 0))
                daemon.converge.run(hurry=True)
                return daemon
            except Crash:
                settle()

    def push(self, _daemon: Assembled) -> None:
        """Push a commit, or an earlier one by force; GitHub delivers that never, once or twice."""
        app = self.random.choice(self.apps)
        back = self.random.random() < 0.2 and len(app.heads) > 2
        head = self.random.choice(app.heads[:-1]) if back else self._commit()
        if head == app.heads[-1]:
            return
        app.heads.append(head)
        self.server.github.push(app.repository.id, app.branch, head)
        hint = PushHint(connection=self.connection.id, repository=app.repository.id, branch=app.branch, after=head)
        self.pending += [(app, hint)] * self.random.choice((0, 1, 1, 1, 2))

    def deliver(self, daemon: Assembled) -> None:
        """Let one delivery arrive, perhaps a late one: every app of its repository is looked at."""
        if not self.pending:
            return
        of, hint = self.pending.pop(self.random.randrange(len(self.pending)))
        for app in self.apps:
            if app.repository is of.repository:
                daemon.looks.look(app.name, hint)

    def minute(self, daemon: Assembled) -> None:
        """Look at every repository, as each minute."""
        for app in self.apps:
            daemon.looks.look(app.name)

    def work(self, daemon: Assembled) -> None:
        """Carry out what is queued."""
        daemon.work_off()

    def tell(self, daemon: Assembled) -> None:
        """Post commit statuses."""
        clock = daemon.clock
        assert isinstance(clock, FakeClock)
        clock.now += LATER
        with contextlib.suppress(DeployhostError):
            daemon.commit_statuses.look()

    def trouble(self, _daemon: Assembled) -> None:
        """Have GitHub fail at some calls, perhaps after having done what was asked."""
        call = self.random.choice(("repository_by_id", "branch", "for_repository", "fetch", "post_status"))
        error = ProviderUnavailable("GitHub failed with 502")
        self.server.github.fail(call, *[error] * self.random.choice((1, 2)), after=self.random.random() < 0.3)

    def kill(self, daemon: Assembled) -> None:
        """End the daemon."""
        daemon.life.over = True
        raise Crash

    def _look_at_live(self, daemon: Assembled) -> None:
        for app in self.apps:
            release = daemon.releases.live(app.name)
            if release is not None and not app.moved(release.sha):
                self.wrong.append(f"{app.name}: {release.sha} is live, which is no later head of {app.heads}")
                app.at = 0

    def _end(self) -> None:
        """Have everything work again, and look at what has become of it."""
        self.server.github.faults.clear()
        self.server.github.late_faults.clear()
        daemon = self.server.start()
        daemon.converge.run(hurry=True)
        self.minute(daemon)
        self.work(daemon)
        for _ in range(40):  # GitHub takes so many an hour
            self.tell(daemon)
        self._look_at_live(daemon)
        for app in self.apps:
            self._check(daemon, app)

    def _check(self, daemon: Assembled, app: Followed) -> None:
        head = app.heads[-1]
        newest = next((one for one in daemon.deploys.of_app(app.name, 100) if one.sha == head), None)
        release = daemon.releases.live(app.name)
        if newest is None:
            self.wrong.append(f"{app.name}: the head {head} was never deployed")
        elif newest.status is DeployStatus.LIVE:
            if release is None or release.sha != head:
                self.wrong.append(f"{app.name}: {release} is live, not the head {head}")
        elif newest.status is not DeployStatus.FAILED or not newest.error:
            self.wrong.append(f"{app.name}: the deploy of the head {head} is {newest.status}, and nothing says why")
        if daemon.looks.look(app.name) is not None:
            self.wrong.append(f"{app.name}: there was still something to deploy")
        states = {
            at: state for at, state, context, *_ in app.repository.statuses if context == f"deployhost/{app.name}"
        }
        self.wrong += [
            f"{app.name}: the status of {at} is pending" for at, state in states.items() if state == "pending"
        ]
        if newest is not None and states.get(head) not in ("success", "failure"):
            self.wrong.append(f"{app.name}: the status of the head {head} is {states.get(head)}")
        asked = Counter(one.sha for one in daemon.deploys.of_app(app.name, 100))
        self.wrong += [
            f"{app.name}: {commit} was deployed {count} times, and was the head {app.heads.count(commit)} times"
            for commit, count in asked.items()
            if count > app.heads.count(commit)
        ]
        # What a daemon built that died before it was live is built again by the next one.
        self.wrong += [
            f"{name}: {commit} was built {count} times by one daemon"
            for (_, name, commit), count in self.builds.items()
            if name == app.name and count > 1 and commit not in self.server.behaviours
        ]


ACTIONS: tuple[Callable[[Schedule, Assembled], None], ...] = (
    *[Schedule.push] * 6, *[Schedule.deliver] * 4, *[Schedule.minute] * 2, *[Schedule.work] * 5, *[Schedule.tell] * 2,
    Schedule.trouble, Schedule.kill,
)  # fmt: skip
