"""Following a deploy: at once, or later by its number."""

from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

ONE = sha(1)


def test_without_following(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    result = ops.ask("app.restart", name=app, follow=False)
    assert result["status"] in ("queued", "running")
    assert ops.events == []
    followed = ops.ask("deploy.follow", id=result["id"])
    assert followed["status"] == "live"
    stages = [event["stage"] for event in ops.events if event.get("state") == "done"]
    assert stages == ["create", "start", "health", "switch"]
