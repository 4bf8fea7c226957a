"""What `logs` shows of deploys whose containers are gone, or whose web process is not what failed."""

from dataclasses import replace

import pytest

from deployhost.errors import NotFound
from deployhost.model import AppName, ProcessName
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import WITH_WORKER, Behaviour
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)


def lines(ops: Operations) -> list[str]:
    return [event["line"] for event in ops.events if event["event"] == "log"]


def drop(server: Server, *roles: str) -> None:
    """Remove what has ended, as pruning does."""
    for one in list(server.engine.containers.values()):
        if not one.running and one.labels["role"] in roles:
            del server.engine.containers[one.id]


@pytest.fixture
def failed(server: Server, ops: Operations) -> tuple[AppName, int]:
    """An app whose second push failed, as its container wrote."""
    app = server.add("shop")
    server.behaviours[TWO] = Behaviour(says=("starting", "no module"), exits=1)
    ops.push(app, ONE)
    return app, ops.push(app, TWO)["deploy"]["id"]


def test_what_the_journal_kept(server: Server, ops: Operations, failed: tuple[AppName, int]) -> None:
    app, number = failed
    drop(server, "web")
    ops.ask("logs", name=app, deploy=number)
    assert ops.notes() == [f"the container of deploy {number} is gone; these last lines were kept:"]
    assert lines(ops) == ["starting", "no module"]
    ops.ask("logs", name=app, deploy=number, lines=1)
    assert lines(ops) == ["no module"]
    ops.ask("logs", name=app, deploy=number, lines=0)
    assert lines(ops) == []


def test_nothing_was_kept(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    first = ops.daemon.live(app)
    ops.push(app, TWO)
    drop(server, "web")
    with pytest.raises(NotFound, match=f"the container of deploy {first.deploy} is gone, and its output") as raised:
        ops.ask("logs", name=app, deploy=first.deploy)
    assert raised.value.hint == "deployhost logs shop"
    server.engine.end(ops.daemon.live(app).container)
    drop(server, "web")
    with pytest.raises(NotFound, match="the container of shop is gone") as raised:
        ops.ask("logs", name=app)
    assert raised.value.hint == "deployhost restart shop"


def test_a_release_command_that_failed(server: Server, ops: Operations) -> None:
    """Its container is never kept, and the web container was never started: then there is none of that either."""
    app = server.add("shop", text="release: ./migrate")
    server.behaviours[ONE] = Behaviour(ends={"./migrate": 3})
    number = ops.push(app, ONE)["deploy"]["id"]
    ops.daemon.events.append(number, {"event": "output", "stage": "release", "line": "no such table"})
    ops.ask("logs", name=app, deploy=number)
    assert (lines(ops), ops.notes()) == (["no such table"], [])
    server.engine.containers.clear()
    ops.ask("logs", name=app, deploy=number)
    assert lines(ops) == ["no such table"]


@pytest.fixture
def worker(server: Server, ops: Operations) -> tuple[AppName, int]:
    """An app whose second push failed by its worker."""
    app = server.add("shop")
    server.behaviours[TWO] = replace(WITH_WORKER, says=("no queue",), ends={"python worker.py": 1})
    ops.push(app, ONE)
    return app, ops.push(app, TWO)["deploy"]["id"]


def test_the_worker_that_failed(
    server: Server, ops: Operations, worker: tuple[AppName, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, number = worker
    hint = f"the process worker failed; to see its output: deployhost logs shop --deploy {number} --process worker"
    ops.ask("logs", name=app, deploy=number)
    assert (lines(ops), ops.notes()) == (["no queue"], [hint]), "after what web wrote"
    ops.ask("logs", name=app, deploy=number, process="worker")
    assert (lines(ops), ops.notes()) == (["no queue"], [])
    web = next(one for one in server.engine.containers.values() if one.name == f"shop-web-{TWO}")
    logs = ops.daemon.docker.logs

    def only_workers(container: str, **arguments: object) -> object:
        return iter(()) if container == web.id else logs(container, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ops.daemon.docker, "logs", only_workers)
    ops.ask("logs", name=app, deploy=number)
    assert ops.notes() == ["web wrote nothing; the process worker failed, and wrote:"]
    assert lines(ops) == ["no queue"]


def test_the_worker_that_failed_and_is_gone(server: Server, ops: Operations, worker: tuple[AppName, int]) -> None:
    app, number = worker
    drop(server, "web", "worker")
    ops.ask("logs", name=app, deploy=number, process="worker")
    assert ops.notes() == [f"the container of deploy {number} is gone; these last lines were kept:"]
    assert "no queue" in lines(ops)
    with pytest.raises(NotFound, match="has no process clock"):
        ops.ask("logs", name=app, deploy=number, process=ProcessName("clock"))
