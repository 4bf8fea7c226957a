"""How a process ended is told as it was, though the engine notes that a moment after the process is gone."""

import threading
from dataclasses import replace
from typing import Any, cast

import pytest

from deployhost.containers import make
from deployhost.containers.boot import NOTED_WITHIN, BootRules
from deployhost.errors import BootFailed, DeployCancelled
from deployhost.model import DeployStatus, Listener
from deployhost.system.http import Answer, Get
from deployhost.system.stop import Stop
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import WITH_WORKER, Behaviour, proxy_container

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

    def remove_worker(self: make.ContainerMaker, *arguments: Any, **more: Any) -> Any:
        (worker,) = [one.id for one in server.engine.running if one.labels["role"] == "worker"]
        daemon.docker.remove(worker, force=True)
        return ready(self, *arguments, **more)

    monkeypatch.setattr(make.ContainerMaker, "wait_ready", remove_worker)
    deploy = daemon.deploy(app, ONE)
    assert (deploy.error or {})["message"] == "the process worker ended while starting, its container was removed"


SILENT = {Listener(port, loopback=False) for port in range(7000, 7012)}


def test_a_dozen_silent_ports_take_no_longer_than_the_boot_limit(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was asked twice, for five seconds each time, whatever the limit: two minutes in one round."""
    daemon = server.start()
    monkeypatch.setattr(server.engine, "listeners", lambda _pid: SILENT)
    asked: list[float] = []

    def get(*_where: object, timeout: float, **_more: object) -> Answer:
        asked.append(timeout)
        daemon.clock.sleep(timeout)
        return Answer(0, "no answer", "late")

    watch = replace(daemon.boot, get=cast("Get", get))
    began = daemon.clock.monotonic()
    container = proxy_container()
    with pytest.raises(BootFailed, match="did not become healthy within 10 s"):
        watch.wait(container, "172.18.0.2", rules(limit=10), lambda: None)
    assert daemon.clock.monotonic() - began < 11
    assert max(asked) <= 1, "one that answers is to have its turn too"


def test_a_cancel_does_not_wait_for_an_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, silent, stop = server.start(), threading.Event(), Stop()
    waited: list[bool] = []
    monkeypatch.setattr(server.engine, "listeners", lambda _pid: {Listener(8000, loopback=False)})

    def get(*_where: object, **_more: object) -> Answer:
        stop.set()
        waited.append(silent.wait(30))
        return Answer(0)

    def check() -> None:
        if stop.is_set():
            raise DeployCancelled("cancelled by ada")

    watch = replace(daemon.boot, get=cast("Get", get))
    with pytest.raises(DeployCancelled):
        watch.wait(proxy_container(), "172.18.0.2", rules(limit=60), check, stop)
    assert waited == [], "it still does"
    silent.set()


def rules(limit: float) -> BootRules:
    return BootRules(port=8000, port_fixed=False, last_port=None, health=None, host="shop.localhost", limit=limit)
