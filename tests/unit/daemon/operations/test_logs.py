"""What `logs` answers."""

import pytest

from deployhost.errors import (
    NotFound,
)
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_logs(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="has not run yet"):
        ops.ask("logs", name=app)
    server.behaviours[ONE] = Behaviour(says=("one", "two"))
    server.behaviours[TWO] = Behaviour(says=("no module",), exits=1)
    ops.push(app, ONE)
    failed = ops.push(app, TWO)["deploy"]["id"]
    ops.ask("logs", name=app, lines=1)
    assert [event["line"] for event in ops.events] == ["two"]
    ops.ask("logs", name=app, deploy=failed)
    assert [event["line"] for event in ops.events] == ["no module"], "of a container that failed, too"
    with pytest.raises(NotFound):
        ops.ask("logs", name=server.add("blog"), deploy=failed)
    server.behaviours[THREE] = Behaviour(build_error="RUN pip install failed")
    unbuilt = ops.push(app, THREE)["deploy"]["id"]
    ops.daemon.events.append(unbuilt, {"event": "output", "stage": "build", "line": "no matching distribution"})
    ops.ask("logs", name=app, deploy=unbuilt)
    assert [event["line"] for event in ops.events] == ["no matching distribution"], (
        "of what was never started: the build"
    )
