"""Builds that want all memory or all CPUs while another app gets steady load: its p99 stays below twice its quiet value.

    python tests/soak/greedy_builds.py --rounds 5 --seconds 12

On an engine and a deployhost of its own. Quiet and busy stretches
alternate, since what else this machine does changes; the figures are the ratios of their medians.
Prints a summary as JSON; ends with 1 if anything was not as it must be.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.load import Load, Report, Target
from tests.real.system_under_test import App, app_on
from tests.soak.own_server import enter_network, own_server

WORST = 2.0  # times the quiet p99
DOCKERFILE = """\
FROM python:3.13-slim
COPY . /app
RUN : {number}; python /app/greedy.py
CMD ["python", "/app/main.py"]
"""
SETTLE = 2.0  # seconds for a build to be in its RUN, and for the machine to be quiet again
SPIN = """\
import os, time
until = time.monotonic() + {seconds}
for _ in range(3):
    os.fork()
while time.monotonic() < until:
    pass
os._exit(1)
"""
EAT = "held = []\nwhile True: held.append(bytearray(16_000_000))\n"
SETTINGS = "build_memory: 4g\n"


@dataclass
class Stretches:
    """p99 of the quiet and the busy stretches, in milliseconds, and how the greedy builds ended."""

    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    failures: int = 0
    ends: list[str] = field(default_factory=list)

    def add(self, what: str, quiet: Report, busy: Report, end: str) -> None:
        """Given the reports of a quiet and a busy stretch, and how the build ended, take note of them."""
        self.quiet.append(quiet.latency_ms["p99"])
        self.busy.append(busy.latency_ms["p99"])
        self.failures += quiet.failures + busy.failures
        self.ends.append(end)
        print(
            f"{what}: p99 quiet {self.quiet[-1]:6.1f} ms, busy {self.busy[-1]:6.1f} ms in {busy.seconds:.0f} s; {end}",
            flush=True,
        )

    @property
    def ratio(self) -> float:
        """Return how many times slower the busy stretches are."""
        return statistics.median(self.busy) / statistics.median(self.quiet)


def begin(app: App, rate: float, seconds: float) -> Load:
    """Given an app, begin to ask it so many times a second, at most for so long."""
    target = Target(app.host, port=app.http_port)
    return Load(target, rate=rate, allowed=[b"stdlib one\n"], most_seconds=seconds).start()


def measure(app: App, rate: float, seconds: float) -> Report:
    """Given an app, return how it answered so many requests a second for so long."""
    return begin(app, rate, seconds).join()


def greedy(app: App, program: str, number: int) -> Callable[[], str]:
    """Given an app and a program, push a build that runs it; return what waits for its end and returns why it failed."""
    (app.tree / "Dockerfile").write_text(DOCKERFILE.format(number=number))
    (app.tree / "greedy.py").write_text(program)
    app.commit(f"greedy {number}")
    push = app.begin_push()

    def end() -> str:
        push.wait(900)
        return str((app.settled()["error"] or {}).get("message"))

    return end


def spinning(app: App, steady: App, asked: argparse.Namespace) -> Stretches:
    """Measure while a build spins on all CPUs, again and again."""
    found = Stretches()
    for number in range(asked.rounds):
        time.sleep(SETTLE)
        quiet = measure(steady, asked.rate, asked.seconds)
        end = greedy(app, SPIN.format(seconds=asked.seconds + 2 * SETTLE), number)
        time.sleep(SETTLE)
        found.add(f"spin {number}", quiet, measure(steady, asked.rate, asked.seconds), end())
    return found


def eating(app: App, steady: App, asked: argparse.Namespace) -> Stretches:
    """Measure while a build takes memory without bound, until it is killed, again and again."""
    found = Stretches()
    for number in range(asked.rounds):
        time.sleep(SETTLE)
        quiet = measure(steady, asked.rate, asked.seconds)
        load = begin(steady, asked.rate, 600)
        why = greedy(app, EAT, 1000 + number)()
        found.add(f"eat  {number}", quiet, load.stop(), why)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--only", choices=("spin", "eat"), help="one of the two")
    asked = parser.parse_args(arguments)
    enter_network()
    with (
        tempfile.TemporaryDirectory(prefix="deployhost-greedy-", dir="/var/tmp") as directory,
        own_server(Path(directory), Path(directory), SETTINGS),
        app_on("stdlib", "soak-steady", Path(directory) / "steady") as steady,
        app_on("stdlib", "soak-greedy", Path(directory) / "greedy") as app,
    ):
        steady.push()
        (app.tree / "Procfile").unlink()
        app.configure(stand_in_bases=True)
        kinds = {"spin": spinning, "eat": eating}
        found = {
            name: kind(app, steady, asked) for name, kind in kinds.items() if asked.only is None or name == asked.only
        }
    summary = {
        name: {
            "quiet_p99_ms": stretches.quiet,
            "busy_p99_ms": stretches.busy,
            "ratio_of_medians": round(stretches.ratio, 2),
            "failed_requests": stretches.failures,
            "ends": sorted(set(stretches.ends)),
        }
        for name, stretches in found.items()
    }
    print(json.dumps(summary, indent=2))
    killed = "eat" not in found or all("used more than its" in end for end in found["eat"].ends)
    steady_enough = all(one.ratio < WORST and not one.failures for one in found.values())
    return 0 if killed and steady_enough else 1


if __name__ == "__main__":
    sys.exit(main())
