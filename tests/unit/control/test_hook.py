"""The proc-receive hook: the bytes it exchanges with git (githooks(5)), and what it does while the daemon is away."""

import io
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployhost.control import following, hook, pushing
from deployhost.control.messages import Message, encode
from deployhost.errors import Conflict
from tests.fakes.control import HANG_UP, FakeControl

OLD, NEW = "0" * 40, "a" * 40
LIVE = {"id": 1, "app": "shop", "status": "live", "url": "http://shop.localhost", "phases": [], "total_ms": 410.0}
OK: Message = {"outcome": "ok", "message": "live", "deploy": LIVE}
KEPT: Message = {"outcome": "ok", "message": "kept", "fall_through": True, "deploy": None}
NG: Message = {"outcome": "ng", "message": "deploy failed: it\ncrashed", "deploy": None}


def packet(payload: bytes) -> bytes:
    return f"{len(payload) + 4:04x}".encode() + payload


def from_git(*refs: str, features: bytes = b"") -> bytes:
    commands = b"".join(packet(f"{OLD} {NEW} {ref}\n".encode("utf-8", "surrogateescape")) for ref in refs)
    return packet(b"version=1" + features + b"\n") + b"0000" + commands + b"0000"


def packets(data: bytes) -> list[bytes]:
    """Return the payloads, b"" for a flush."""
    found, at = [], 0
    while at < len(data):
        length = int(data[at : at + 4], 16)
        found.append(data[at + 4 : at + length])
        at += length or 4
    return found


@dataclass
class Pushed:
    answers: list[bytes]
    said: str


@pytest.fixture
def control(tmp_path: Path) -> Iterator[FakeControl]:
    fake = FakeControl(tmp_path / "control.sock")
    yield fake
    fake.close()
    fake.check()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RETRY", 0.01)
    monkeypatch.setattr(pushing, "FIRST_PATIENCE", 0.2)
    monkeypatch.setattr(following, "PATIENCE", 0.5)


def push(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: Path, data: bytes) -> Pushed:
    out = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        patch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
        assert hook.main("shop", str(path)) == 0
    found = packets(out.getvalue())
    assert found[0].startswith(b"version=1")
    assert found[1] == found[-1] == b""
    return Pushed(found[2:-1], capsys.readouterr().err)


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], control: FakeControl) -> Any:
    return lambda *refs, features=b"": push(monkeypatch, capsys, control.path, from_git(*refs, features=features))


def test_ok(control: FakeControl, pushes: Any) -> None:
    control.on("push", OK, {"event": "note", "text": "hello"})
    pushed = pushes("refs/heads/main")
    assert pushed.answers == [b"ok refs/heads/main"]
    assert pushed.said == "  ! hello\nlive at http://shop.localhost in 0.41 s\n"
    (request,) = control.requests
    assert (request["app"], request["ref"], request["old"], request["new"]) == ("shop", "refs/heads/main", OLD, NEW)


def test_version_without_features(monkeypatch: pytest.MonkeyPatch, control: FakeControl) -> None:
    """The very bytes, as git reads them."""
    control.on("push", OK)
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(from_git("refs/heads/main"))))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    hook.main("shop", str(control.path))
    assert out.getvalue() == b"000eversion=1\n0000" + b"0016ok refs/heads/main" + b"0000"


def test_ng_has_one_line(control: FakeControl, pushes: Any) -> None:
    control.on("push", NG)
    assert pushes("refs/heads/main").answers == [b"ng refs/heads/main deploy failed: it crashed"]


def test_long_reason(control: FakeControl, pushes: Any) -> None:
    control.on("push", {"outcome": "ng", "message": "ü\udcff" + "x" * 70_000, "deploy": None})
    (answer,) = pushes("refs/heads/main").answers
    assert len(answer) < 300


def test_fall_through(control: FakeControl, pushes: Any) -> None:
    control.on("push", KEPT)
    assert pushes("refs/tags/v1").answers == [b"ok refs/tags/v1", b"option fall-through"]


def test_error_of_the_daemon(control: FakeControl, pushes: Any) -> None:
    """git's one line has no room for the details and the cure: they are told above it."""
    control.on("push", Conflict("it is taken", details=("line 13",), hint="editor apps.yml"))
    pushed = pushes("refs/heads/main")
    assert pushed.answers == [b"ng refs/heads/main it is taken"]
    assert pushed.said == "error: it is taken\n  line 13\ntry: editor apps.yml\n"


def test_several_refs(control: FakeControl, pushes: Any) -> None:
    """Each is asked about; the usual branch first, since an app without a branch adopts the first it is sent."""
    for result in (NG, KEPT, KEPT):
        control.on("push", result)
    pushed = pushes("refs/heads/a", "refs/heads/main", "refs/tags/v1")
    assert [request["ref"] for request in control.requests] == ["refs/heads/main", "refs/heads/a", "refs/tags/v1"]
    assert pushed.answers == [
        b"ng refs/heads/main deploy failed: it crashed",
        b"ok refs/heads/a",
        b"option fall-through",
        b"ok refs/tags/v1",
        b"option fall-through",
    ]
    assert len({request["token"] for request in control.requests}) == 3


def test_atomic_push_is_refused_whole(control: FakeControl, pushes: Any) -> None:
    control.on("push", NG)
    pushed = pushes("refs/heads/main", "refs/tags/v1", features=b"\0push-options atomic")
    assert pushed.answers == [
        b"ng refs/heads/main deploy failed: it crashed",
        b"ng refs/tags/v1 another ref of this atomic push was refused",
    ]


def test_atomic_push_that_goes_well(control: FakeControl, pushes: Any) -> None:
    control.on("push", OK)
    control.on("push", KEPT)
    pushed = pushes("refs/heads/main", "refs/tags/v1", features=b"\0atomic")
    assert pushed.answers == [b"ok refs/heads/main", b"ok refs/tags/v1", b"option fall-through"]


def test_name_that_is_no_utf8(control: FakeControl, pushes: Any) -> None:
    control.on("push", {"outcome": "ng", "message": "no", "deploy": None})
    assert pushes("refs/heads/\udcff").answers == [b"ng refs/heads/\xff no"]


def notes(*texts: str) -> list[Message]:
    return [{"event": "note", "text": text} for text in texts]


def test_daemon_restarts_in_the_middle(control: FakeControl, pushes: Any) -> None:
    """The connection drops, is made again, and every event is shown once; the daemon is told that it is the same push."""
    control.on("push", HANG_UP, *notes("one", "two"))
    control.on("push", HANG_UP, *notes("one"))
    control.on("push", OK, *notes("one", "two", "three"))
    pushed = pushes("refs/heads/main")
    assert pushed.answers == [b"ok refs/heads/main"]
    shown = [line.strip(" !") for line in pushed.said.splitlines() if "restarting" not in line]
    assert shown == ["one", "two", "three", "live at http://shop.localhost in 0.41 s"]
    assert "the push is safe" in pushed.said
    assert len({request["token"] for request in control.requests}) == 1
    assert len(control.requests) == 3


def test_daemon_comes_late(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(pushing, "FIRST_PATIENCE", 5)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:

        def begin() -> None:
            server.bind(str(tmp_path / "late.sock"))
            server.listen()
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(encode({"result": OK}))

        timer = threading.Timer(0.1, begin)
        timer.start()
        pushed = push(monkeypatch, capsys, tmp_path / "late.sock", from_git("refs/heads/main"))
        timer.join()
    assert pushed.answers == [b"ok refs/heads/main"]


def test_daemon_absent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pushed = push(monkeypatch, capsys, tmp_path / "no.sock", from_git("refs/heads/main"))
    (answer,) = pushed.answers
    assert answer.startswith(b"ng refs/heads/main deployhostd is not running")
    assert answer.endswith(b"try: deployhost setup --local")


def test_patience_begins_when_the_connection_drops(
    monkeypatch: pytest.MonkeyPatch, control: FakeControl, pushes: Any
) -> None:
    """A push that waited long behind others, with nothing to show, is not given up the moment the daemon restarts."""
    monkeypatch.setattr(following, "CONNECTED", 0.3)
    control.on("push", HANG_UP, hold=True)
    control.on("push", OK)
    threading.Timer(0.4, control.release.set).start()
    assert pushes("refs/heads/main").answers == [b"ok refs/heads/main"]


def test_git_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"00")))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=io.BytesIO()))
    with pytest.raises(EOFError):
        hook.main("shop", "/nonexistent")
