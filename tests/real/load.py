"""An HTTP load client that counts every response: what came back, whether its body is right, and how long it took.

The rate is kept whatever the server does (open loop): a slow server meets more requests at once, as with real visitors.
Every second request opens a connection of its own; the others share a pool of kept-alive ones, and none is ever sent twice.
With `writes`, so many requests of each second POST an entry of their own; `Load.acknowledged` names those that the app took.

    python tests/real/load.py --host hello.localhost --path /up --rate 100 --seconds 10 --body "ok"

Ctrl-C ends it early, with its report.
"""

import argparse
import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.http_exchange import Answer, BrokenAnswer, Target, read_answer, request_text

__all__ = ["Load", "Report", "Target", "quantiles"]

MOST_AT_ONCE = 2000  # requests in flight; beyond it a request is counted as dropped, which is a failure too
SHOWN = 10  # failures that a report describes
HELD = 200.0  # milliseconds beyond which an answer counts as held


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
    write_latency_ms: dict[str, float] = field(default_factory=dict)
    held: int = 0  # requests, reads and writes, that took longer than HELD
    held_ms: dict[str, float] = field(default_factory=dict)
    written: int = 0  # writes that were acknowledged
    bodies: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """Return how many requests did not end with status 200 and a right body."""
        return self.sent - self.right

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON."""
        return {**asdict(self), "failures": self.failures}


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Given values, return the p50, p95, p99 and the largest."""
    ordered = sorted(values) or [0.0]
    return {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    }


@dataclass(frozen=True)
class Request:
    """One request: how it is sent, when, the entry that it writes if it does, and the newest version seen until then."""

    kept_alive: bool
    entry: str | None
    began: float
    floor: int


class Load:
    """Requests at a steady rate, from a thread of its own, until it is stopped or one of its bounds is reached.

    `allow` names the bodies that are right, in the order in which versions come to be; it may be called while it runs.
    `writes` is the share of requests that POST an entry to `write_path`, and `acknowledged` the entries that the app took.
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
        writes: float = 0.0,
        write_path: str = "/entries",
        name: str = "entry",
    ) -> None:
        self.target = target
        self.rate = rate
        self.acknowledged: list[str] = []
        self.failed: list[float] = []  # when the requests that failed were sent (time.monotonic)
        self._allowed = list(allowed)
        self._timeout = timeout
        self._most_requests = most_requests
        self._most_seconds = most_seconds
        self._writes, self._write_path, self._name = writes, write_path, name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._newest = -1
        self._report = Report()
        self._statuses: Counter[str] = Counter()
        self._bodies: Counter[str] = Counter()
        self._latencies: Mapping[bool, list[tuple[float, float]]] = {False: [], True: []}

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

    def last_late(self, *, since: float, until: float) -> float:
        """Return when the last of the held requests that were sent in that time was answered (time.monotonic), or 0."""
        sent = (*self._latencies[False], *self._latencies[True])
        return max((at + took / 1000 for at, took in sent if since <= at < until and took > HELD), default=0.0)

    def latencies(self, *, writes: bool, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Return the milliseconds of each answered read, or write, that was sent in that time (time.monotonic)."""
        return [took for began, took in self._latencies[writes] if since <= began < until]

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
        number, owed = 0, 0.0
        while not self._stop.is_set() and number < self._most_requests:
            due = began + number / self.rate
            if due - began > self._most_seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._report.sent += 1
            owed += self._writes
            entry = f"{self._name}-{number}" if owed >= 1 else None
            owed -= entry is not None
            if len(tasks) >= MOST_AT_ONCE:
                self._report.dropped += 1
            else:
                # Reads and writes alternate at a share of a half: each kind gets both kinds of connection.
                request = Request((number // 2) % 2 == 0, entry, time.monotonic(), self._newest)
                task = asyncio.create_task(self._request(request))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            number += 1
        if tasks:
            await asyncio.wait(set(tasks))
        for _, writer in self._idle:
            writer.close()
        self._finish(time.monotonic() - began)

    async def _request(self, request: Request) -> None:
        try:
            answer = await asyncio.wait_for(self._exchange(request), self._timeout)
        except TimeoutError:
            self._report.timeouts += 1
            self._failed(f"no answer within {self._timeout:g} s", request)
        except (BrokenAnswer, OSError) as error:
            self._report.resets += 1
            self._failed(f"{type(error).__name__}: {error}", request)
        else:
            took = (time.monotonic() - request.began) * 1000
            self._latencies[request.entry is not None].append((request.began, took))
            self._judge(answer, request)

    async def _exchange(self, request: Request) -> Answer:
        if request.kept_alive and self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self.target.address, self.target.port)
        keep = False
        try:
            path, body = self.target.path, None
            if request.entry is not None:
                path, body = self._write_path, request.entry.encode()
            writer.write(request_text(self.target, path, kept_alive=request.kept_alive, body=body))
            await writer.drain()
            answer = await read_answer(reader)
            keep = request.kept_alive and answer.reusable
            return answer
        finally:
            if keep:
                self._idle.append((reader, writer))
            else:
                writer.close()

    def _judge(self, answer: Answer, request: Request) -> None:
        self._statuses[str(answer.status)] += 1
        if answer.status != 200:
            self._failed(f"status {answer.status}: {answer.body[:120]!r}", request)
        elif request.entry is not None:
            self._judge_write(answer, request.entry, request)
        elif answer.body not in self._allowed:
            self._report.wrong_bodies += 1
            self._failed(f"status 200 with another body: {answer.body[:120]!r}", request)
        else:
            self._judge_version(answer, request)

    def _judge_write(self, answer: Answer, entry: str, request: Request) -> None:
        if answer.body != f"stored {entry}\n".encode():
            self._report.wrong_bodies += 1
            self._failed(f"the write of {entry} was answered {answer.body[:120]!r}", request)
            return
        self.acknowledged.append(entry)
        self._report.written += 1
        self._report.right += 1

    def _judge_version(self, answer: Answer, request: Request) -> None:
        index = self._allowed.index(answer.body)
        self._bodies[answer.body[:60].decode("utf-8", "replace").strip()] += 1
        if index < request.floor:
            self._report.backwards += 1
            self._failed(f"{answer.body[:60]!r} after {self._allowed[request.floor][:60]!r} had answered", request)
            return
        self._newest = max(self._newest, index)
        self._report.right += 1

    def _failed(self, text: str, request: Request) -> None:
        self.failed.append(request.began)
        if len(self._report.examples) < SHOWN:
            kind = "read" if request.entry is None else "write"
            after = time.monotonic() - request.began
            self._report.examples.append(f"{time.strftime('%H:%M:%S')} {kind}, after {after:.3f} s: {text}")

    def _finish(self, seconds: float) -> None:
        report = self._report
        report.seconds = round(seconds, 3)
        report.statuses = dict(self._statuses)
        report.bodies = dict(self._bodies)
        reads, writes = self.latencies(writes=False), self.latencies(writes=True)
        report.latency_ms, report.write_latency_ms = quantiles(reads), quantiles(writes)
        held = [took for took in (*reads, *writes) if took > HELD]
        report.held, report.held_ms = len(held), quantiles(held)


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
    parser.add_argument("--writes", type=float, default=0.0, help="the share of requests that POST to /entries")
    parser.add_argument(
        "--entries", type=Path, help="the file that gets the entries that the app took, a line for each"
    )
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
        writes=asked.writes,
        name=f"entry-{time.time_ns()}",
    )
    load.start()
    try:
        report = load.join()
    except KeyboardInterrupt:
        report = load.stop()
    if asked.entries is not None:
        asked.entries.write_text("".join(f"{entry}\n" for entry in load.acknowledged))
    print(json.dumps(report.to_json(), indent=2))
    return 0 if report.failures == 0 and report.sent > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
