"""Keys for Kamal's SSH, made by ssh-keygen."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from deployhost.paths import Paths
from deployhost.server import steps_kamal as steps
from deployhost.server.act_kamal import KamalActor
from deployhost.server.facts_kamal import KamalSetupFiles
from deployhost.server.read_kamal import public_keys
from deployhost.system.docker import Docker
from deployhost.system.services import Services


@dataclass
class Manager:
    """A service manager that knows their definitions and what they wrote."""

    manager: str = "supervisor"
    defined: dict[str, str] = field(default_factory=dict)

    def output(self, name: str) -> tuple[str, ...]:
        return (f"{name} says why",)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


@pytest.fixture
def act(paths: Paths) -> KamalActor:
    return KamalActor(paths, cast("Docker", None), cast("Services", Manager()), lambda _line: None)


def access(act: KamalActor, port: int = 822) -> None:
    act(steps.WriteSshAccess(what="write", why="w", port=port, pam=False))


def test_keys_are_made_once_and_written_where_they_are_looked_for(act: KamalActor, paths: Paths) -> None:
    access(act)
    first, files = public_keys(paths), KamalSetupFiles(paths)
    access(act, port=823)
    assert public_keys(paths) == first
    assert paths.ssh_key.stat().st_mode & 0o777 == 0o600
    key, host_key = first[paths.ssh_key].split()[1], first[files.host_key].split()[1]
    assert key in files.authorized_keys.read_text()
    assert files.known_hosts.read_text() == f"[127.0.0.1]:823 ssh-ed25519 {host_key}\n"
    expected = files.texts(823, pam=False, key=first[paths.ssh_key], host_key=first[files.host_key])
    assert {path: (path.read_text(), path.stat().st_mode & 0o777) for path in expected} == expected


def test_half_a_key_pair_is_made_anew(act: KamalActor, paths: Paths) -> None:
    access(act)
    before = public_keys(paths)
    paths.ssh_key.with_name("key.pub").unlink()
    access(act)
    after = public_keys(paths)
    assert after[paths.ssh_key] != before[paths.ssh_key]
    assert after[KamalSetupFiles(paths).host_key] == before[KamalSetupFiles(paths).host_key]
