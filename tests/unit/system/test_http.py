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
