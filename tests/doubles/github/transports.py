"""How deliveries reach the server under test: over HTTPS, or straight into a unix socket."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Received:
    """What a hook answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends one delivery. Raise TimeoutError or another OSError if there is no answer."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Received:
        """POST a body and return the answer."""
        ...


@dataclass(frozen=True)
class Https:
    """POSTs to the hook's own address. `reach` leads hosts (`*` is any) elsewhere: to Cloudflare's double, which asks for
    the name that it was called by."""

    context: ssl.SSLContext
    reach: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Received:
        parts = urlsplit(url)
        host = parts.hostname or ""
        there = self.reach.get(host) or self.reach.get("*") or (host, parts.port or 443)
        connection = http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=self.context)
        plain = socket.create_connection(there, timeout=seconds)
        try:
            connection.sock = self.context.wrap_socket(plain, server_hostname=host)
            return _exchanged(connection, parts.path, headers, body, seconds)
        finally:
            connection.close()
            plain.close()


@dataclass(frozen=True)
class Unix:
    """POSTs to a server on a unix socket, with the hook's path and host."""

    path: Path

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Received:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc or "localhost", timeout=seconds)
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(seconds)
            plain.connect(str(self.path))
            connection.sock = plain
            return _exchanged(connection, parts.path, headers, body, seconds)


def nowhere(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Received:
    """Take a delivery and answer 202, as a hook does that tests don't look at."""
    del url, headers, body, seconds
    return Received(202, {}, b"")


def _exchanged(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> Received:
    """POST, and return the whole answer, which has to be there in time however slowly it comes."""
    ender = threading.Timer(seconds, _end, (connection.sock,))
    ender.start()
    try:
        connection.request("POST", path or "/", body, dict(headers))
        answer = connection.getresponse()
        return Received(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        ender.cancel()


def _end(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(plain, socket.SHUT_RDWR)
