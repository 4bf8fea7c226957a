"""Variables, domains and storage of an app, and the deploy that a change of them makes."""

import pytest

from deployhost.errors import (
    Conflict,
)
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE = sha(1)


def test_env(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"] is None, "nothing runs yet"
    ops.push(app, ONE)
    result = ops.ask("env.set", name=app, values={"A": "1", "B": "two\nlines"})
    assert result["changed"] == ["B"]
    assert result["deploy"]["status"] == "live"
    assert server.engine.specs[ops.daemon.live(app).container].env["B"] == "two\nlines"
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"] is None, "nothing changed"
    listed = ops.ask("env.list", name=app)["env"]
    assert [(entry["name"], entry["value"]) for entry in listed] == [("A", None), ("B", None)]
    assert ops.ask("env.list", name=app, reveal=True)["env"][0]["value"] == "1"
    assert ops.ask("env.unset", name=app, names=["A", "X"])["changed"] == ["A"]
    assert "A" not in server.engine.specs[ops.daemon.live(app).container].env


def test_env_that_breaks_the_app(server: Server, ops: Operations) -> None:
    """The old container serves on, and what was set stays set: it is the owner's to put right."""
    app = server.add("shop")
    ops.push(app, ONE)
    before = ops.daemon.live(app)
    server.engine.behaviours[before.image] = Behaviour(exits=1)
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"]["status"] == "failed"
    assert ops.daemon.live(app) == before


def hosts(server: Server) -> list[str]:
    return list(server.table.routes["shop-web"].hosts)


def test_domains(server: Server, ops: Operations) -> None:
    app, other = server.add("shop"), server.add("blog")
    ops.push(app, ONE)
    container = ops.daemon.live(app).container
    result = ops.ask("domains.add", name=app, domains=["shop.example.com"])
    assert (result["domains"], result["changed"]) == (["shop.example.com"], ["shop.example.com"])
    assert hosts(server) == ["shop.localhost", "shop.example.com"]
    assert ops.daemon.live(app).container == container, "the same container"
    with pytest.raises(Conflict):
        ops.ask("domains.add", name=other, domains=["shop.example.com"])
    assert ops.ask("domains.remove", name=app, domains=["shop.example.com"])["domains"] == []
    assert hosts(server) == ["shop.localhost"]
    assert ops.ask("domains.list", name=app) == {"app": "shop", "url": "http://shop.localhost:8000", "domains": []}


def test_domains_before_the_first_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.ask("domains.add", name=app, domains=["shop.example.com"])
    assert server.table.routes == {}
    ops.push(app, ONE)
    assert "shop.example.com" in hosts(server)


def test_storage(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    path = str(server.paths.storage(app))
    result = ops.ask("storage.enable", name=app)
    assert (result["path"], result["mounted_at"], result["changed"]) == (path, "/storage", True)
    assert server.engine.specs[ops.daemon.live(app).container].binds == (f"{path}:/storage",)
    (server.paths.storage(app) / "data").touch()
    assert ops.ask("storage.enable", name=app)["deploy"] is None
    result = ops.ask("storage.disable", name=app)
    assert (result["enabled"], result["path"], result["mounted_at"]) == (False, path, None)
    assert (server.paths.storage(app) / "data").exists()
    assert ops.ask("storage.show", name=app)["path"] == path
