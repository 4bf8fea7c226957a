"""Commit statuses at GitHub, on the daemon's own wiring: what is shown is what happened, whatever breaks in between."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from deployhost.errors import (
    AccessRefused,
    ClockOff,
    DeployhostError,
    FileProblem,
    NotFound,
    ProviderRefused,
    ProviderUnavailable,
)
from deployhost.github import connection as connections
from deployhost.github import statuses
from deployhost.github.statuses import DAY
from deployhost.journal.pinned import PinnedSource
from deployhost.model import AppName, DeployStatus, RepositoryName, Sha, Trigger
from tests.fakes.assembled import Assembled, FakeClock, Server, settle, sha
from tests.fakes.github import FakeRepository, connection
from tests.fakes.life import Crash, Life
from tests.fakes.sweep import effects

ONE, TWO = sha(1), sha(2)
ACME = connection("acme")


class AtGitHub:
    """An app whose repository is at GitHub, seen by an App of ours."""

    def __init__(self, server: Server) -> None:
        self.server, self.app = server, server.add("shop")
        connections.save(server.paths, ACME)
        server.github.add_app(ACME)
        self.repository: FakeRepository = server.github.add_repository("acme/shop", {"main": ONE, "other": TWO})

    def start(self, life: Life | None = None) -> Assembled:
        daemon = self.server.start(life)
        name = RepositoryName("acme/shop")
        if daemon.sources.of(self.app) is None:
            daemon.sources.pin(
                PinnedSource(
                    app=self.app, connection=ACME.id, host=ACME.html_url, repository=self.repository.id,
                    written=name, current=name,
                )
            )  # fmt: skip
        return daemon

    def states(self, commit: Sha = ONE) -> list[str]:
        """Return the states that were posted of a commit, oldest first."""
        return [state for at, state, *_ in self.repository.statuses if at == commit]


@pytest.fixture
def there(server: Server) -> AtGitHub:
    return AtGitHub(server)


def clock(daemon: Assembled) -> FakeClock:
    assert isinstance(daemon.clock, FakeClock)
    return daemon.clock


def later(daemon: Assembled, seconds: float = 2.0) -> None:
    """Let time pass, and have statuses looked at as the thread would."""
    clock(daemon).now += seconds
    daemon.troubles.went_well("posting commit statuses", daemon.commit_statuses.look)


def post_all(daemon: Assembled, seconds: float = 2.0) -> None:
    for _ in range(6):
        later(daemon, seconds)


def deploy_watched(daemon: Assembled, app: AppName, commit: Sha) -> None:
    """Deploy, and look at statuses while it runs and afterwards."""
    daemon.fake_builder.during = lambda: later(daemon)
    daemon.deploy(app, commit)
    daemon.fake_builder.during = lambda: None
    later(daemon)


def test_pending_then_success(there: AtGitHub) -> None:
    daemon = there.start()
    deploy_watched(daemon, there.app, ONE)
    (_, pending, context, description, url), (_, success, _, live, _) = there.repository.statuses
    assert (pending, context, description, url) == ("pending", "deployhost/shop", "Deploying", "")
    assert success == "success"
    assert live.startswith("Live after ")
    post_all(daemon)
    assert len(there.repository.statuses) == 2


def test_the_address_is_shown_where_others_reach_it(there: AtGitHub) -> None:
    daemon = there.start()
    daemon.commit_statuses.url = lambda app: f"https://{app}.example.com"
    deploy_watched(daemon, there.app, ONE)
    _, state, _, description, url = there.repository.statuses[-1]
    assert (state, url) == ("success", "https://shop.example.com")
    assert description.startswith("Live at https://shop.example.com after ")


def test_failure_says_why_and_hides_secrets(there: AtGitHub) -> None:
    daemon = there.start()
    there.server.set_env(daemon, there.app, TOKEN="very-secret-value")
    deploy = daemon.accept(there.app, ONE)
    daemon.deploys.begin(deploy, f"{ONE}")  # type: ignore[arg-type]
    error = {
        "message": "it printed very-secret-value and " + "x" * 97 + " very-secret-value",
        "hint": "",
        "details": [],
    }
    daemon.deploys.end(deploy.id, DeployStatus.FAILED, error)
    later(daemon)
    (_, state, _, description, _) = there.repository.statuses[-1]
    assert state == "failure"
    assert "very" not in description
    assert description.startswith("it printed *** and xx")
    (there.server.paths.secrets / "shop.json").write_text("{")
    daemon.deploys.accept(there.app, TWO, trigger=Trigger.PUSH)
    second = daemon.deploys.newest(there.app)
    assert second is not None
    daemon.deploys.begin(second, f"{TWO}")  # type: ignore[arg-type]
    daemon.deploys.end(second.id, DeployStatus.FAILED, error)
    later(daemon)
    assert there.repository.statuses[-1][3] == "The deploy failed"


def test_a_release_that_fails_in_its_first_minute(there: AtGitHub) -> None:
    daemon = there.start()
    deploy_watched(daemon, there.app, ONE)
    newest = daemon.deploys.newest(there.app)
    assert newest is not None
    daemon.deploys.blame(newest.id, {"message": "it restarts"})
    later(daemon)
    assert there.repository.statuses[-1][1::2] == ("failure", "Failed after it went live: it restarts")


def test_nothing_is_asked_while_nothing_happens(there: AtGitHub) -> None:
    daemon = there.start()
    deploy_watched(daemon, there.app, ONE)
    post_all(daemon)
    daemon.commit_statuses.step = _not_called  # type: ignore[method-assign]
    post_all(daemon)


def _not_called() -> bool:
    raise AssertionError


def test_an_app_without_a_repository_and_one_that_was_pushed(there: AtGitHub) -> None:
    blog = there.server.add("blog")
    daemon = there.start()
    daemon.deploy(blog, ONE)
    later(daemon)
    assert there.server.github.calls_made == []


def test_what_happened_while_no_daemon_could_post(there: AtGitHub) -> None:
    daemon = there.start()
    daemon.fake_builder.during = lambda: later(daemon)
    daemon.deploy(there.app, ONE)
    assert there.states() == ["pending"]
    daemon = there.start()
    later(daemon)
    assert there.states() == ["pending", "success"]


def test_what_is_old_and_was_never_told_is_not_told_any_more(there: AtGitHub) -> None:
    daemon = there.start()
    daemon.deploy(there.app, ONE)
    there.server.now += DAY
    daemon = there.start()
    post_all(daemon)
    assert there.states() == []


def test_pending_of_an_app_that_was_removed(there: AtGitHub) -> None:
    daemon = there.start()
    daemon.fake_builder.during = lambda: later(daemon)
    daemon.deploy(there.app, ONE)
    assert there.states() == ["pending"]
    daemon.deploys.forget(there.app)
    daemon.sources.forget(there.app)
    later(daemon)
    assert there.states() == ["pending", "error"]


def test_many_at_once_keep_githubs_limits(there: AtGitHub) -> None:
    daemon = there.start()
    for number in range(10, 95):
        there.server.github.push(there.repository.id, "main", sha(number))
        deploy = daemon.deploys.accept(there.app, sha(number), trigger=Trigger.PUSH)
        daemon.deploys.begin(deploy, f"{sha(number)}")  # type: ignore[arg-type]
        daemon.deploys.end(deploy.id, DeployStatus.FAILED, {"message": "x"})
    at: list[float] = []
    while len(at) < 85:
        before = len(there.repository.statuses)
        later(daemon, 0.5)
        at += [clock(daemon).now] * (len(there.repository.statuses) - before)
    assert all(second - first >= 1 for first, second in itertools.pairwise(at))
    assert all(at[number + 79] - at[number] >= 60 for number in range(len(at) - 79))


REFUSED = [
    AccessRefused("suspended", hint="deployhost connect github"),
    ClockOff("the clock"),
    ProviderRefused("no"),
    ProviderUnavailable("down"),
    ProviderUnavailable("slower", retry_after=40.0),
    NotFound("no commit found"),
]


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: f"{error.code} {error.message}")
@pytest.mark.parametrize("done", [False, True], ids=["", "after it was done"])
def test_what_github_refuses_is_tried_again_later_and_told_meanwhile(
    there: AtGitHub, error: DeployhostError, done: bool
) -> None:
    daemon = there.start()
    there.server.github.fail("post_status", error, error, after=done)
    deploy_watched(daemon, there.app, ONE)
    (shown,) = daemon.troubles.now()
    assert shown["message"] == f"posting commit statuses of shop: {error.message}"
    calls = len(there.server.github.calls_made)
    for _ in range(10):
        later(daemon)
    assert len(there.server.github.calls_made) <= calls + 1, "it is not asked all the time"
    post_all(daemon, 65)
    assert there.states()[-1] == "success"
    assert there.states().count("success") <= 2
    assert daemon.troubles.now() == []


@pytest.mark.parametrize("how", ["deleted", "unseen", "uninstalled"])
def test_what_can_t_be_posted_at_all_is_asked_for_seldom(there: AtGitHub, how: str) -> None:
    daemon = there.start()
    daemon.fake_builder.during = lambda: later(daemon)
    daemon.deploy(there.app, ONE)
    app = there.server.github.apps[ACME.app_id]
    if how == "deleted":
        del there.server.github.repositories[there.repository.id]
    elif how == "unseen":
        app.visible = set()
    else:
        app.installed = False
    before = len(there.server.github.calls_made)
    for _ in range(600):  # ten hours
        later(daemon, 60)
    assert daemon.troubles.now()
    assert 3 < len(there.server.github.calls_made) - before < 70
    there.server.github.repositories[there.repository.id] = there.repository
    app.visible, app.installed = None, True
    later(daemon, 3601)
    assert there.states()[-1] == "success"
    assert daemon.troubles.now() == []


def test_what_nobody_can_post_any_more_is_forgotten(there: AtGitHub) -> None:
    daemon = there.start()
    there.server.github.fail("post_status", *[AccessRefused("suspended")] * 9)
    deploy_watched(daemon, there.app, ONE)
    assert daemon.troubles.now()
    connections.delete(there.server.paths, ACME)
    later(daemon, 40)
    assert daemon.troubles.now() == []
    connections.save(there.server.paths, replace(ACME, hooked=False))
    there.server.github.faults.clear()
    later(daemon, 70)
    later(daemon, 700)
    assert there.states()[-1] == "success"


def test_what_can_t_be_recorded_is_not_posted_over_and_over(there: AtGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = there.start()
    daemon.deploy(there.app, ONE)

    def no_room(*_: object) -> None:
        raise FileProblem("no space left", hint="df -h")

    with monkeypatch.context() as patched:
        patched.setattr(type(daemon.statuses), "record", no_room)
        post_all(daemon)
        assert there.states() == ["success"]
        assert daemon.troubles.now()
    post_all(daemon)
    assert there.states() == ["success"]
    assert [one.state for one in daemon.statuses.posted()] == ["success"]
    assert daemon.troubles.now() == []


def test_disconnecting_during_a_deploy(there: AtGitHub) -> None:
    """What is pending ends before the App goes, nothing is posted after that, and the deploy goes on."""
    daemon = there.start()
    notes: list[str] = []

    def during() -> None:
        later(daemon)
        assert there.states() == ["pending"]
        notes.extend(daemon.commit_statuses.leave(ACME.id))
        post_all(daemon)

    daemon.fake_builder.during = during
    daemon.deploy(there.app, ONE)
    assert notes == []
    assert there.states() == ["pending", "error"]
    assert there.repository.statuses[-1][3] == "The server was disconnected from GitHub during the deploy"
    connections.delete(there.server.paths, ACME)
    post_all(daemon, 60)
    assert daemon.live(there.app).sha == ONE
    assert there.states() == ["pending", "error"]
    connections.save(there.server.paths, ACME)
    post_all(daemon, 60)
    assert there.states() == ["pending", "error", "success"], "connected again, what is true is told"


def test_disconnecting_posts_the_ends_that_are_known(there: AtGitHub) -> None:
    daemon = there.start()
    daemon.fake_builder.during = lambda: later(daemon)
    daemon.deploy(there.app, ONE)
    daemon.fake_builder.during = lambda: None
    daemon.deploy(there.app, TWO)
    assert daemon.commit_statuses.leave("another") == []
    assert daemon.commit_statuses.leave(ACME.id) == []
    assert there.states()[0] == "pending"
    assert there.states()[-1] != "pending"
    assert there.states(TWO) == ["success"]
    post_all(daemon)
    assert len(there.repository.statuses) == 3, "nothing is posted twice"


def test_disconnecting_that_was_broken_off(there: AtGitHub) -> None:
    """The App is still there a minute later: what is true is told."""
    daemon = there.start()

    def during() -> None:
        later(daemon)
        daemon.commit_statuses.leave(ACME.id)

    daemon.fake_builder.during = during
    daemon.deploy(there.app, ONE)
    later(daemon)
    assert there.states() == ["pending", "error"]
    later(daemon, 61)
    assert there.states() == ["pending", "error", "success"]


def test_disconnecting_waits_for_nothing_that_fails(there: AtGitHub) -> None:
    daemon = there.start()
    notes: list[str] = []

    def during() -> None:
        later(daemon)
        there.server.github.fail("post_status", ProviderUnavailable("GitHub does not answer"))
        notes.extend(daemon.commit_statuses.leave(ACME.id))

    daemon.fake_builder.during = during
    daemon.deploy(there.app, ONE)
    assert notes == [f"GitHub shows the commit {ONE.short} of shop as pending: GitHub does not answer"]


def test_disconnecting_while_github_hangs(there: AtGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for until the end, and a person learns what may be left."""
    monkeypatch.setattr(statuses, "LEAVING", 0.01)
    daemon = there.start()
    assert daemon.commit_statuses._one.acquire()
    [note] = daemon.commit_statuses.leave(ACME.id)
    assert note == "GitHub has not answered an earlier request yet: commits may stay pending there"


def test_it_posts_by_itself(there: AtGitHub) -> None:
    daemon = there.start()

    def sleep(_seconds: float) -> None:
        raise Crash

    daemon.deploy(there.app, ONE)
    daemon.clock.sleep = sleep  # type: ignore[method-assign,assignment]
    with pytest.raises(Crash):
        daemon.commit_statuses.run()
    assert there.states() == ["success"]


def live(daemon: Assembled, there: AtGitHub) -> None:
    deploy_watched(daemon, there.app, ONE)


def two_in_a_row(daemon: Assembled, there: AtGitHub) -> None:
    deploy_watched(daemon, there.app, ONE)
    deploy_watched(daemon, there.app, TWO)


def cancelled(daemon: Assembled, there: AtGitHub) -> None:
    deploy = daemon.accept(there.app, ONE)

    def during() -> None:
        later(daemon)
        daemon.cancellations.ask(deploy.id, "you")

    daemon.fake_builder.during = during
    daemon.work_off()
    later(daemon)


@pytest.mark.parametrize(("work", "every"), [(live, 1), (two_in_a_row, 3), (cancelled, 1)])
def test_crash_at_every_effect(there: AtGitHub, work: Callable[[Assembled, AtGitHub], None], every: int) -> None:
    """Whatever moment the daemon dies at, GitHub shows in the end what the journal says, nothing is pending, and one post at most is doubled."""
    there.start()
    restore = there.server.remember()
    for at in effects(every):
        restore()
        there.repository.statuses.clear()
        life = Life(break_at=at)
        with contextlib.suppress(Crash):
            work(there.start(life), there)
        settle()
        daemon = there.start()
        daemon.converge.run(hurry=True)
        daemon.work_off()
        post_all(daemon)
        for commit in (ONE, TWO):
            ended = [
                one for one in daemon.deploys.of_app(there.app) if one.sha == commit and one.started_at is not None
            ]
            if ended:
                assert (
                    there.states(commit)[-1]
                    == {"live": "success", "cancelled": "error", "failed": "failure"}[ended[0].status]
                )
            assert len(there.states(commit)) <= 3
        if not life.broke:
            break
    assert at > 10
