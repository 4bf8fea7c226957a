"""Keys for Kamal's SSH, made by ssh-keygen."""

from pathlib import Path
from typing import cast

import pytest

from deployhost.paths import Paths
from deployhost.server import steps_kamal as steps
from deployhost.server.act_kamal import KamalActor
from deployhost.server.facts_kamal import KamalSetupFiles
from deployhost.server.read_kamal import public_keys
from deployhost.steps import carry_out
from deployhost.system.docker import Docker
from deployhost.system.services import Services


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


@pytest.fixture
def actor(paths: Paths) -> KamalActor:
    return KamalActor(paths=paths, docker=cast("Docker", None), services=cast("Services", None), log=lambda _line: None)


def access(actor: KamalActor, port: int = 822) -> None:
    carry_out(steps.WriteSshAccess(what="write", why="w", port=port, pam=False), actor.acts)


def test_keys_are_made_once_and_written_where_they_are_looked_for(actor: KamalActor, paths: Paths) -> None:
    access(actor)
    first, files = public_keys(paths), KamalSetupFiles(paths)
    access(actor, port=823)
    assert public_keys(paths) == first
    assert paths.ssh_key.stat().st_mode & 0o777 == 0o600
    key, host_key = first[paths.ssh_key].split()[1], first[files.host_key].split()[1]
    assert key in files.authorized_keys.read_text()
    assert files.known_hosts.read_text() == f"[127.0.0.1]:823 ssh-ed25519 {host_key}\n"
    expected = files.texts(823, pam=False, key=first[paths.ssh_key], host_key=first[files.host_key])
    assert {path: (path.read_text(), path.stat().st_mode & 0o777) for path in expected} == expected


def test_half_a_key_pair_is_made_anew(actor: KamalActor, paths: Paths) -> None:
    access(actor)
    before = public_keys(paths)
    paths.ssh_key.with_name("key.pub").unlink()
    access(actor)
    after = public_keys(paths)
    assert after[paths.ssh_key] != before[paths.ssh_key]
    assert after[KamalSetupFiles(paths).host_key] == before[KamalSetupFiles(paths).host_key]
