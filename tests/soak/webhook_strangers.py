"""Strangers at the webhook: forged, oversized, slow, unsigned and senseless requests beside real deliveries.

    python tests/soak/webhook_strangers.py --strangers 2000 --real 50 [--kills 5]

With `--kills` the daemon is killed again and again meanwhile, and started a moment later.

A daemon with a tree of its own and without Docker, and its listener as nobody; needs root. Prints a summary as JSON. Ends with 1 if a
stranger had any effect, a real delivery was not answered with 202 within a second, or memory went beyond its bar.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.github import connection
from deployhost.model import Secret
from deployhost.paths import Paths
from tests.fakes import github
from tests.fakes.deliveries import PUSH, signed
from tests.real.system_under_test import CHECKOUT, eventually

SECRET = "a secret of the soak"
MB = 1024**2
LISTENER_BAR, DAEMON_BAR, SECONDS_BAR = 150 * MB, 90 * MB, 1.0
# Instead of the system's users, which set-up would make; and what is looked at goes to a file.
DAEMON = """
import os, sys
from deployhost.daemon.webhook import users
from deployhost.github.look_queue import LookQueue
users.LISTENER, users.USER = "nobody", "nogroup"
looks = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
LookQueue.take = lambda _queue, wanted: os.write(looks, f"{wanted.repository}\\n".encode())
from deployhost.daemon.main import main
main()
"""


class Soak:
    """The daemon, its listener, and what strangers and GitHub were answered."""

    def __init__(self, root: Path) -> None:
        self.paths, self.looks = Paths(root), root / "looks"
        self.answers: Counter[str] = Counter()
        self.real: list[tuple[int, float]] = []
        self.random = random.Random(12)
        self.connection = github.connection("acme", webhook_secret=Secret(SECRET))
        self.path = f"/webhook/{self.connection.id}"
        self.listener_memory: dict[int, int] = {}
        self.daemon_memory = 0

    def prepare(self) -> None:
        for directory in (self.paths.state, self.paths.config, self.paths.run):
            directory.mkdir(parents=True)
        self.paths.apps_yml.write_text("apps: {}\n")
        connection.save(self.paths, self.connection)
        (self.paths.connections / "cloudflare").write_text("{}")

    def start(self) -> None:
        environment = {
            **os.environ,
            "DEPLOYHOST_ROOT": str(self.paths.root),
            "DOCKER_HOST": f"unix://{self.paths.run}/none",
        }
        with (self.paths.root / "log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [sys.executable, "-c", DAEMON, self.looks], env=environment, cwd=CHECKOUT, stderr=log
            )

    def listeners(self) -> set[int]:
        """Return the listeners that run."""
        found = {int(record.stem) for record in self.paths.webhook.glob("[0-9]*.json")}
        return {pid for pid in found if most_memory(pid)}

    def measure(self) -> None:
        for pid in self.listeners():
            self.listener_memory[pid] = most_memory(pid)
        self.daemon_memory = max(self.daemon_memory, most_memory(self.daemon.pid))

    async def kill(self, times: int) -> None:
        """Kill the daemon, and start it after a moment, a few times."""
        for _ in range(times):
            await asyncio.sleep(self.random.uniform(1, 4))
            self.daemon.kill()
            self.daemon.wait()
            await asyncio.sleep(self.random.uniform(0, 1.5))
            self.start()

    async def measure_on(self) -> None:
        while True:
            self.measure()
            await asyncio.sleep(0.2)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.paths.webhook_socket))

    async def send(self, *pieces: bytes, pause: float = 0.0, wait: bool = True) -> int:
        """Send pieces with pauses between them, and return the status of the answer, 0 if there was none."""
        reader, writer = await self.connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        except OSError:
            pass  # it was answered and closed meanwhile
        try:
            answer = await asyncio.wait_for(reader.read(), 30) if wait else b""
        except OSError:
            answer = b""
        writer.close()
        return int(answer.split()[1]) if answer else 0

    async def deliver(self, number: int) -> None:
        """Deliver as GitHub does."""
        body = json.dumps({**PUSH, "repository": {"id": number}, "commits": ["x" * 100] * 200}).encode()
        began = time.monotonic()
        status = await self.send(signed(self.path, SECRET, body, delivery=str(number)))
        self.real.append((status, time.monotonic() - began))

    # Strangers. Each knows the path, which is no secret.

    async def forged(self) -> int:
        body = json.dumps({**PUSH, "repository": {"id": 999}}).encode()
        return await self.send(signed(self.path, "a guess", body))

    async def unsigned(self) -> int:
        return await self.send(signed(self.path, SECRET, b"{}").replace(b"X-Hub-Signature-256", b"X-Nothing"))

    async def elsewhere(self) -> int:
        return await self.send(signed("/webhook/0000000000000000", SECRET, json.dumps(PUSH).encode()))

    async def announced_too_large(self) -> int:
        head = signed(self.path, "a guess", b"").replace(b"Length: 0", b"Length: 30000000")
        return await self.send(head, *[b"x" * 65536] * 50)

    async def large(self) -> int:
        head = signed(self.path, "a guess", b"").replace(b"Length: 0", b"Length: 25000000")
        return await self.send(head, *[b"x" * 250_000] * 100)

    async def endless(self) -> int:
        head = signed(self.path, "a guess", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        return await self.send(head, *[b"3d090\r\n" + b"x" * 250_000 + b"\r\n"] * 150)

    async def slow_headers(self) -> int:
        whole = signed(self.path, "a guess", b"{}")
        return await self.send(*(whole[at : at + 10] for at in range(0, len(whole), 10)), pause=0.7)

    async def slow_body(self) -> int:
        head = signed(self.path, "a guess", b"").replace(b"Length: 0", b"Length: 100000")
        return await self.send(head, *[b"x" * 100] * 15, pause=0.9)

    async def idle(self) -> int:
        return await self.send()

    async def gone(self) -> int:
        return await self.send(signed(self.path, "a guess", b"{}")[:-20], wait=False)

    async def senseless(self) -> int:
        return await self.send(self.random.randbytes(self.random.randrange(1, 40_000)))

    async def several_requests(self) -> int:
        one = signed(self.path, "a guess", json.dumps(PUSH).encode())
        return await self.send(one * 20)

    def kinds(self) -> list[tuple[int, Callable[[], Awaitable[int]]]]:
        """Return the kinds of strangers, and how many of each there are among a hundred."""
        slow = [(15, self.slow_headers), (15, self.slow_body), (15, self.idle)]
        large = [(4, self.large), (2, self.endless), (4, self.announced_too_large)]
        quick = [(12, self.forged), (10, self.unsigned), (8, self.elsewhere)]
        return [*slow, *large, *quick, *((5, kind) for kind in (self.gone, self.senseless, self.several_requests))]

    async def attack(self, strangers: int, real: int, at_once: int, kills: int) -> None:
        others = [asyncio.create_task(self.measure_on()), asyncio.create_task(self.kill(kills))]
        kinds = [kind for weight, kind in self.kinds() for _ in range(weight)]
        room = asyncio.Semaphore(at_once)

        async def one(kind: Callable[[], Awaitable[int]]) -> None:
            async with room:
                self.answers[f"{kind.__name__} {await kind()}"] += 1

        coming = [asyncio.create_task(one(kinds[number % len(kinds)])) for number in self.random.sample(range(strangers), strangers)]  # fmt: skip
        for number in range(1, real + 1):
            await asyncio.sleep(0.4)
            await self.deliver(number)
        await asyncio.gather(*coming, others[1])
        others[0].cancel()


def most_memory(pid: int) -> int:
    """Return the most memory that a process has had, in bytes, or 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0) * 1024


def parent(pid: int) -> int:
    """Return the process that started a process, or 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("PPid:")), 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strangers", type=int, default=2000)
    parser.add_argument("--real", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=400)
    parser.add_argument("--kills", type=int, default=0, help="of the daemon")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strangers-") as directory:
        Path(directory).chmod(0o755)
        soak = Soak(Path(directory))
        soak.prepare()
        soak.start()
        try:
            eventually(
                lambda: bool(soak.paths.webhook_socket.exists() and soak.listeners()), within=30, what="a listener"
            )
            soak.measure()
            idle = max(soak.listener_memory.values()), soak.daemon_memory
            began = time.monotonic()
            asyncio.run(soak.attack(options.strangers, options.real, options.at_once, options.kills))
            seconds = time.monotonic() - began
            # The daemon that was started last may be about to replace the listener of the one before.
            eventually(
                lambda: [parent(pid) for pid in soak.listeners()] == [soak.daemon.pid], within=60, what="one listener"
            )
            time.sleep(2)
            soak.measure()
            (listener,) = soak.listeners()
            summary: dict[str, Any] = {
                "strangers": sum(soak.answers.values()),
                "seconds": round(seconds, 1),
                "answers": dict(sorted(soak.answers.items())),
                "real": Counter(status for status, _ in soak.real),
                "real_slowest_ms": round(max(took for _, took in soak.real) * 1000),
                "looks": len(soak.looks.read_text().split()),
                "listeners": len(soak.listener_memory),
                "listener_mb": [round(one / MB, 1) for one in (idle[0], max(soak.listener_memory.values()))],
                "daemon_mb": [round(one / MB, 1) for one in (idle[1], soak.daemon_memory)],
                "listener_descriptors": len(list(Path(f"/proc/{listener}/fd").iterdir())),
                "log_bytes": (soak.paths.root / "log").stat().st_size,
            }
            wrong = _wrong(soak, summary, options)
        finally:
            soak.daemon.send_signal(signal.SIGTERM)
            soak.daemon.wait(10)
            for pid in soak.listeners():
                os.kill(pid, signal.SIGTERM)
    print(json.dumps(summary | {"wrong": wrong}, indent=2))
    return 1 if wrong else 0


def _wrong(soak: Soak, summary: dict[str, Any], options: argparse.Namespace) -> list[str]:
    looks = sorted(map(int, soak.looks.read_text().split()))
    bars = {
        "strangers are missing": summary["strangers"] == options.strangers,
        "a stranger was let in": not any(answer.endswith(" 202") for answer in soak.answers),
        "a real delivery was not accepted": summary["real"] == {202: options.real},
        "a real delivery waited": summary["real_slowest_ms"] <= SECONDS_BAR * 1000,
        "a real delivery was lost, or a stranger had an effect": looks == list(range(1, options.real + 1)),
        "a listener took too much memory": max(soak.listener_memory.values()) < LISTENER_BAR,
        "the daemon took too much memory": soak.daemon_memory < DAEMON_BAR,
        "a listener was replaced without need": len(soak.listener_memory) <= options.kills + 1,
        "connections are left": summary["listener_descriptors"] < 12,
    }
    return [what for what, holds in bars.items() if not holds]


if __name__ == "__main__":
    sys.exit(main())
