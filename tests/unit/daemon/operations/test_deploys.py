"""Pushes, deploys without one, choosing a commit, cancelling and waiting, as the daemon answers."""

import threading
import time

import pytest

from deployhost.control.messages import Message
from deployhost.errors import (
    AppNotFound,
    Conflict,
    InvalidRequest,
    NotFound,
    WaitTimedOut,
)
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Trigger
from tests.fakes.assembled import Server, sha, wait_until
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def wait_for(event: threading.Event) -> None:
    assert event.wait(5)


# Pushes


def test_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    result = ops.push(app, ONE)
    assert (result["outcome"], result["message"]) == ("ok", "live")
    assert result["deploy"]["status"] == "live"
    assert result["deploy"]["subject"] == f"subject of {ONE.short}"
    assert [event["stage"] for event in ops.events if event.get("state") == "done"][:3] == ["fetch", "plan", "build"]
    assert server.refs.branches == {"main": ONE}


def test_branch_that_moved_meanwhile(server: Server, ops: Operations) -> None:
    """As git itself would refuse it: what somebody else pushed is not lost."""
    app = server.add("shop")
    ops.push(app, ONE)
    result = ops.ask("push", app=app, ref="refs/heads/main", old="0" * 40, new=TWO)
    assert result["outcome"] == "ng"
    assert "fetch first" in result["message"]
    assert ops.daemon.live(app).sha == ONE


def test_failed_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    server.behaviours[ONE] = Behaviour(exits=2)
    result = ops.push(app, ONE)
    assert result["outcome"] == "ng"
    assert result["message"] == "deploy failed: the app ended while starting, with exit code 2"
    assert server.refs.branches == {}
    server.behaviours.clear()
    again = ops.push(app, ONE)
    assert again["outcome"] == "ok", "the same commit can be pushed again"
    assert again["deploy"]["id"] != result["deploy"]["id"]


def test_first_push_adopts(server: Server, ops: Operations) -> None:
    app = server.add("shop", branch=None)
    ops.push(app, ONE, "refs/heads/trunk")
    assert ops.daemon.apps.get(app).branch == Branch("trunk")
    assert server.refs.head == "trunk"
    assert server.refs.branches == {"trunk": ONE}


def test_other_refs(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    kept = ops.push(app, ONE, "refs/tags/v1")
    assert (kept["outcome"], kept["fall_through"], kept["deploy"]) == ("ok", True, None)
    assert ops.notes() == ["tag v1 is kept; only branches are deployed"]
    assert ops.push(app, "0" * 40)["outcome"] == "ng"
    assert ops.daemon.deploys.of_app(app) == []


def test_push_that_is_asked_again(server: Server, ops: Operations) -> None:
    """The connection was lost and the hook asks again: however that push went meanwhile, it is not deployed twice."""
    app = server.add("shop")
    first = ops.push(app, ONE, token="a")
    again = ops.push(app, ONE, token="a")
    assert again == first
    server.behaviours[TWO] = Behaviour(exits=1)
    failed = ops.push(app, TWO, token="b")
    assert ops.push(app, TWO, token="b") == failed
    assert len(ops.daemon.deploys.of_app(app)) == 2


def test_pushes_that_are_asked_again_in_another_order(server: Server, ops: Operations) -> None:
    """After a restart the older of two pushes asks last: the newer commit still is the one that is live."""
    app = server.add("shop")

    def meanwhile() -> None:
        if not ops.daemon.deploys.of_push(app, "b"):
            ops.daemon.intake.push(app, "refs/heads/main", "0" * 40, TWO, "b")

    ops.daemon.fake_builder.during = meanwhile
    ops.push(app, ONE, token="a")
    ops.rest()
    ops.push(app, TWO, token="b")
    ops.push(app, ONE, token="a")
    assert ops.daemon.live(app).sha == TWO
    assert len(ops.daemon.deploys.of_app(app)) == 2


def test_commit_that_is_on_its_way_already(server: Server, ops: Operations) -> None:
    """Ctrl-C and push again: the second push joins the first."""
    app = server.add("shop")
    joined: list[int] = []

    def meanwhile() -> None:
        joined.append(ops.accept(app, ONE).id)

    ops.daemon.fake_builder.during = meanwhile
    result = ops.push(app, ONE)
    assert joined == [result["deploy"]["id"]]


def test_overtaken(server: Server, ops: Operations) -> None:
    app, release = server.add("shop"), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    ops.accept(app, ONE)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    results: list[Message] = []
    told: list[Message] = []
    request = {"app": app, "ref": "refs/heads/main", "old": "0" * 40, "new": TWO}
    thread = threading.Thread(target=lambda: results.append(ops.handlers["push"](request, told.append)))
    thread.start()
    wait_until(lambda: len(ops.daemon.deploys.open()) == 2)
    ops.accept(app, THREE)
    thread.join(5)
    assert results[0]["outcome"] == "ok"
    assert results[0]["message"].startswith(f"overtaken by the newer push {THREE.short}")
    # git can't tell the pusher that somebody else's commit is under way: the branch has not moved yet.
    assert any(f"replaces {ONE.short}" in str(event.get("text")) for event in told)
    release.set()
    ops.rest()
    assert ops.daemon.live(app).sha == THREE


def test_two_pushes_of_one_commit_at_once(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    app, start = server.add("shop"), threading.Barrier(6)
    release = threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    look = ops.daemon.deploys.open

    def look_slowly() -> list[Deploy]:
        found = look()
        time.sleep(0.005)
        return found

    monkeypatch.setattr(ops.daemon.deploys, "open", look_slowly)

    def accept() -> None:
        start.wait()
        ops.accept(app, ONE)

    threads = [threading.Thread(target=accept) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    release.set()
    ops.rest()
    assert len(ops.daemon.deploys.of_app(app)) == 1


def test_push_to_what_is_no_app(ops: Operations) -> None:
    with pytest.raises(AppNotFound):
        ops.ask("push", app="nope", ref="refs/heads/main", old="0" * 40, new=ONE)


# Deploys without a push


def test_restart(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="no live release"):
        ops.ask("app.restart", name=app)
    ops.push(app, ONE)
    before = ops.daemon.live(app)
    result = ops.ask("app.restart", name=app)
    after = ops.daemon.live(app)
    assert result["trigger"] == "restart"
    assert (after.image, after.sha) == (before.image, before.sha)
    assert after.container != before.container


def test_deploy_again(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="nothing has been pushed"):
        ops.ask("deploy.start", name=app)
    with pytest.raises(NotFound, match="nothing has been pushed to the branch prod of odd yet") as caught:
        ops.ask("deploy.start", name=server.add("odd", branch="prod"))
    assert caught.value.hint == f"git push {server.paths.repo(AppName('odd'))} prod"
    ops.push(app, ONE)
    result = ops.ask("deploy.start", name=app, rebuild=True)
    assert (result["trigger"], result["sha"], result["version"]) == ("manual", ONE, f"{ONE}-2")


def test_list(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    ops.push(app, TWO)
    assert [view["sha"] for view in ops.ask("deploys.list", name=app)["deploys"]] == [TWO, ONE]
    assert len(ops.ask("deploys.list", name=app, limit=1)["deploys"]) == 1
    with pytest.raises(NotFound, match="there is no deploy 99"):
        ops.ask("deploy.follow", id=99)


def pushed(server: Server, ops: Operations, *commits: str) -> AppName:
    app = server.add("shop")
    for commit in commits:
        ops.push(app, commit)
    return app


def note(ops: Operations) -> str:
    (view,) = ops.ask("app.list")["apps"]
    return str(view["note"])


def test_commit_by_name(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE, TWO)
    server.refs.branches["old"] = ONE
    ops.ask("deploy.start", name=app, ref="old")
    assert ops.notes()[0] == f"{ONE.short} is not the newest push ({TWO.short}); the branch stays"
    assert ops.daemon.live(app).sha == ONE
    assert server.refs.branches["main"] == TWO
    assert f"{ONE.short} was deployed by hand; {TWO.short} was pushed last" in note(ops)
    ops.ask("deploy.start", name=app, ref="main")
    assert not any("branch stays" in note for note in ops.notes())
    assert (ops.daemon.live(app).sha, note(ops)) == (TWO, "")
    with pytest.raises(InvalidRequest, match="is not a branch, tag or commit"):
        ops.ask("deploy.start", name=app, ref="--upload-pack=id")
    with pytest.raises(NotFound):
        ops.ask("deploy.start", name=app, ref="nope")


def test_rebuild_does_not_join_a_deploy_that_does_not(server: Server, ops: Operations) -> None:
    app, release = pushed(server, ops, ONE), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    running = ops.accept(app, TWO)
    assert ops.daemon.intake.choose(app, TWO).id == running.id
    rebuilt = ops.daemon.intake.choose(app, TWO, rebuild=True)
    assert rebuilt.id != running.id
    assert ops.daemon.intake.choose(app, TWO).id == rebuilt.id
    release.set()


def test_cancel(server: Server, ops: Operations) -> None:
    """What runs and what is queued ends; what served serves, and who pushed is told who did it."""
    app, release = pushed(server, ops, ONE), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    running = ops.accept(app, TWO)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    queued = ops.daemon.intake.repeat(ops.daemon.live(app), Trigger.SETTINGS)
    threading.Timer(0.1, release.set).start()
    ended = ops.ask("deploy.cancel", name=app, by="al\x1bice")["deploys"]
    assert [(one["id"], one["status"]) for one in ended] == [(queued.id, "cancelled"), (running.id, "cancelled")]
    assert ended[0]["error"]["message"] == ended[1]["error"]["message"] == "cancelled by alice"
    assert ops.daemon.live(app).sha == ONE
    with pytest.raises(Conflict, match=r"shop has no queued or running deploy: deploy \d+ .* is cancelled"):
        ops.ask("deploy.cancel", name=app)


def test_push_that_is_cancelled(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE)

    def meanwhile() -> None:
        ops.daemon.cancellations.ask(ops.daemon.deploys.open()[0].id, "bob")

    ops.daemon.fake_builder.during = meanwhile
    result = ops.push(app, TWO)
    assert (result["outcome"], result["message"]) == ("ng", "cancelled by bob")
    assert server.refs.branches == {"main": ONE}
    assert note(ops) == f"the newest push {TWO.short} was cancelled; {ONE.short} keeps serving"
    ops.daemon.fake_builder.during = lambda: None
    assert ops.push(app, TWO)["outcome"] == "ok", "it can be pushed again"


def test_push_that_a_rollback_overtakes(server: Server, ops: Operations) -> None:
    """It is not deployed, and nothing newer of the branch is: so it is refused."""
    app = pushed(server, ops, ONE, TWO)
    queued = ops.daemon.deploys.accept(app, THREE, trigger=Trigger.PUSH)
    newer = ops.daemon.deploys.accept(app, ONE, trigger=Trigger.ROLLBACK, target=None, overtakes=lambda _: True)
    outcome = ops.daemon.intake.outcome(ops.daemon.deploys.get(queued.id))
    assert (outcome.taken, outcome.says) == (
        False,
        f"overtaken by a rollback to {ONE.short}, which was requested later: {THREE.short} is not deployed",
    )
    ops.daemon.deploys.ask_to_cancel(newer.id)


def test_wait(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE)
    assert ops.ask("deploy.wait", name=app)["live"] is True
    server.behaviours[TWO] = Behaviour(exits=2)
    ops.push(app, TWO)
    failed = ops.ask("deploy.wait", name=app)
    assert (failed["live"], failed["why"]) == (False, "the app ended while starting, with exit code 2")
    release = threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    running = ops.accept(app, THREE)
    with pytest.raises(WaitTimedOut, match=f"deploy {running.id} of shop is still ") as late:
        ops.handlers["deploy.wait"]({"name": app, "until": server.now}, ops.events.append)
    assert late.value.exit_code == 124
    threading.Timer(0.1, release.set).start()
    assert ops.ask("deploy.wait", name=app, until=server.now + 1e9)["live"] is True
    with pytest.raises(NotFound, match="ever deployed"):
        ops.ask("deploy.wait", name=server.add("blog"))
