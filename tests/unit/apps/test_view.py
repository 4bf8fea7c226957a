"""What of an app is shown: what the proxy does with its requests, and who holds its lock."""

from dataclasses import replace

import pytest

from deployhost.kamal.contract import PAUSED, STOPPED
from deployhost.model import AppName
from deployhost.system import bind_mount
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

ONE = sha(1)


def pushed(server: Server, ops: Operations, *commits: str) -> AppName:
    app = server.add("shop")
    for commit in commits:
        ops.push(app, commit)
    return app


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


def test_a_container_from_before_the_storage_was_mounted_is_told(
    server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = server.add("shop", text="storage: true")
    ops.push(app, ONE)
    old = {one.pid for one in server.engine.running if one.labels.get("service") == app}
    monkeypatch.setattr(bind_mount, "is_bound", lambda path: path == server.paths.storage_root)
    monkeypatch.setattr(bind_mount, "lacks_flags", lambda pid, place: pid in old and place == "/storage")
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert view["note"].endswith("to restart it now: deployhost restart shop")
    ops.ask("app.restart", name=app)
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert view["note"] == ""
