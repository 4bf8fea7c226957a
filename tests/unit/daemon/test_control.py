"""The control socket from both ends: the real server and the real client."""

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.control.client import call
from deployhost.control.messages import Message, decode
from deployhost.daemon import control
from deployhost.daemon.control import ControlServer, Emit, until_gone
from deployhost.errors import AppNotFound, RemoteError
from tests.fakes.assembled import wait_until


class Handlers:
    """Operations that do what a test needs."""

    def __init__(self) -> None:
        self.finished = threading.Event()
        self.go = threading.Event()

    def echo(self, request: Message, emit: Emit) -> Message:
        for number in range(3):
            emit({"event": "note", "text": str(number)})
        return {key: value for key, value in request.items() if key != "op"}

    def missing(self, _request: Message, _emit: Emit) -> Message:
        raise AppNotFound("there is no app x", hint="deployhost add x")

    def broken(self, _request: Message, _emit: Emit) -> Message:
        raise ZeroDivisionError("oops")

    def quiet(self, _request: Message, emit: Emit) -> Message:
        emit({"event": "note", "text": "begun"})
        with until_gone(emit) as gone:
            gone.wait(5)
            assert gone.is_set(), "nobody hung up"
        self.finished.set()
        return {}

    def brief(self, _request: Message, emit: Emit) -> Message:
        with until_gone(emit) as gone:
            return {"gone": gone.is_set()}

    def slow(self, _request: Message, emit: Emit) -> Message:
        emit({"event": "note", "text": "begun"})
        self.go.wait(5)
        try:
            for _ in range(200):
                emit({"event": "output", "stage": "build", "line": "x" * 10_000})
        finally:
            self.finished.set()
        return {}


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
def path(handlers: Handlers) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dh") as directory:
        path = Path(directory) / "run" / "control.sock"
        operations = {name: getattr(handlers, name) for name in ("echo", "missing", "broken", "slow", "quiet", "brief")}
        server = ControlServer(path, operations)

        def serve() -> None:
            with contextlib.suppress(OSError):
                server.serve()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        handlers.go.set()
        server._socket.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        server._socket.close()


def raw(path: Path, data: bytes) -> Message:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            return decode(lines.readlines()[-1])


def test_question_and_answer(path: Path) -> None:
    seen: list[Message] = []
    assert call(str(path), "echo", seen.append, name="ü\n\u2028", nested={"a": [1, None]}) == {
        "name": "ü\n\u2028",
        "nested": {"a": [1, None]},
    }
    assert [event["text"] for event in seen] == ["0", "1", "2"]


def test_only_for_its_owner(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.umask(0o022) == 0o022, "and our umask is what it was"


def test_errors_arrive_whole(path: Path) -> None:
    with pytest.raises(RemoteError) as failed:
        call(str(path), "missing")
    assert failed.value.to_json() == AppNotFound("there is no app x", hint="deployhost add x").to_json()


def test_a_defect_is_told_and_the_server_lives(path: Path) -> None:
    with pytest.raises(RemoteError, match="a defect of deployhost: ZeroDivisionError") as failed:
        call(str(path), "broken")
    assert failed.value.exit_code == 70
    call(str(path), "echo")


@pytest.mark.parametrize("line", [b"\n", b"hello\n", b"[1]\n", b'{"op": "echo"\n', b"\xff\xfe\n", b""])
def test_what_is_no_request(path: Path, line: bytes) -> None:
    assert raw(path, line)["error"]["code"] == "invalid_request"
    call(str(path), "echo")


@pytest.mark.parametrize("op", ["nope", "__init__", "", None, ["x"]])
def test_no_such_operation(path: Path, op: object) -> None:
    with pytest.raises(RemoteError, match="no such operation") as failed:
        call(str(path), op)  # type: ignore[arg-type]
    assert failed.value.exit_code == 2


def test_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LIMIT", 100)
    with pytest.raises(RemoteError, match="must be one JSON object on one line"):
        call(str(path), "echo", text="x" * 200)


def test_who_goes_away_stops_nothing(path: Path, handlers: Handlers) -> None:
    """The client is gone: what it asked for is not told any more, and others are answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(b'{"op":"slow"}\n')
        assert connection.recv(100)
    handlers.go.set()
    assert handlers.finished.wait(5)
    call(str(path), "echo")


def test_who_goes_away_without_a_word_is_missed(path: Path, handlers: Handlers) -> None:
    """What would wait for ever ends with its client, and leaves no thread."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(b'{"op":"quiet"}\n')
        assert connection.recv(100)
        assert not handlers.finished.wait(0.05)
    assert handlers.finished.wait(5)
    wait_until(lambda: not any(thread.name == "hang-up" for thread in threading.enumerate()))


def test_who_stays_is_not_missed(path: Path) -> None:
    assert call(str(path), "brief") == {"gone": False}
    assert not any(thread.name == "hang-up" for thread in threading.enumerate())


def test_side_by_side(path: Path, handlers: Handlers) -> None:
    slow = threading.Thread(target=call, args=(str(path), "slow"))
    slow.start()
    call(str(path), "echo")
    assert slow.is_alive()
    handlers.go.set()
    slow.join(5)
    assert not slow.is_alive()


def test_left_socket_is_replaced(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dh") as directory:
        path = Path(directory) / "s"
        for _ in range(2):
            server = ControlServer(path, {})
            server._socket.close()
        assert path.is_socket()
