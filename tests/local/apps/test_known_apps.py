"""An app that its owner took out of apps.yml by hand, and puts back."""

import pytest

from deployhost.control.messages import Message
from deployhost.model import AppName
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)


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


def test_put_back(server: Server, ops: Operations, app: AppName) -> None:
    """What was said of it goes at once, and it is as it was."""
    ops.daemon.converge.run()
    assert "not in apps.yml" in ops.daemon.converge.notes(app)[0]
    ops.ask("app.add", name=app)
    assert (shown(ops)["listed"], shown(ops)["note"], shown(ops)["state"]) == (True, "", "live")
    assert ops.daemon.converge.left_alone(app) == ""
    assert ops.push(app, TWO)["outcome"] == "ok"
    assert ops.daemon.live(app).sha == TWO
