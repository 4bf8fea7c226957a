"""Releases, and rolling back to one, as the daemon answers."""

import threading
from dataclasses import replace

import pytest

from deployhost.errors import NotFound
from deployhost.model import AppName, DeployStatus, Trigger, Version
from tests.fakes.assembled import Server, sha, wait_until
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
