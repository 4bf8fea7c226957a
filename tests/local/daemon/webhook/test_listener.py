"""The listener as a process: strangers that are slow, many or large take nothing from anybody, and it ends when everybody has an answer."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from deployhost.daemon.webhook.exchange import StrangerLimits
from deployhost.daemon.webhook.listener import writes_to
from tests.fakes.assembled import wait_until
from tests.fakes.deliveries import connect, signed, status_of
from tests.real.listener import ID, Machine, pid

BODY = b'{"ref": "refs/heads/main", "after": "", "repository": {"id": 17}}'


def most_memory(process: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def opened(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def test_idle_connections_take_nobodys_place(machine: Machine) -> None:
    machine.daemon().round()
    idle = [connect(machine.paths.webhook_socket) for _ in range(StrangerLimits().connections + 50)]
    try:
        began = time.monotonic()
        assert machine.deliver() == 202
        assert time.monotonic() - began < 4  # before any of them has been idle for too long
    finally:
        for one in idle:
            one.close()


def test_large_unsigned_bodies_take_no_more_memory_than_they_may(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    head = signed(f"/webhook/{ID}", "", b"", signature="0" * 64).replace(b"Length: 0", b"Length: 25000000")
    large = [connect(machine.paths.webhook_socket) for _ in range(5)]
    for one in large:
        one.sendall(head)
        try:
            for _ in range(24):
                one.sendall(b"x" * 1_000_000)
        except OSError:
            pass  # it had to go
    assert machine.deliver() == 202
    assert most_memory(pid(keeper)) < 150 * 1024**2
    for one in large:
        one.close()


def test_a_large_delivery(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    body = b'{"commits": ["' + "🚀".encode() * 6_000_000 + b'"], ' + BODY[1:]
    connection = connect(machine.paths.webhook_socket)
    connection.sendall(signed(f"/webhook/{ID}", "first", body))
    assert status_of(connection) == 202
    (line,) = keeper.inbox.waiting_lines()
    assert b'"repository": 17' in line
    assert most_memory(pid(keeper)) < 150 * 1024**2


def test_who_sends_on_after_the_answer_can_read_it(machine: Machine) -> None:
    machine.daemon().round()
    connection = connect(machine.paths.webhook_socket)
    connection.sendall(signed("/webhook/0000000000000000", "first", b"x" * 1_000_000))
    assert status_of(connection) == 404


def test_a_connection_on_which_nothing_comes_is_closed(machine: Machine) -> None:
    machine.daemon().round()
    began = time.monotonic()
    assert status_of(connect(machine.paths.webhook_socket)) == 404
    assert time.monotonic() - began > 4.5


def test_on_term_it_answers_whom_it_has_and_ends(machine: Machine) -> None:
    keeper = machine.daemon()
    keeper.round()
    listener = keeper._current
    assert listener is not None
    whole = signed(f"/webhook/{ID}", "first", BODY)
    half = connect(machine.paths.webhook_socket)
    half.sendall(whole[:-5])
    time.sleep(0.05)
    os.kill(listener.pid, signal.SIGTERM)
    time.sleep(0.6)
    assert listener.poll() is None
    half.sendall(whole[-5:])
    assert status_of(half) == 202
    wait_until(lambda: listener.poll() is not None)
    assert listener.poll() == 0


def test_a_pipe_that_is_full() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    write = writes_to(writing)
    assert write(b"line\n")
    while write(b"x" * 4000):
        pass
    assert not write(b"x" * 4000)
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("ending", [b"", b"POST"])
def test_who_hangs_up_leaves_nothing(machine: Machine, ending: bytes) -> None:
    keeper = machine.daemon()
    keeper.round()
    before = opened(pid(keeper))
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(machine.paths.webhook_socket))
            connection.sendall(ending)
    wait_until(lambda: opened(pid(keeper)) <= before)
