"""Variables and storage of an app, and the deploy that a change of them makes."""

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
