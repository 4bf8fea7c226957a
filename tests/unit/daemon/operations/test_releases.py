"""Releases, going back, choosing a commit, cancelling and waiting, as the daemon answers."""

import threading
from dataclasses import replace

import pytest

from deployhost.errors import Conflict, InvalidRequest, NotFound, WaitTimedOut
from deployhost.kamal.contract import PAUSED, STOPPED
from deployhost.model import AppName, DeployStatus, Trigger, Version
from tests.fakes.assembled import Server, sha, wait_until
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def wait_for(event: threading.Event) -> None:
    assert event.wait(5)


def pushed(server: Server, ops: Operations, *commits: str) -> AppName:
    app = server.add("shop")
    for commit in commits:
        ops.push(app, commit)
    return app


def note(ops: Operations) -> str:
    (view,) = ops.ask("app.list")["apps"]
    return str(view["note"])


def test_releases(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE, TWO, THREE)
    ops.ask("app.rollback", name=app)
    now, three, two, one = ops.ask("releases.list", name=app)["releases"]
    assert (now["version"], now["live"], now["how"], now["target"]) == (f"{TWO}-2", True, "rollback", TWO)
    assert (three["left"], three["why"]) == ("rolled_back", f"rolled back to {TWO.short}")
    assert (two["left"], one["left"], now["left"]) == ("replaced", "replaced", None)
    assert two["left_at"] == three["live_since"]
    assert [phase["name"] for phase in one["deploy"]["phases"]][:3] == ["queue", "fetch", "plan"]
    assert {release["image_available"] for release in (now, three, two, one)} == {True}
    server.engine.images.clear()
    assert {one["image_available"] for one in ops.ask("releases.list", name=app)["releases"]} == {False}


def test_releases_of_one_commit_are_told_apart(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE)
    for _ in range(2):
        ops.ask("app.restart", name=app)
    ops.ask("app.rollback", name=app, release=f"{ONE.short}-2")
    left = ops.ask("releases.list", name=app)["releases"][1]
    assert (left["version"], left["why"]) == (f"{ONE}-3", f"rolled back to {ONE.short}-2")


def test_nothing_was_ever_live(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    assert ops.ask("releases.list", name=app)["releases"] == []
    with pytest.raises(NotFound, match="shop has no live release to roll back from"):
        ops.ask("app.rollback", name=app)


def test_nobody_knows_how_long_kamals_own_deploy_took(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    live = ops.daemon.live(app)
    ops.daemon.releases.adopt(replace(live, version=Version(f"{ONE}-2"), live_since=live.live_since + 1), "", [], 0)
    kamals, ours = ops.ask("releases.list", name=app)["releases"]
    assert (kamals["how"], kamals["deploy"]["total_ms"]) == ("kamal", None)
    assert ours["deploy"]["total_ms"] is not None


def test_rollback_and_forward_again(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE, TWO)
    plan = ops.ask("app.rollback", name=app, dry_run=True)
    assert (plan["release"]["version"], plan["from"]["version"], plan["applied"]) == (ONE, TWO, False)
    assert ops.daemon.live(app).sha == TWO, "nothing happened yet"
    result = ops.ask("app.rollback", name=app)
    assert (result["deploy"]["status"], result["deploy"]["trigger"]) == ("live", "rollback")
    assert ops.daemon.live(app).sha == ONE
    assert server.refs.branches == {"main": TWO}, "git's branch is where it was pushed to"
    rest = {key: value for key, value in result.items() if key != "deploy"}
    rest["from"] = {**result["from"], "live": True}
    assert ops.events[0] == {"event": "deploy", "id": result["deploy"]["id"], "rest": rest}
    assert note(ops) == (
        f"rolled back to {ONE.short} by hand; {TWO.short} was pushed last; to roll forward: deployhost deploy shop"
    )
    (view,) = ops.ask("app.list")["apps"]
    assert (view["rolled_back"]["by"], view["rolled_back"]["to"]) == ("person", ONE)
    ops.ask("deploy.start", name=app)
    assert (ops.daemon.live(app).sha, note(ops)) == (TWO, "")


def test_push_after_a_rollback(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE, TWO)
    ops.ask("app.rollback", name=app)
    ops.push(app, THREE)
    assert ops.notes()[0] == f"shop was rolled back to {ONE.short} (subject of {ONE.short}); this push rolls forward"
    assert (ops.daemon.live(app).sha, note(ops)) == (THREE, "")
    ops.push(app, sha(4))
    assert ops.notes() == []


def test_nothing_to_go_back_to(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE)
    with pytest.raises(NotFound, match="no earlier release"):
        ops.ask("app.rollback", name=app)
    with pytest.raises(NotFound, match="no release 'nope'"):
        ops.ask("app.rollback", name=app, release="nope")


def test_rollback_waits_for_what_is_under_way(server: Server, ops: Operations) -> None:
    app, release = pushed(server, ops, ONE, TWO), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    running = ops.accept(app, THREE)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    threading.Timer(0.05, release.set).start()
    result = ops.ask("app.rollback", name=app)
    assert result["from"]["version"] == THREE, "what was live by then, not what was when it was asked for"
    (begun,) = (event for event in ops.events if event["event"] == "deploy")
    assert begun["rest"]["from"] is None, "that is not known yet"
    assert ops.notes()[0] == (
        f"deploy {running.id} ({THREE.short}) runs first, then the rollback; "
        "to roll back sooner: deployhost cancel shop, which cancels both, then roll back again"
    )
    assert ops.daemon.live(app).sha == ONE


def test_rollback_that_a_newer_push_overtakes(server: Server, ops: Operations) -> None:
    """The newest choice wins: it is the rollback that does not happen, and it says so."""
    app, release = pushed(server, ops, ONE, TWO), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    ops.accept(app, THREE)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    queued = ops.handlers["app.rollback"]({"name": app, "follow": False}, lambda _: None)
    newer = ops.accept(app, sha(4))
    release.set()
    ops.rest()
    rollback = ops.daemon.deploys.get(queued["deploy"]["id"])
    assert (rollback.status, rollback.superseded_by) == (DeployStatus.SUPERSEDED, newer.id)
    assert ops.daemon.live(app).sha == sha(4)


def test_automatic_rollback_is_explained(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE, TWO)
    ops.daemon.releases.mark_failed(app, ops.daemon.live(app).version, "it ended 3 times")
    ops.daemon.intake.back(ops.daemon.releases.of_app(app)[1], Trigger.AUTO_ROLLBACK, reason="it ended 3 times")
    ops.rest()
    assert note(ops) == (
        f"rolled back automatically to {ONE.short}, because it ended 3 times; {TWO.short} was pushed last; "
        "to roll forward: deployhost deploy shop"
    )
    _, two, _ = ops.ask("releases.list", name=app)["releases"]
    assert (two["left"], two["why"]) == ("failed", "it ended 3 times")
    waited = ops.ask("deploy.wait", name=app)
    assert (waited["live"], waited["why"], waited["deploy"]["sha"]) == (False, "it ended 3 times", TWO)


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


def test_what_the_proxy_does_is_shown(server: Server, ops: Operations) -> None:
    app = pushed(server, ops, ONE)
    route = server.table.routes["shop-web"]
    for now, state in ((STOPPED, "stopped"), (PAUSED, "held")):
        server.table.routes["shop-web"] = replace(route, state=now)
        (view,) = ops.ask("app.list")["apps"]
        assert (view["state"], view["route"], view["maintenance"]) == (state, now, now == STOPPED)
        assert ("deployhost kamal shop -- app live" in view["note"]) is (now == STOPPED)
    del server.table.routes["shop-web"]
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert (view["state"], view["route"], view["maintenance"]) == ("live", "missing", False)


def test_lock_of_somebody_else_is_shown(server: Server, ops: Operations) -> None:
    pushed(server, ops, ONE)
    (server.paths.kamal / "lock-shop").mkdir(parents=True)
    (server.paths.kamal / "lock-shop" / "details").write_text("Locked by: Alice at 2025-06-15T15:06:40Z\nMessage: mine")
    (view,) = ops.ask("app.list")["apps"]
    assert (view["lock"]["by"], view["lock"]["since"]) == ("Alice", "2025-06-15T15:06:40.000Z")
    assert "Alice has held Kamal's lock for " in view["note"]
    assert view["note"].endswith("deployhost kamal shop -- lock release")
