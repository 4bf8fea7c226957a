"""An engine that is away for a moment: waited for, where that is wanted; nothing is done twice of which one can't know."""

import contextlib
import gc
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.errors import DockerRefused, DockerUnavailable
from deployhost.system.docker import Docker
from tests.real.containers import exec_run

# The SDK leaves a socket that it could not connect to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True, scope="module")
def _only_ours() -> Iterator[None]:
    """Have the garbage collector pass over what was there before: that costs more than these tests."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Have it collect them here, where they are known of, and not in the middle of somebody else's test."""
    yield
    gc.collect()


PING = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
DONE = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
REFUSED = 'HTTP/1.1 500 Oh\r\nContent-Length: 19\r\nConnection: close\r\n\r\n{"message": "busy"}'


class FakeSocket:
    """An engine's socket that answers /_ping, and whatever else comes with one of `answers` after the other ("": it hangs up)."""

    def __init__(self, path: Path, answers: list[str]) -> None:
        self.path, self.answers = path, answers
        self.asked: list[str] = []
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Begin to listen, as an engine that is started does: on a new socket."""
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more; the file stays, as it does when an engine is killed."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    words = connection.recv(65536).decode().split(" ")
                    if words[1].endswith("/_ping"):
                        connection.sendall(PING.encode())
                        continue
                    self.asked.append(f"{words[0]} {words[1]}")
                    connection.sendall((self.answers.pop(0) if self.answers else DONE).encode())


@pytest.fixture
def made() -> Iterator[Callable[..., FakeSocket]]:
    with tempfile.TemporaryDirectory(prefix="dh") as directory:
        sockets: list[FakeSocket] = []

        def make(*answers: str) -> FakeSocket:
            sockets.append(FakeSocket(Path(directory) / "docker.sock", list(answers)))
            return sockets[-1]

        yield make
        for one in sockets:
            one.stop()


def engine(made: FakeSocket, patience: float = 5.0) -> Docker:
    return Docker(f"unix://{made.path}", timeout=5, patience=patience)


@pytest.mark.parametrize("stale", [False, True], ids=["no socket", "nobody listens"])
def test_comes_back(made: Callable[..., FakeSocket], stale: bool) -> None:
    one = made()
    if stale:
        one.start()
        one.stop()
    later = threading.Timer(0.15, one.start)
    later.start()
    engine(one).start("a")
    assert one.asked == ["POST /v1.41/containers/a/start"]


def test_does_not_come_back(made: Callable[..., FakeSocket]) -> None:
    one = made()
    began = time.monotonic()
    with pytest.raises(DockerUnavailable, match="does not answer"):
        engine(one, patience=0.2).start("a")
    assert 0.2 <= time.monotonic() - began < 3
    began = time.monotonic()
    with pytest.raises(DockerUnavailable):
        engine(one, patience=0).start("a")
    assert time.monotonic() - began < 0.2


@pytest.mark.parametrize(
    ("ask", "twice"),
    [
        (lambda docker: docker.stop("a"), True),
        (lambda docker: docker.set_restart("a", "no"), True),
        (lambda docker: docker.remove("a"), True),
        (lambda docker: docker.start("a"), False),
        (lambda docker: docker.rename("a", "b"), False),
        (lambda docker: exec_run(docker, "a", ["true"]), False),
    ],
    ids=["stop", "update", "remove", "start", "rename", "exec"],
)
def test_ends_while_it_is_asked(made: Callable[..., FakeSocket], ask: Callable[[Docker], object], twice: bool) -> None:
    updated = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    one = made("", updated)
    one.start()
    docker = engine(one)
    if twice:
        ask(docker)
    else:
        with pytest.raises(DockerUnavailable):
            ask(docker)
    assert len(one.asked) == (2 if twice else 1)


def test_what_it_refuses_is_not_asked_again(made: Callable[..., FakeSocket]) -> None:
    one = made(REFUSED)
    one.start()
    with pytest.raises(DockerRefused, match="busy"):
        engine(one).stop("a")
    assert len(one.asked) == 1
