"""How a process ended is told as it was, though the engine notes that a moment after the process is gone."""

from typing import Any

import pytest

from deployhost.containers import make
from deployhost.containers.boot import NOTED_WITHIN
from deployhost.model import DeployStatus
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import WITH_WORKER, Behaviour

ONE = sha(1)


@pytest.mark.parametrize("looks", [2, 3, 20])
def test_the_app(server: Server, looks: int) -> None:
    app, daemon = server.add("shop"), server.start()
    server.engine.notes_late = looks
    server.behaviours[ONE] = Behaviour(exits=42)
    error = daemon.deploy(app, ONE).error or {}
    assert error["message"] == "the app ended while starting, with exit code 42"


def test_an_engine_that_never_notes_it(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.engine.notes_late = 1_000_000
    server.behaviours[ONE] = Behaviour(exits=42)
    error = daemon.deploy(app, ONE).error or {}
    assert error["message"] == "the app ended while starting, and the engine does not say how"
    assert NOTED_WITHIN <= 5


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_a_worker(server: Server, looks: int) -> None:
    """Nor does it count as one that runs, because the engine has not noted its end."""
    app, daemon = server.add("shop"), server.start()
    server.engine.notes_late = looks
    server.behaviours[ONE] = Behaviour(processes=WITH_WORKER.processes, ends={"python worker.py": 3})
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.FAILED
    assert (deploy.error or {})["message"] == "the process worker ended while starting, with exit code 3"


def test_a_worker_that_was_removed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = WITH_WORKER
    ready = make.ContainerMaker.wait_ready

    def remove_worker(self: make.ContainerMaker, *arguments: Any) -> Any:
        (worker,) = [one.id for one in server.engine.running if one.labels["role"] == "worker"]
        daemon.docker.remove(worker, force=True)
        return ready(self, *arguments)

    monkeypatch.setattr(make.ContainerMaker, "wait_ready", remove_worker)
    deploy = daemon.deploy(app, ONE)
    assert (deploy.error or {})["message"] == "the process worker ended while starting, its container was removed"
