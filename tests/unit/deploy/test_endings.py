"""How a process ended is told as it was, though the engine notes that a moment after the process is gone."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployhost.containers import make
from deployhost.containers.boot import NOTED_WITHIN
from deployhost.model import DeployStatus
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Ended
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


class EventsOnly(Docker):
    """An engine that has one container, and these events of it."""

    def __init__(self, *events: dict[str, Any]) -> None:
        super().__init__("nowhere")
        self.events_of_it = events

    @property
    def _api(self) -> Any:
        return self

    def inspect_container(self, _container: str) -> dict[str, Any]:
        return {"State": {"ExitCode": 137, "Error": ""}}

    def events(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(self.events_of_it)


def event(action: str, **attributes: str) -> dict[str, Any]:
    return {"Action": action, "Actor": {"Attributes": attributes}}


def test_the_engines_events_tell_every_end() -> None:
    """A container that is started again has the exit code of its last end only: Kamal's own stop, as often as not."""
    crashed = (event("start"), event("die", exitCode="3"), event("start"), event("die", exitCode="3"), event("start"))
    by_kamal = (*crashed, event("kill", signal="15"), event("die", exitCode="137"), event("stop"))
    assert EventsOnly(*crashed).how_ended("a") == Ended(by_hand=False, exit_code=137, trouble="", exit_codes=(3, 3))
    assert EventsOnly(*by_kamal).how_ended("a") == Ended(
        by_hand=True, exit_code=137, trouble="", exit_codes=(3, 3, 137)
    )
    killed = (event("start"), event("kill", signal="9"), event("die", exitCode="137"))
    assert EventsOnly(*killed).how_ended("a").by_hand
