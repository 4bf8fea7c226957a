"""The listener's life: started while it is wanted, restarted, replaced; no delivery is refused or lost meanwhile."""

import os
import signal
import stat
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from deployhost.daemon.webhook import keeper as keeper_module
from deployhost.daemon.webhook import launch
from deployhost.daemon.webhook.keeper import WHAT
from deployhost.daemon.webhook.users import ListenerUsers
from deployhost.errors import CommandFailed, SetupFailed
from deployhost.model import Secret
from deployhost.server import uninstall
from deployhost.server.steps import EndListener
from deployhost.server.uninstall import Uninstall
from deployhost.system import process_records
from tests.fakes.assembled import wait_until
from tests.fakes.deliveries import connect, signed, status_of
from tests.real.listener import ID, Machine, gone, pid

OTHER = "fedcba9876543210"
BODY = b'{"ref": "refs/heads/main", "after": "", "repository": {"id": 17}}'


def test_a_delivery_comes_to_the_daemon(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    assert machine.deliver() == 202
    (line,) = keeper.inbox.waiting_lines()
    assert b'"repository": 17' in line
    assert machine.deliver("wrong") == 404
    assert list(keeper.inbox.waiting_lines()) == []
    assert stat.S_IMODE(machine.paths.webhook_socket.stat().st_mode) == 0o660
    before = pid(keeper)
    keeper.round()
    assert pid(keeper) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_has_no_rights(machine: Machine) -> None:
    machine.users = ListenerUsers(os.getgid(), 65534, 65534)
    keeper = machine.daemon()
    keeper.round()
    assert machine.deliver() == 202
    process = Path(f"/proc/{pid(keeper)}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert status["Uid"].split() == ["65534"] * 4
    assert status["Gid"].split() == ["65534"] * 4
    assert status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert (process / "root").readlink() == (machine.paths.webhook / "empty").resolve()
    assert list((machine.paths.webhook / "empty").iterdir()) == []
    limits = (process / "limits").read_text()
    for name, most in (("Max address space", str(256 * 1024**2)), ("Max processes", "0"), ("Max file size", "0")):
        assert any(line.startswith(name) and line.split()[-3:-1] == [most, most] for line in limits.splitlines()), name
    opened = {link.name: str(link.readlink()) for link in (process / "fd").iterdir()}
    assert {target.split(":")[0] for target in opened.values()} == {
        "/dev/null",
        "socket",
        "anon_inode",
        str((machine.paths.webhook / "deliveries").resolve()),
    }


def test_one_that_died_is_started_again_and_who_came_meanwhile_waits(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = machine.daemon()
    keeper.round()
    os.kill(pid(keeper), signal.SIGKILL)
    assert keeper._current is not None
    wait_until(lambda: keeper._current is not None and keeper._current.poll() is not None)
    waiting = connect(machine.paths.webhook_socket)
    waiting.sendall(signed(f"/webhook/{ID}", "first", BODY))
    with pytest.raises(CommandFailed, match="keeps ending"):
        keeper.round()
    time.sleep(0.5)
    keeper.round()
    assert status_of(waiting) == 202
    assert len(list(keeper.inbox.waiting_lines())) == 1


def test_one_that_keeps_dying_is_started_later_and_later(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "command", lambda *_: ["/bin/false"])
    keeper = machine.daemon()
    assert keeper.troubles.went_well(WHAT, keeper.round) is False
    assert keeper._delay == 1.0
    (shown,) = keeper.troubles.now()
    assert "can't be started" in shown["message"]
    assert shown["hint"].endswith(("deployhostd.log", "journalctl --unit deployhostd --lines 50"))
    with pytest.raises(CommandFailed, match="keeps ending"):
        keeper.round()
    keeper._not_before = 0
    for _ in range(10):
        with pytest.raises(CommandFailed, match="can't be started"):
            keeper.round()
        keeper._not_before = 0
    assert keeper._delay == 30.0
    assert not machine.paths.webhook_socket.exists()


def test_one_that_does_not_answer_is_ended_and_started_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "PROBE_WITHIN", 0.5)
    keeper = machine.daemon()
    keeper.round()
    first, keeper._probe_at = pid(keeper), 0.0
    keeper.round()
    assert pid(keeper) == first, "it answers"
    os.kill(first, signal.SIGSTOP)
    keeper.round()
    assert pid(keeper) == first, "it is asked now and then only"
    keeper._probe_at = 0.0
    with pytest.raises(CommandFailed, match="keeps ending"):
        keeper.round()
    keeper._not_before = 0.0
    keeper.round()
    assert machine.deliver() == 202
    assert pid(keeper) != first


def test_new_secrets_are_a_new_listener_on_the_same_socket(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    inode, first = machine.paths.webhook_socket.stat().st_ino, pid(keeper)
    machine.secrets = {ID: Secret("second"), OTHER: Secret("third")}
    keeper.round()
    assert machine.paths.webhook_socket.stat().st_ino == inode
    assert pid(keeper) != first
    wait_until(lambda: gone(keeper))
    assert [machine.deliver("second"), machine.deliver("third", OTHER), machine.deliver("first")] == [202, 202, 404]


def test_none_is_wanted(machine: Machine) -> None:
    keeper = machine.daemon()
    machine.reachable = False
    keeper.round()
    assert not machine.paths.webhook_socket.exists()
    machine.reachable = True
    keeper.round()
    assert machine.deliver() == 202
    machine.secrets = {}
    keeper.round()
    wait_until(lambda: gone(keeper))
    assert not machine.paths.webhook_socket.exists()
    keeper.round()
    assert [one.name for one in machine.paths.webhook.glob("*.json")] == []
    machine.secrets = {ID: Secret("again")}
    keeper.round()
    assert machine.deliver("again") == 202


def test_users_that_set_up_did_not_make(machine: Machine) -> None:
    machine.users = None
    with pytest.raises(SetupFailed) as caught:
        machine.daemon().round()
    assert caught.value.hint == "deployhost setup --local"
    machine.reachable = False
    machine.daemon().round()


def test_a_socket_that_somebody_deleted_is_made_again(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    machine.paths.webhook_socket.unlink()
    keeper.round()
    assert machine.deliver() == 202


def test_it_outlives_the_daemon_and_the_next_one_replaces_it(machine: Machine) -> None:
    machine.daemon().round()
    first = machine.keepers[0]._current
    assert first is not None
    machine.kill_daemon()
    assert machine.deliver() == 202  # nobody reads it yet

    half = connect(machine.paths.webhook_socket)
    whole = signed(f"/webhook/{ID}", "first", BODY)
    half.sendall(whole[:-5])
    time.sleep(0.05)
    second = machine.daemon()
    second.inbox.descriptor()
    second.round()
    assert pid(second) != first.pid
    assert machine.deliver() == 202
    half.sendall(whole[-5:])
    assert status_of(half) == 202
    wait_until(lambda: first.poll() is not None)
    assert first.poll() == 0
    assert len(list(second.inbox.waiting_lines())) == 3


def test_an_old_listener_goes_on_where_the_new_one_can_t_be_started(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.daemon().round()
    machine.kill_daemon()
    second = machine.daemon()
    with monkeypatch.context() as patched:
        patched.setattr(launch, "command", lambda *_: ["/bin/false"])
        with pytest.raises(CommandFailed):
            second.round()
    assert machine.deliver() == 202
    assert len(list(second.inbox.waiting_lines())) == 1


def test_no_delivery_is_refused_or_lost_while_listeners_and_daemons_are_replaced(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    answers, over = list[int | str](), threading.Event()

    def deliver_on() -> None:
        while not over.is_set():
            try:
                answers.append(machine.deliver())
            except OSError as error:
                answers.append(repr(error))
            time.sleep(0.005)  # the inbox, which nobody empties meanwhile, has room for some thousand

    threads = [threading.Thread(target=deliver_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    lines = 0
    for number in range(4):
        time.sleep(0.2)
        if number % 2:
            machine.secrets = {**machine.secrets, OTHER: Secret(f"number {number}")}
            keeper.round()
        else:
            while found := list(keeper.inbox.waiting_lines()):
                lines += len(found)
            machine.kill_daemon()
            time.sleep(0.2)
            keeper = machine.daemon()
            keeper.round()
    time.sleep(0.8)
    over.set()
    for thread in threads:
        thread.join()
    while found := list(keeper.inbox.waiting_lines()):
        lines += len(found)
    assert set(answers) == {202}
    assert lines == len(answers)


def test_the_thread_notices_a_death_at_once(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    os.kill(pid(keeper), signal.SIGKILL)
    began = time.monotonic()
    keeper._wait()
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("stopped", [False, True], ids=["", "one that hangs"])
def test_uninstalling_waits_for_its_end(machine: Machine, monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    """Its user can't be deleted before."""
    monkeypatch.setattr(uninstall, "ANSWERS_WITHIN", 0.3 if stopped else 20.0)
    keeper = machine.daemon()
    keeper.round()
    if stopped:
        os.kill(pid(keeper), signal.SIGSTOP)
    step = EndListener(what="", why="")
    Uninstall(machine.paths, cast("Any", None), cast("Any", None), print).acts[EndListener](step)
    assert not process_records.any_noted(machine.paths.webhook)
