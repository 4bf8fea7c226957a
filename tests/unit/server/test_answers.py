"""Waiting until a service that was started answers; one that does not says why."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.control import client
from deployhost.errors import DaemonUnavailable, DockerUnavailable, SetupFailed
from deployhost.paths import Paths
from deployhost.server import answers as module
from deployhost.server.answers import ServiceAnswers
from deployhost.system import machine
from deployhost.system.docker import Docker
from deployhost.system.machine import PortListener
from deployhost.system.services import Services


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENGINE_WITHIN", "DAEMON_WITHIN", "KAMAL_WITHIN"):
        monkeypatch.setattr(module, name, 0.3)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def answers(paths: Paths, info: Callable[[], Any] = lambda: None, manager: str = "supervisor") -> ServiceAnswers:
    services = SimpleNamespace(manager=manager, output=lambda name: (f"{name} says why",))
    docker = SimpleNamespace(info=info)
    return ServiceAnswers(paths=paths, version="2", docker=cast("Docker", docker), services=cast("Services", services))


def test_the_engine_is_up_once_it_answers(paths: Paths) -> None:
    said = [DockerUnavailable("no answer"), SimpleNamespace(version="20.10")]

    def info() -> Any:
        one = said.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    assert answers(paths, info).wait("docker") == "20.10"
    assert said == []


def test_an_engine_that_does_not_answer_says_why(paths: Paths) -> None:
    def away() -> Any:
        raise DockerUnavailable("no answer", details=("no such socket",))

    with pytest.raises(SetupFailed, match="the Docker engine did not answer within") as caught:
        answers(paths, away, "systemd").wait("docker")
    assert (caught.value.hint, caught.value.details) == (
        "journalctl --unit docker --lines 50",
        ("no such socket",),
    )


def test_the_daemon_is_up_once_the_new_version_answers(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str | Exception] = [DaemonUnavailable("nobody listens"), "1", "2"]

    def call(_socket: str, op: str, **_more: Any) -> dict[str, Any]:
        assert op == "ping"
        one = said.pop(0)
        if isinstance(one, Exception):
            raise one
        return {"version": one}

    monkeypatch.setattr(client, "call", call)
    assert answers(paths).wait("deployhostd") == "2"
    assert said == []


def test_a_daemon_that_stays_the_old_one_is_told(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "call", lambda *_, **__: {"version": "1"})
    with pytest.raises(SetupFailed, match=r"deployhostd did not answer within 0\.3 s of its start: 1") as caught:
        answers(paths).wait("deployhostd")
    assert caught.value.hint == f"tail -n 50 {paths.logs}/deployhostd.log"
    assert caught.value.details == ("deployhostd says why",)


def test_a_service_is_up_once_its_own_program_listens(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [None, PortListener(7, "nginx"), PortListener(8, "sshd")]
    monkeypatch.setattr(machine, "listener", lambda _port: seen.pop(0))
    assert answers(paths).wait("deployhost-sshd") == "on 127.0.0.1:822"
    assert seen == []


def test_a_service_that_does_not_come_up_says_why(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "listener", lambda _port: None)
    monkeypatch.setattr(module, "KAMAL_WITHIN", 0.0)
    with pytest.raises(SetupFailed, match="did not listen on") as caught:
        answers(paths).wait("deployhost-registry")
    assert caught.value.hint == f"tail -n 50 {paths.logs}/deployhost-registry.log"
    assert caught.value.details == ("deployhost-registry says why",)
