"""An app that its owner took out of apps.yml by hand, and that still serves: it is shown, and can be removed or put back."""

from datetime import UTC, datetime
from typing import cast

import pytest

from deployhost.cli import views
from deployhost.control.messages import Message
from deployhost.control.results import AppsFound, StatusFound
from deployhost.errors import (
    AppNotFound,
    Conflict,
    InvalidConfig,
    NotFound,
)
from deployhost.kamal import contract
from deployhost.model import WEB, AppName
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

ONE = sha(1)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
NOTE = (
    "shop is no longer in apps.yml; its containers, images and data stay unchanged; to remove it: deployhost remove shop;"
    " to add it again: deployhost add shop"
)


@pytest.fixture
def app(server: Server, ops: Operations) -> AppName:
    server.add("blog")
    app = server.add("shop", text="storage: true\n    domains: [shop.example.com]")
    ops.push(app, ONE)
    server.paths.repo(app).mkdir(parents=True)
    take_out(server)
    return app


def take_out(server: Server) -> None:
    server.paths.apps_yml.write_text("apps:\n  blog:\n")


def shown(ops: Operations) -> Message:
    view: Message
    (view,) = ops.ask("app.status", name="shop")["apps"]
    assert view in ops.ask("app.list")["apps"]
    return view


def test_shown(ops: Operations, app: AppName) -> None:
    for _ in range(2):
        view = shown(ops)
        assert (view["listed"], view["state"], view["note"]) == (False, "live", NOTE)
        assert view["urls"] == ["http://shop.localhost:8000", "http://shop.example.com:8000"]
        ops.daemon.converge.run()
    listed = views.app_list(cast("AppsFound", ops.ask("app.list")), NOW)
    assert [line.split()[0] for line in listed] == ["NAME", "blog", "shop", "!"]
    assert listed[-1] == f"! {NOTE}"
    assert f"  ! {NOTE}" in views.status(cast("StatusFound", ops.ask("app.status")), NOW)
    assert ops.ask("logs", name="shop") == {}
    assert [one["listed"] for one in ops.ask("app.status", name="blog")["apps"]] == [True]


def test_removed(server: Server, ops: Operations, app: AppName) -> None:
    planned = ops.ask("app.remove", name=app, dry_run=True)
    assert planned["steps"][-1]["what"] == "forget the releases of shop"
    assert planned["notes"] == [f"the data in {server.paths.storage(app)} stays; --storage deletes it too"]
    assert shown(ops)["state"] == "live", "nothing happened"
    done = ops.ask("app.remove", name=app)
    assert done["steps"] == planned["steps"]
    assert (server.engine.containers, server.engine.images, server.table.routes) == ({}, {}, {})
    assert not server.paths.repo(app).exists()
    assert server.paths.storage(app).exists()
    assert server.paths.apps_yml.read_text() == "apps:\n  blog:\n"
    assert [view["name"] for view in ops.ask("app.list")["apps"]] == ["blog"]
    for op in ("app.remove", "app.status"):
        with pytest.raises(AppNotFound):
            ops.ask(op, name=app)


def test_removed_with_its_data(server: Server, ops: Operations, app: AppName) -> None:
    ops.ask("app.remove", name=app, storage=True)
    assert not server.paths.storage(app).exists()


@pytest.mark.parametrize("effect", range(1, 9))
def test_a_removal_that_broke_off(server: Server, ops: Operations, app: AppName, effect: int) -> None:
    ops.daemon.life._break_at = len(ops.daemon.life.effects) + effect
    ops.daemon.life._error = lambda _: NotFound("broken off")
    with pytest.raises(NotFound):
        ops.ask("app.remove", name=app)
    ops.daemon.life._break_at = 0
    ops.daemon.remover.resume()
    assert ops.daemon.remover.removals.open() == {}
    if ops.daemon.remover.is_left(app):  # it broke off before it was written down
        ops.ask("app.remove", name=app)
    assert (server.engine.containers, server.engine.images, server.table.routes) == ({}, {}, {})
    assert ops.daemon.releases.of_app(app) == []


def test_what_counts_as_left(server: Server, ops: Operations, app: AppName) -> None:
    """Not what somebody else's Kamal has under a name."""
    engine = server.engine
    assert not ops.daemon.remover.is_left(AppName("nope"))
    ops.daemon.releases.forget(app)
    assert ops.daemon.remover.is_left(app), "its repository"
    server.paths.repo(app).rmdir()
    assert ops.daemon.remover.is_left(app), "its containers"
    for container in list(engine.containers.values()):
        labels = {name: value for name, value in container.labels.items() if name in contract.role_labels(app, WEB)}
        engine.containers[container.id] = type(container)(**{**vars(container), "labels": labels})
    engine.images.clear()
    assert not ops.daemon.remover.is_left(app)


def test_a_mistake_in_apps_yml_hides_no_app(server: Server, ops: Operations) -> None:
    """What runs does so whatever the file says: who looks at it sees it, who changes something is told."""
    app, waits = server.add("shop", text="domains: [shop.example.com]\n    storage: true"), AppName("waits")
    ops.push(app, ONE)
    (server.paths.repo(waits)).mkdir(parents=True)
    before = ops.ask("app.status")["apps"][0]
    server.paths.apps_yml.write_text(server.paths.apps_yml.read_text() + "  shop: [\n")
    status = ops.ask("app.status")
    assert (status["problem"]["code"], status["problem"]["exit_code"]) == ("invalid_config", 2)
    assert "line" in status["problem"]["details"][0]
    shop, other = status["apps"]
    assert {**before, "branch": None, "storage": None, "strategy": None, "engine": None} == shop
    assert shop["urls"] == ["http://shop.localhost:8000", "http://shop.example.com:8000"], "those of its route"
    assert (other["name"], other["state"], other["live"]) == (waits, "empty", None)
    assert ops.ask("app.list") == {key: status[key] for key in ("apps", "problem")}
    assert [one["name"] for one in ops.ask("app.status", name=app)["apps"]] == [app]
    assert [one["sha"] for one in ops.ask("releases.list", name=app)["releases"]] == [ONE]
    assert ops.ask("logs", name=app) == {}
    with pytest.raises(AppNotFound):
        ops.ask("app.status", name="nope")
    for change in ("app.remove", "app.restart", "app.rollback", "storage.disable"):
        with pytest.raises(InvalidConfig, match=r"apps\.yml"):
            ops.ask(change, name=app)
    with pytest.raises(Conflict, match="shop has no queued or running deploy"):
        ops.ask("deploy.cancel", name=app)
