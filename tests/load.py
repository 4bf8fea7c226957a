"""An HTTP load client that counts every response: what came back, whether its body is right, and how long it took.

The rate is kept whatever the server does (open loop): a slow server meets more requests at once, as with real visitors.
Every second request opens a connection of its own; the others share a pool of kept-alive ones, and none is ever sent twice.

    python tests/load.py --host hello.localhost --path /up --rate 100 --seconds 10 --body "ok"
"""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

MOST_AT_ONCE = 2000  # requests in flight; beyond it a request is counted as dropped, which is a failure too
SHOWN = 10  # failures that a report describes


@dataclass(frozen=True)
class Target:
    """Where requests go: a TCP address, and what to ask there."""

    host: str
    path: str = "/"
    address: str = "127.0.0.1"
    port: int = 80


@dataclass
class Report:
    """What happened. `backwards` counts answers of an older version to requests sent after a newer one had answered."""

    sent: int = 0
    right: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    wrong_bodies: int = 0
    backwards: int = 0
    resets: int = 0
    timeouts: int = 0
    dropped: int = 0
    seconds: float = 0.0
    latency_ms: dict[str, float] = field(default_factory=dict)
    bodies: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """Return how many requests did not end with status 200 and a right body."""
        return self.sent - self.right

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON."""
        return {**asdict(self), "failures": self.failures}


class BrokenAnswer(Exception):
    """The connection ended before a whole response was there."""


@dataclass(frozen=True)
class Answer:
    """One response, and whether its connection may be used again."""

    status: int
    body: bytes
    reusable: bool


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Given a connection on which a request was sent, return its response. Raise BrokenAnswer if it ends too early."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise BrokenAnswer(f"closed after {len(error.partial)} bytes") from error
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ", 2)[1])
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    reusable = headers.get("connection", "").lower() != "close"
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await _chunks(reader)
        elif "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        else:
            body, reusable = await reader.read(), False
    except asyncio.IncompleteReadError as error:
        raise BrokenAnswer("closed in the middle of a body") from error
    return Answer(status, body, reusable)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        part = await reader.readexactly(size + 2)
        if size == 0:
            return b"".join(parts)
        parts.append(part[:-2])


class Load:
    """Requests at a steady rate, from a thread of its own, until it is stopped or one of its bounds is reached.

    `allow` names the bodies that are right, in the order in which versions come to be; it may be called while it runs.
    """

    def __init__(
        self,
        target: Target,
        *,
        rate: float = 100.0,
        allowed: Sequence[bytes] = (),
        timeout: float = 30.0,
        most_requests: int = 100_000,
        most_seconds: float = 600.0,
    ) -> None:
        self.target = target
        self.rate = rate
        self._allowed = list(allowed)
        self._timeout = timeout
        self._most_requests = most_requests
        self._most_seconds = most_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._newest = -1
        self._report = Report()
        self._statuses: Counter[str] = Counter()
        self._bodies: Counter[str] = Counter()
        self._latencies: list[float] = []

    def allow(self, body: bytes) -> None:
        """Given the body of the version that comes next, count it as right from now on."""
        if body not in self._allowed:
            self._allowed.append(body)

    def start(self) -> "Load":
        """Begin, and return this load."""
        self._thread.start()
        return self

    @property
    def sent(self) -> int:
        """Return the number of requests sent so far."""
        return self._report.sent

    def stop(self) -> Report:
        """Send no more, wait for the answers that are due, and return the report."""
        self._stop.set()
        return self.join()

    def join(self) -> Report:
        """Wait until a bound is reached and return the report."""
        self._thread.join()
        return self._report

    async def _run(self) -> None:
        began = time.monotonic()
        tasks: set[asyncio.Task[None]] = set()
        number = 0
        while not self._stop.is_set() and number < self._most_requests:
            due = began + number / self.rate
            if due - began > self._most_seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._report.sent += 1
            if len(tasks) >= MOST_AT_ONCE:
                self._report.dropped += 1
            else:
                task = asyncio.create_task(self._request(kept_alive=number % 2 == 0))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            number += 1
        if tasks:
            await asyncio.wait(set(tasks))
        for _, writer in self._idle:
            writer.close()
        self._finish(time.monotonic() - began)

    async def _request(self, *, kept_alive: bool) -> None:
        floor, began = self._newest, time.monotonic()
        try:
            answer = await asyncio.wait_for(self._exchange(kept_alive=kept_alive), self._timeout)
        except TimeoutError:
            self._report.timeouts += 1
            self._example(f"no answer within {self._timeout:g} s")
        except (BrokenAnswer, OSError) as error:
            self._report.resets += 1
            self._example(f"{type(error).__name__}: {error}")
        else:
            self._latencies.append((time.monotonic() - began) * 1000)
            self._judge(answer, floor)

    async def _exchange(self, *, kept_alive: bool) -> Answer:
        if kept_alive and self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self.target.address, self.target.port)
        keep = False
        try:
            connection = "keep-alive" if kept_alive else "close"
            writer.write(
                f"GET {self.target.path} HTTP/1.1\r\nHost: {self.target.host}\r\n"
                f"User-Agent: load\r\nConnection: {connection}\r\n\r\n".encode()
            )
            await writer.drain()
            answer = await read_answer(reader)
            keep = kept_alive and answer.reusable
            return answer
        finally:
            if keep:
                self._idle.append((reader, writer))
            else:
                writer.close()

    def _judge(self, answer: Answer, floor: int) -> None:
        self._statuses[str(answer.status)] += 1
        if answer.status != 200:
            self._example(f"status {answer.status}: {answer.body[:120]!r}")
            return
        if answer.body not in self._allowed:
            self._report.wrong_bodies += 1
            self._example(f"status 200 with another body: {answer.body[:120]!r}")
            return
        index = self._allowed.index(answer.body)
        self._bodies[answer.body[:60].decode("utf-8", "replace").strip()] += 1
        if index < floor:
            self._report.backwards += 1
            self._example(f"{answer.body[:60]!r} after {self._allowed[floor][:60]!r} had answered")
            return
        self._newest = max(self._newest, index)
        self._report.right += 1

    def _example(self, text: str) -> None:
        if len(self._report.examples) < SHOWN:
            self._report.examples.append(text)

    def _finish(self, seconds: float) -> None:
        ordered = sorted(self._latencies) or [0.0]
        self._report.seconds = round(seconds, 3)
        self._report.statuses = dict(self._statuses)
        self._report.bodies = dict(self._bodies)
        self._report.latency_ms = {
            name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a load, print its report as JSON, and return 0 if every answer was right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--host", required=True, help="the Host header")
    parser.add_argument("--path", default="/")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--timeout", type=float, default=30.0)
    parser.add_argument(
        "--body",
        action="append",
        required=True,
        help="a body that is right, its last newline left out; may be repeated",
    )
    asked = parser.parse_args(arguments)
    bodies = [body.encode() + end for body in asked.body for end in (b"", b"\n")]
    load = Load(
        Target(asked.host, asked.path, asked.address, asked.port),
        rate=asked.rate,
        allowed=bodies,
        timeout=asked.timeout,
        most_seconds=asked.seconds,
    )
    load.start()
    report = Report()
    with contextlib.suppress(KeyboardInterrupt):
        report = load.join()
    print(json.dumps(report.to_json(), indent=2))
    return 0 if report.failures == 0 and report.sent > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
