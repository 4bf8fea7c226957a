"""Carrying out the steps for the tunnel: what is made is noted as ours, and what is removed is forgotten."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployhost.errors import SetupFailed
from deployhost.paths import Paths
from deployhost.server import steps, steps_tunnel
from deployhost.server.act_tunnel import TunnelActor
from deployhost.server.facts import install_record
from deployhost.server.facts_tunnel import TUNNEL, USERS, TunnelSetupFiles
from deployhost.steps import Step, carry_out
from deployhost.system import packages, process
from deployhost.system.http import Answer
from deployhost.system.process import Completed
from tests.fakes.services import FakeServices


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    made: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> Completed:
        made.append(argv)
        return Completed(0, "", "")

    monkeypatch.setattr(process, "run", run)
    return made


@pytest.fixture
def act(paths: Paths, services: FakeServices) -> Callable[[Step], str]:
    actor = TunnelActor(
        paths=paths, services=services, log=lambda _line: None, get=lambda *_, **__: Answer(503), connects_within=0.01
    )
    acts = {**actor.acts, **actor.removals, steps.UninstallFiles: actor.delete_files}
    return lambda step: carry_out(step, acts)


def test_apts_files_are_noted_as_ours(act: Callable[[Step], str], paths: Paths) -> None:
    texts = TunnelSetupFiles(paths).texts("key\n")
    act(steps_tunnel.WriteAptSource(what="w", why="y", files=texts))
    assert {path: path.read_text() for path in texts} == texts
    record = packages.read_record(install_record(paths))
    assert set(record.files) == {str(path) for path in texts}
    act(steps.UninstallFiles(what="w", why="y", paths=tuple(texts)))
    assert not [path for path in texts if path.exists()]
    assert packages.read_record(install_record(paths)).files == ()


def test_users(act: Callable[[Step], str], paths: Paths, ran: list[list[str]]) -> None:
    act(steps_tunnel.CreateUsers(what="w", why="y", names=USERS))
    assert [argv[-1] for argv in ran] == list(USERS)
    assert all({"--system", "--no-create-home", "/usr/sbin/nologin"} <= set(argv) for argv in ran)
    assert packages.read_record(install_record(paths)).users == tuple(sorted(USERS))
    act(steps_tunnel.UninstallUsers(what="w", why="y", names=USERS))
    assert [argv[1:] for argv in ran[2:]] == [["--force", name] for name in USERS]
    assert packages.read_record(install_record(paths)).users == ()


def test_a_cloudflared_that_does_not_connect(act: Callable[[Step], str], services: FakeServices) -> None:
    with pytest.raises(SetupFailed, match="did not connect to Cloudflare") as told:
        act(steps_tunnel.StartTunnel(what="w", why="y", name=TUNNEL))
    assert told.value.details == (f"{TUNNEL} said something",)
    assert told.value.hint == f"journalctl --unit {TUNNEL} --lines 50"
    services.fails.add(TUNNEL)
    for step in (
        steps_tunnel.StartTunnel(what="w", why="y", name=TUNNEL),
        steps_tunnel.RestartTunnel(what="w", why="y", name=TUNNEL),
    ):
        with pytest.raises(SetupFailed, match="did not connect to Cloudflare") as told:
            act(step)
        assert told.value.details == ("the last line",)


def test_packages_are_removed_and_forgotten(
    act: Callable[[Step], str], paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> Completed:
        asked.append(argv)
        shown = "cloudflared installed\n" if argv[0] == "dpkg-query" else ""
        return Completed(0, shown, "")

    monkeypatch.setattr(process, "run", run)
    paths.state.mkdir(parents=True)
    install_record(paths).write_text('{"packages": ["cloudflared", "docker.io"]}')
    act(steps_tunnel.UninstallPackages(what="w", why="y", packages=("cloudflared",)))
    assert [argv[0] for argv in asked] == ["dpkg-query", "apt-get"]
    assert asked[1][-2:] == ["purge", "cloudflared"]
    assert packages.read_record(install_record(paths)).packages == ("docker.io",)


def test_a_package_that_somebody_removed_is_only_forgotten(
    act: Callable[[Step], str], paths: Paths, ran: list[list[str]]
) -> None:
    paths.state.mkdir(parents=True)
    install_record(paths).write_text('{"packages": ["cloudflared"]}')
    act(steps_tunnel.UninstallPackages(what="w", why="y", packages=("cloudflared",)))
    assert [argv[0] for argv in ran] == ["dpkg-query"]
    assert packages.read_record(install_record(paths)).packages == ()
