"""The one entrance for deploys: pushes, choices, repeats and ways back are journalled, and the worker is woken."""

import pytest

from deployhost.deploy.intake import Accepted
from deployhost.deploy.push_plan import ZERO, PushKind, PushVerdict
from deployhost.errors import AppNotFound
from deployhost.model import AppName, DeployStatus, Trigger
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)
MAIN = "refs/heads/main"


@pytest.fixture
def woken(daemon: Assembled, monkeypatch: pytest.MonkeyPatch) -> list[AppName]:
    found: list[AppName] = []
    monkeypatch.setattr(daemon.workers, "wake", found.append)
    return found


def test_a_push_is_journalled_and_the_worker_woken(app: AppName, daemon: Assembled, woken: list[AppName]) -> None:
    taken = daemon.intake.push(app, MAIN, ONE, TWO, "token")
    assert isinstance(taken, Accepted)
    assert (taken.deploy.sha, taken.deploy.trigger, taken.deploy.branch) == (TWO, Trigger.PUSH, "main")
    assert taken.deploy.subject == f"subject of {TWO.short}"
    assert daemon.deploys.open() == [taken.deploy]
    assert woken == [app]


def test_the_same_push_asked_again_is_one_deploy(app: AppName, daemon: Assembled, woken: list[AppName]) -> None:
    first, again = (daemon.intake.push(app, MAIN, ONE, TWO, "token") for _ in range(2))
    assert first == again
    assert woken == [app]


def test_a_push_that_is_none_of_a_branch_is_left_to_git(app: AppName, daemon: Assembled, woken: list[AppName]) -> None:
    kept = PushVerdict(PushKind.KEEP, "tag v1 is kept; only branches are deployed")
    assert daemon.intake.push(app, "refs/tags/v1", ZERO, TWO) == kept
    deleted, behind = daemon.intake.push(app, MAIN, ONE, ZERO), daemon.intake.push(app, MAIN, TWO, THREE)
    assert isinstance(deleted, PushVerdict)
    assert isinstance(behind, PushVerdict), "the branch is not where the pusher saw it"
    assert deleted.kind is behind.kind is PushKind.REFUSE
    assert daemon.deploys.open() == []
    assert woken == []


def test_the_first_branch_that_is_pushed_becomes_the_apps(server: Server) -> None:
    app, daemon = server.add("blog", branch=None), server.start()
    assert isinstance(daemon.intake.push(app, "refs/heads/trunk", ZERO, ONE), Accepted)
    assert daemon.apps.get(app).branch == "trunk"
    assert server.refs.head == "trunk"


def test_nothing_is_accepted_for_an_app_that_is_not_there(daemon: Assembled) -> None:
    with pytest.raises(AppNotFound):
        daemon.intake.push(AppName("nope"), MAIN, ZERO, ONE)


def test_the_newest_choice_wins_and_settings_do_not_take_its_place(app: AppName, daemon: Assembled) -> None:
    pushed = daemon.intake.push(app, MAIN, ONE, TWO)
    assert isinstance(pushed, Accepted)
    settings = daemon.intake.repeat(daemon.live(app), Trigger.SETTINGS)
    back = daemon.intake.back(daemon.live(app))
    assert daemon.deploys.get(pushed.deploy.id).superseded_by == back.id
    restart = daemon.intake.repeat(daemon.live(app), Trigger.RESTART)
    assert daemon.deploys.get(settings.id).superseded_by == restart.id
    assert [one.id for one in daemon.deploys.open()] == [back.id, restart.id]


def test_an_automatic_way_back_neither_overtakes_nor_is_overtaken(app: AppName, daemon: Assembled) -> None:
    queued = daemon.intake.choose(app, TWO)
    back = daemon.intake.back(daemon.live(app), Trigger.AUTO_ROLLBACK, reason="it ended 3 times")
    newer = daemon.intake.choose(app, THREE)
    assert (back.reason, back.target) == ("it ended 3 times", daemon.live(app).version)
    assert daemon.deploys.get(queued.id).superseded_by == newer.id
    assert [one.id for one in daemon.deploys.open()] == [back.id, newer.id]


def test_whoever_follows_is_told_why_deployhost_asks(app: AppName, daemon: Assembled) -> None:
    deploy = daemon.intake.repeat(daemon.live(app), Trigger.RESTART, reason="its container was removed")
    assert daemon.told(deploy) == [{"event": "note", "text": "its container was removed"}]


def test_only_what_repeats_is_repeated(app: AppName, daemon: Assembled) -> None:
    with pytest.raises(ValueError, match="push repeats nothing"):
        daemon.intake.repeat(daemon.live(app), Trigger.PUSH)


def test_a_commit_that_is_on_its_way_is_not_deployed_twice_unless_it_is_to_be_built_anew(
    app: AppName, daemon: Assembled
) -> None:
    first = daemon.intake.choose(app, TWO)
    assert daemon.intake.choose(app, TWO).id == first.id
    assert daemon.intake.choose(app, TWO, rebuild=True).id != first.id


def test_a_push_learns_what_it_replaces_and_that_it_goes_forward(
    server: Server, app: AppName, daemon: Assembled
) -> None:
    daemon.deploy(app, TWO)
    daemon.intake.back(daemon.releases.of_app(app)[1])
    daemon.work_off()
    first = daemon.intake.push(app, MAIN, server.refs.branches["main"], THREE)
    second = daemon.intake.push(app, MAIN, server.refs.branches["main"], sha(4))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert [note.partition(":")[0].split(";")[-1].strip() for note in first.notes] == ["this push rolls forward"]
    assert f"this push replaces {THREE.short}" in second.notes[-1]


@pytest.mark.parametrize(
    ("behaviour", "taken", "says"),
    [
        (Behaviour(), True, "live"),
        (Behaviour(build_error="no such module"), False, "deploy failed: no such module"),
    ],
)
def test_what_a_deploy_means_to_its_pusher(
    server: Server, app: AppName, daemon: Assembled, behaviour: Behaviour, taken: bool, says: str
) -> None:
    server.behaviours[THREE] = behaviour
    outcome = daemon.intake.outcome(daemon.deploy(app, THREE))
    assert (outcome.taken, outcome.says) == (taken, says)


def test_what_an_overtaken_push_is_answered(app: AppName, daemon: Assembled) -> None:
    """By a newer push: git takes it, since the branch moves on. By a choice: nothing newer of the branch is deployed."""
    older = daemon.accept(app, TWO)
    newer = daemon.accept(app, THREE)
    outcome = daemon.intake.outcome(daemon.deploys.get(older.id))
    assert outcome.taken
    assert (
        outcome.note
        == outcome.says
        == (f"overtaken by the newer push {THREE.short}: that one is deployed instead of {TWO.short}")
    )
    daemon.intake.back(daemon.live(app))
    outcome = daemon.intake.outcome(daemon.deploys.get(newer.id))
    assert daemon.deploys.get(newer.id).status is DeployStatus.SUPERSEDED
    assert (outcome.taken, outcome.note) == (False, "")
