"""One GET to a real socket that answers as it likes."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from deployhost.system.http import Answer, get

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Given an answer, return the port at which it is given to the next who asks; `asked` is what was asked."""
    servers: list[socket.socket] = []

    def begin(answer: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def once() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    serve.asked = connection.recv(4096)  # type: ignore[attr-defined]
                    connection.sendall(answer)

        threading.Thread(target=once, daemon=True).start()
        return int(server.getsockname()[1])

    serve = begin
    yield begin
    for server in servers:
        server.close()


def ask(port: int, timeout: float = 2) -> Answer:
    return get("127.0.0.1", port, "/up?x=1", host="shop.example.com", timeout=timeout)


@pytest.mark.parametrize("status", [200, 204, 301, 404, 500])
def test_status(serve: Serve, status: int) -> None:
    assert ask(serve(f"HTTP/1.1 {status} X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".encode())) == Answer(status)


def test_what_is_asked(serve: Serve) -> None:
    ask(serve(b"HTTP/1.1 200 OK\r\n\r\n"))
    asked = serve.asked.decode()  # type: ignore[attr-defined]
    assert asked.startswith("GET /up?x=1 HTTP/1.1\r\n")
    assert [line for line in asked.split("\r\n") if line.lower().startswith("host:")] == ["Host: shop.example.com"]
    assert "Connection: close" in asked


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x15\x03\x01", b"HTTP/1.1 two hundred\r\n\r\n"])
def test_no_http(serve: Serve, answer: bytes) -> None:
    found = ask(serve(answer))
    assert found.status == 0
    assert found.problem.startswith("no HTTP answer")


def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert ask(port) == Answer(0, "the connection was refused", "refused")


def test_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        assert ask(server.getsockname()[1], timeout=0.1) == Answer(0, "no answer within 0.1 s", "late")
        assert time.monotonic() - started < 2


def test_no_address() -> None:
    """A container that ended has no address any more: that is no answer, and not one of ours."""
    assert get("", 80, "/", host="x", timeout=0.2).status == 0


def test_interim_answers_are_passed_over(serve: Serve) -> None:
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n"
    )
    assert ask(serve(answer)) == Answer(200)
    assert ask(serve(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")) == Answer(101)
    assert ask(serve(b"HTTP/1.1 200\n\n")) == Answer(200), "as lenient as others"
    assert ask(serve(b"HTTP/1.0 204 No Content")) == Answer(204), "closed without an end of the headers"


class Endless:
    """A server that answers each who asks with the same bytes again and again, until it is closed; `pause` is between them."""

    def __init__(self, first: bytes, again: bytes, pause: float) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._over = threading.Event()
        threading.Thread(target=self._serve, args=(first, again, pause), daemon=True).start()

    def _serve(self, first: bytes, again: bytes, pause: float) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(4096)
                    connection.sendall(first)
                    while not self._over.wait(pause):
                        connection.sendall(again)

    def close(self) -> None:
        self._over.set()
        self._server.close()


@pytest.mark.parametrize(
    ("first", "again", "pause"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.01),
        (b"HTTP/1.1 20", b"0", 0.01),
    ],
)
def test_an_answer_that_never_ends_is_over_in_time(first: bytes, again: bytes, pause: float) -> None:
    """Each byte that came began the time anew, and `100 Continue` was read for ever."""
    with contextlib.closing(Endless(first, again, pause)) as server:
        began = time.monotonic()
        assert ask(server.port, timeout=0.3).missing == "late"
        assert time.monotonic() - began < 5


def test_an_answer_without_bounds_is_none() -> None:
    with contextlib.closing(Endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000, 0)) as server:
        assert ask(server.port, timeout=20).problem == "no HTTP answer (headers of more than 128 KB)"


@pytest.mark.parametrize("path", ["/a b", "/\r\nHost: evil", "/\x00"])
def test_a_path_that_can_not_be_asked_for(path: str) -> None:
    assert get("127.0.0.1", 1, path, host="x", timeout=1).missing == "not HTTP"
