"""The client on a real socket: events as they come, one result, and what is said when there is none."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.control.client import call
from deployhost.control.messages import Message, decode, encode
from deployhost.errors import AppNotFound, DaemonUnavailable, RemoteError
from tests.fakes.control import HANG_UP, FakeControl


@pytest.fixture
def control(tmp_path: Path) -> Iterator[FakeControl]:
    fake = FakeControl(tmp_path / "control.sock")
    yield fake
    fake.close()
    fake.check()


def test_events_and_result(control: FakeControl) -> None:
    control.on("deploy.start", {"id": 3}, {"event": "note", "text": "ü"}, {"event": "note", "text": "two"})
    seen: list[Message] = []
    assert call(str(control.path), "deploy.start", seen.append, name="shop") == {"id": 3}
    assert [event["text"] for event in seen] == ["ü", "two"]
    assert control.requests == [{"op": "deploy.start", "name": "shop"}]


def test_nobody_looks_at_the_events(control: FakeControl) -> None:
    control.on("ping", {"pid": 1}, {"event": "note", "text": "x"})
    assert call(str(control.path), "ping") == {"pid": 1}


def test_error_as_the_daemon_sent_it(control: FakeControl) -> None:
    control.on("app.status", AppNotFound("there is no app x", hint="deployhost add x", details=("did you mean y?",)))
    with pytest.raises(RemoteError) as failed:
        call(str(control.path), "app.status", name="x")
    sent = AppNotFound("there is no app x", hint="deployhost add x", details=("did you mean y?",))
    assert failed.value.to_json() == sent.to_json()


def test_hangs_up(control: FakeControl) -> None:
    control.on("ping", HANG_UP, {"event": "note", "text": "x"})
    with pytest.raises(DaemonUnavailable, match="ended the connection"):
        call(str(control.path), "ping")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnavailable, match="is not running") as failed:
        call(str(tmp_path / "no.sock"), "ping")
    assert failed.value.hint == "deployhost setup --local"


def test_left_socket(tmp_path: Path) -> None:
    """A daemon that was killed leaves its socket behind; nobody listens on it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / "s"))
    with pytest.raises(DaemonUnavailable, match="is not running"):
        call(str(tmp_path / "s"), "ping")


def test_time_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with pytest.raises(DaemonUnavailable, match="in time"):
            call(str(tmp_path / "s"), "ping", timeout=0.05)


def test_torn_answer(tmp_path: Path) -> None:
    """Half a line is no answer, whatever it begins with."""

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b'{"result": {"a": 1}}')

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        with pytest.raises(DaemonUnavailable, match="ended the connection"):
            call(str(tmp_path / "s"), "ping")
        thread.join()


def test_messages_are_one_line() -> None:
    message: Message = {"text": "a\nb\u2028ü\udcff", "n": 1}
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"1", b'{"a":', b"[" * 100_000])
def test_bad_lines(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of bad line is a ValueError
        decode(line)
