"""Answers that last: chunked bodies, server-sent events, websockets; when each part arrived, and how it ended."""

import asyncio
import base64
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.real.http_exchange import BrokenAnswer, Target, chunks, read_head

PATHS = {"stream": "/stream", "events": "/events", "socket": "/socket"}


@dataclass
class Stream:
    """One lasting answer: the sample app `sqlite` sends a part every 200 ms. Times are those of time.monotonic."""

    kind: str
    began: float
    status: int = 0
    arrived: list[float] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    ended: float = 0.0
    how: str = ""

    @property
    def longest_gap(self) -> float:
        """Return the longest time between two parts, in seconds."""
        return max((later - earlier for earlier, later in zip(self.arrived, self.arrived[1:], strict=False)), default=0)


class Follower:
    """Given a target and kinds of streams, follow one of each from a thread until all have ended or it is stopped."""

    def __init__(self, target: Target, kinds: tuple[str, ...] = tuple(PATHS)) -> None:
        self.streams = {kind: Stream(kind, time.monotonic()) for kind in kinds}
        self._target = target
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def begun(self) -> bool:
        """Return whether something has arrived on each."""
        return all(stream.arrived for stream in self.streams.values())

    def wait(self, within: float) -> dict[str, Stream]:
        """Return the streams once all have ended, or after `within` seconds."""
        self._thread.join(within)
        self._stop.set()
        self._thread.join(5)
        return self.streams

    async def _run(self) -> None:
        tasks = [asyncio.create_task(self._follow(stream)) for stream in self.streams.values()]
        while not all(task.done() for task in tasks) and not self._stop.is_set():
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, stream: Stream) -> None:
        reader, writer = await asyncio.open_connection(self._target.address, self._target.port)
        with contextlib.closing(writer):
            writer.write(self._request(stream.kind))
            try:
                async for part in self._parts(stream, reader):
                    stream.arrived.append(time.monotonic())
                    stream.parts.append(part.decode("utf-8", "replace").strip())
                stream.how = "whole"
            except (BrokenAnswer, OSError, asyncio.IncompleteReadError) as error:
                stream.how = f"cut: {type(error).__name__}"
            except asyncio.CancelledError:
                stream.how = "still open"
            stream.ended = time.monotonic()

    async def _parts(self, stream: Stream, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        stream.status, headers = await read_head(reader)
        if stream.kind == "socket":
            while True:
                head = await reader.readexactly(2)
                if head[0] & 0x0F == 8:  # a close frame
                    return
                yield await reader.readexactly(head[1] & 0x7F)
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            async for part in chunks(reader):
                yield part
        else:
            while part := await reader.read(4096):
                yield part

    def _request(self, kind: str) -> bytes:
        head = f"GET {PATHS[kind]} HTTP/1.1\r\nHost: {self._target.host}\r\n"
        if kind == "socket":
            key = base64.b64encode(os.urandom(16)).decode()
            head += f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        elif kind == "events":
            head += "Accept: text/event-stream\r\n"
        return f"{head}\r\n".encode()
