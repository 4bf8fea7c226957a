"""Removing an app: what goes, what stays, and that a removal that broke off goes on."""

import threading
from datetime import UTC, datetime

import pytest

from deployhost.build.sources.names import fetched_image
from deployhost.errors import (
    AppNotFound,
    NotFound,
    SwitchFailed,
)
from deployhost.model import AppName, DeployStatus, EnvName
from tests.fakes.assembled import Server, sha, wait_until
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations
from tests.inputs.deep_tree import MakeDeep

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def wait_for(event: threading.Event) -> None:
    assert event.wait(5)


def full(server: Server, ops: Operations) -> None:
    app = server.add("shop", text="storage: true")
    ops.daemon.env.set(app, {EnvName("A"): "1"}, datetime.now(UTC))
    ops.push(app, ONE)
    ops.push(app, TWO)
    (server.paths.storage(app) / "data").touch()
    (server.paths.repo(app)).mkdir(parents=True)


def test_remove(server: Server, ops: Operations) -> None:
    other = server.add("shop-2")
    ops.push(other, THREE)
    full(server, ops)
    ops.ask("domains.add", name="shop", domains=["shop.example.com"])
    pushed = server.paths.registry / "docker/registry/v2/repositories"
    projects = (server.paths.kamal_projects / name for name in ("shop", "shop.deploy"))
    for directory in (*projects, pushed / "shop", pushed / "shop-2"):
        directory.mkdir(parents=True)
    server.paths.kamal_building(AppName("shop")).touch()
    shown = ops.ask("app.remove", name="shop", dry_run=True)
    assert shown["applied"] is False
    assert shown["steps"][0]["what"] == "stop answering at http://shop.localhost:8000, http://shop.example.com:8000"
    assert len(server.engine.containers) == 3, "nothing happened"
    done = ops.ask("app.remove", name="shop")
    assert done["applied"]
    assert done["steps"] == shown["steps"]
    assert list(server.table.routes) == ["shop-2-web"]
    assert {container.labels["service"] for container in server.engine.containers.values()} == {"shop-2"}
    assert [image.tags for image in server.engine.images.values()] == [
        (f"127.0.0.1:5555/shop-2:{THREE}", "127.0.0.1:5555/shop-2:latest")
    ]
    left = [path.name for path in server.paths.root.rglob("*shop*") if "shop-2" not in path.name]
    assert left == ["shop"], "the storage, and nothing else"
    assert (server.paths.storage(AppName("shop")) / "data").exists()
    with pytest.raises(AppNotFound):
        ops.ask("app.remove", name="shop")
    assert ops.daemon.live(other).sha == THREE


def test_what_a_killed_build_had_fetched_goes_too(server: Server, ops: Operations) -> None:
    full(server, ops)
    for app in ("shop", "shop-2"):
        server.engine.add_image(Behaviour(), fetched_image(AppName(app)))
    ops.ask("app.remove", name="shop")
    assert [image.tags for image in server.engine.images.values()] == [(fetched_image(AppName("shop-2")),)]


def test_remove_with_storage(server: Server, ops: Operations) -> None:
    full(server, ops)
    ops.ask("app.remove", name="shop", storage=True)
    assert not server.paths.storage(AppName("shop")).exists()


def test_added_again(server: Server, ops: Operations) -> None:
    full(server, ops)
    ops.ask("app.remove", name="shop")
    app = server.add("shop")
    assert ops.push(app, ONE)["outcome"] == "ok"
    assert ops.daemon.live(app).version.sha == ONE


def test_interrupted_removal_can_be_run_again(server: Server, ops: Operations) -> None:
    full(server, ops)
    server.table.down = True
    with pytest.raises(SwitchFailed):
        ops.ask("app.remove", name="shop")
    server.table.down = False
    ops.daemon.life._break_at = len(ops.daemon.life.effects) + 3
    ops.daemon.life._error = lambda _: NotFound("broken off")
    with pytest.raises(NotFound, match="broken off"):
        ops.ask("app.remove", name="shop")
    ops.daemon.life._break_at = 0
    # Run again by a person, or by the next start of the daemon: the same.
    ops.daemon.remover.resume()
    assert "shop" not in server.paths.apps_yml.read_text()
    assert server.engine.containers == {}
    assert server.engine.images == {}
    assert ops.daemon.remover.removals.open() == {}


def test_a_removal_that_cannot_be_finished_is_in_nobodys_way(server: Server, ops: Operations) -> None:
    full(server, ops)
    server.table.down = True
    with pytest.raises(SwitchFailed):
        ops.ask("app.remove", name="shop")
    ops.daemon.remover.resume()
    assert list(ops.daemon.remover.removals.open()) == ["shop"]


def test_removed_while_it_builds(server: Server, ops: Operations) -> None:
    """Who pushed is told; nothing of the app is left, and nothing of it comes up."""
    app = server.add("shop")

    def meanwhile() -> None:
        ops.handlers["app.remove"]({"name": app}, lambda _: None)

    ops.daemon.fake_builder.during = meanwhile
    result = ops.push(app, ONE)
    assert (result["outcome"], result["message"]) == ("ng", "shop was removed")
    ops.rest()
    assert (server.engine.containers, server.engine.images, server.table.routes) == ({}, {}, {})
    assert ops.daemon.deploys.open() == []


def test_queued_deploys_of_a_removed_app(server: Server, ops: Operations) -> None:
    app, release = server.add("shop"), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    ops.accept(app, ONE)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    ops.accept(app, TWO)
    ops.handlers["app.remove"]({"name": app}, lambda _: None)
    release.set()
    ops.rest()
    assert server.engine.containers == {}
    assert ops.daemon.deploys.open() == []


def test_a_storage_deeper_than_pythons_stack(deep: MakeDeep, server: Server, ops: Operations) -> None:
    """An app made it so before it was removed, and its work tree too."""
    full(server, ops)
    app = AppName("shop")
    for top in (server.paths.storage(app) / "a", server.paths.build_tree(app)):
        top.parent.mkdir(parents=True, exist_ok=True)
        deep(top)
    assert ops.ask("app.remove", name="shop", storage=True)["applied"]
    assert not server.paths.storage(app).exists()
    assert not server.paths.build_tree(app).exists()
    assert ops.daemon.remover.unfinished() == {}
