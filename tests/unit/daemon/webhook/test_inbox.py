"""The pipe from listeners to the daemon: nothing is lost while no daemon reads it, and it can't be made to hold everything."""

import os
import stat
import threading
from pathlib import Path

import pytest

from deployhost.daemon.webhook.inbox import Inbox
from deployhost.errors import FileProblem
from deployhost.github.delivery_plan import LONGEST


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "webhook" / "deliveries")


def test_lines(inbox: Inbox) -> None:
    os.write(inbox.descriptor(), b"one\ntw")
    assert list(inbox.waiting_lines()) == [b"one"]
    os.write(inbox.descriptor(), b"o\n\nthree\n")
    assert list(inbox.waiting_lines()) == [b"two", b"", b"three"]
    assert list(inbox.waiting_lines()) == []


def test_only_its_owner_can_open_it(inbox: Inbox) -> None:
    inbox.descriptor()
    found = inbox.path.stat()
    assert stat.S_ISFIFO(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert stat.S_IMODE(inbox.path.parent.stat().st_mode) == 0o700


def test_what_a_listener_writes_while_no_daemon_runs_is_kept_for_the_next(inbox: Inbox) -> None:
    listeners = os.dup(inbox.descriptor())
    os.close(inbox.descriptor())  # the daemon is gone
    os.write(listeners, b"while nobody was there\n")
    later = Inbox(inbox.path)
    later.descriptor()
    os.write(listeners, b"and now\n")
    assert list(later.waiting_lines()) == [b"while nobody was there", b"and now"]


def test_a_pipe_that_is_full_takes_no_more_and_holds_nobody_up(inbox: Inbox) -> None:
    line = b"x" * 300 + b"\n"

    def fill() -> None:
        for _ in range(100_000):
            assert os.write(inbox.descriptor(), line) == len(line)

    with pytest.raises(BlockingIOError):
        fill()
    found = 0
    while lines := list(inbox.waiting_lines()):
        assert set(lines) == {line[:-1]}
        found += len(lines)
    assert found > 100


@pytest.mark.parametrize("kind", ["file", "link", "open to others"])
def test_something_else_at_its_place_is_replaced(inbox: Inbox, kind: str) -> None:
    inbox.path.parent.mkdir()
    if kind == "file":
        inbox.path.write_text("x\n")
    elif kind == "link":
        inbox.path.symlink_to("/dev/zero")
    else:
        os.mkfifo(inbox.path)
        inbox.path.chmod(0o666)
    inbox.descriptor()
    assert inbox.path.is_fifo()
    assert stat.S_IMODE(inbox.path.lstat().st_mode) == 0o600


def test_a_line_that_is_too_long_is_left_out(inbox: Inbox) -> None:
    os.write(inbox.descriptor(), b"x" * (LONGEST + 1) + b"\nshort\n")
    assert list(inbox.waiting_lines()) == [b"short"]
    for _ in range(5):
        os.write(inbox.descriptor(), b"y" * 7_000)
        assert list(inbox.waiting_lines()) == []
        assert len(inbox._held) <= LONGEST
    os.write(inbox.descriptor(), b"end\nshort\n")
    assert list(inbox.waiting_lines()) == [b"short"]


def test_it_waits_for_lines(inbox: Inbox) -> None:
    descriptor = inbox.descriptor()
    threading.Timer(0.02, os.write, (descriptor, b"late\n")).start()
    assert next(inbox.lines()) == b"late"


def test_a_place_where_it_can_t_be_made(tmp_path: Path) -> None:
    (tmp_path / "webhook").write_text("")
    with pytest.raises(FileProblem):
        Inbox(tmp_path / "webhook" / "deliveries").descriptor()
