"""One request over asyncio's streams and its whole answer, read strictly: a body that ends too early is no answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Where requests go: a TCP address, and what to ask there."""

    host: str
    path: str = "/"
    address: str = "127.0.0.1"
    port: int = 80


class BrokenAnswer(Exception):
    """The connection ended before a whole response was there."""


@dataclass(frozen=True)
class Answer:
    """One response, and whether its connection may be used again."""

    status: int
    body: bytes
    reusable: bool


def request_text(target: Target, path: str, *, kept_alive: bool, body: bytes | None = None) -> bytes:
    """Given a target and a path, return a GET, or with a body a POST, as it goes over the wire."""
    head = (
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {target.host}\r\n"
        f"User-Agent: load\r\nConnection: {'keep-alive' if kept_alive else 'close'}\r\n"
    )
    if body is not None:
        head += f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + (body or b"")


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Return the status and the headers, by lower-case name. Raise BrokenAnswer if the connection ends before they do."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise BrokenAnswer(f"closed after {len(error.partial)} bytes") from error
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split(" ", 2)[1]), headers


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Given a connection on which a request was sent, return its response. Raise BrokenAnswer if it ends too early."""
    status, headers = await read_head(reader)
    reusable = headers.get("connection", "").lower() != "close"
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join([part async for part in chunks(reader)])
        elif "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        else:
            body, reusable = await reader.read(), False
    except asyncio.IncompleteReadError as error:
        raise BrokenAnswer("closed in the middle of a body") from error
    return Answer(status, body, reusable)


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Given a connection whose body comes in chunks, yield each as it arrives, to the last."""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        part = await reader.readexactly(size + 2)
        if size == 0:
            return
        yield part[:-2]
