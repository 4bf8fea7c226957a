"""What is found of Kamal's parts on a server, in a tree of our own."""

import os
from pathlib import Path
from typing import cast

import pytest

from deployhost.kamal import guard
from deployhost.paths import Paths
from deployhost.server import read_kamal
from deployhost.server.facts_kamal import REGISTRY, SSHD, KamalFacts, KamalSetupFiles, ServiceFacts, WantedKamal
from deployhost.server.read_kamal import read_kamal_facts
from deployhost.system.services import Services

WANTED = WantedKamal(asked=True, ssh_port=822, sshd_definition="", registry_definition="")


class Manager:
    """A manager that runs one of the two services."""

    def definition(self, name: str) -> str | None:
        return "the sshd" if name == SSHD else None

    def enabled(self, name: str) -> bool:
        return name == SSHD

    def active(self, name: str) -> bool:
        return name == SSHD


def found(paths: Paths) -> KamalFacts:
    holders = {822: "sshd (process 7)"}
    services = cast("Services", Manager())
    return read_kamal_facts(WANTED, paths, services, frozenset({"libyaml-0-2"}), lambda port: holders.get(port, ""))


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(read_kamal, "has_buildx", lambda _paths: False)
    monkeypatch.setattr(guard, "is_there", lambda _firewall: False)
    return Paths(tmp_path)


def test_on_a_server_without_any_of_it(paths: Paths) -> None:
    facts = found(paths)
    assert (facts.machine, facts.program, facts.library) == (os.uname().machine, "", True)
    assert (facts.keys, facts.files, facts.storage_owned, facts.password_locked) == ({}, {}, False, False)
    assert facts.ssh_port == 822
    assert facts.sshd_service == ServiceFacts(
        definition="the sshd", enabled=True, active=True, holder="sshd (process 7)"
    )
    assert facts.registry_service == ServiceFacts()
    assert REGISTRY != SSHD


def test_files_count_with_their_modes_and_keys_only_in_pairs(paths: Paths) -> None:
    files = KamalSetupFiles(paths)
    paths.ssh.mkdir(parents=True)
    files.authorized_keys.write_text("a key")
    files.authorized_keys.chmod(0o640)
    paths.ssh_key.with_name("key.pub").write_text("ssh-ed25519 AAAA\n")
    files.host_key.write_text("private")
    assert found(paths).files == {files.authorized_keys: ("a key", 0o640)}
    assert found(paths).keys == {}, "half a pair is none"
    paths.ssh_key.write_text("private")
    assert found(paths).keys == {paths.ssh_key: "ssh-ed25519 AAAA"}


@pytest.mark.parametrize(("password", "locked"), [("!", True), ("!*", True), ("*", False), ("$y$x", False)])
def test_a_locked_password_is_seen(paths: Paths, password: str, locked: bool) -> None:
    shadow = paths.root / "etc/shadow"
    shadow.parent.mkdir()
    shadow.write_text(f"daemon:!:1::::::\nroot:{password}:1::::::\n")
    assert found(paths).password_locked is locked
