"""Starting a listener: nobody sees its secrets, and it has none before it is known."""

import errno
import os
from pathlib import Path

import pytest

from deployhost.daemon.webhook import launch
from deployhost.daemon.webhook.users import ListenerUsers
from deployhost.errors import FileProblem
from deployhost.model import Secret
from deployhost.system import process_records
from tests.real.listener import ID, Machine, pid


def test_no_secret_shows(machine: Machine) -> None:
    machine.secrets = {ID: Secret("very-secret-very-secret")}
    keeper = machine.daemon()
    keeper.round()
    process = Path(f"/proc/{pid(keeper)}")
    assert b"very-secret" not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert all(b"very-secret" not in file.read_bytes() for file in machine.paths.webhook.glob("*.json"))


def test_one_that_can_t_be_noted_gets_no_secrets(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(process_records, "note", no_room)
    with pytest.raises(FileProblem):
        machine.daemon().round()
    assert list(machine.paths.webhook.glob("*.json")) == []


@pytest.mark.parametrize("program", ["true", "cat"])
def test_a_program_that_never_says_that_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(launch, "command", lambda *_: [program])
    monkeypatch.setattr(launch, "READY_WITHIN", 0.3)
    door, deliveries = os.pipe()
    try:
        users = ListenerUsers(os.getgid())
        assert launch.launch((door, deliveries), tmp_path, tmp_path, {ID: Secret("first")}, users) is None
    finally:
        os.close(door)
        os.close(deliveries)
    assert list(tmp_path.iterdir()) == []
