"""kill -9 of deployhostd at random moments of a deploy: the app answers throughout, and everything converges after it.

    python tests/soak/kill_daemon.py --rounds 10 --seed 1

Prints one line per kill and a summary as JSON; ends with 1 if anything was not as it must be.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.control.client import call
from deployhost.control.messages import Message
from deployhost.errors import DeployhostError
from deployhost.paths import Paths
from tests.load import Load, Report, Target
from tests.system_under_test import App, app_on, ask, daemon_returns, docker, eventually, kill_daemon, set_up

STAGES = ("build", "start", "switch")
SHORTEST = 0.03  # seconds: a stage of a few milliseconds is met a little before, in or after it
SOCKET = str(Paths().control_socket)


@dataclass
class Kill:
    """One kill: what it was aimed at, where it hit, and what came of it."""

    aimed_at: str
    hit: str
    push_code: int
    outcome: str
    back_after: float
    problems: list[str] = field(default_factory=list)


class Watch:
    """Follows the newest deploy of an app over the control socket and says which stage it is in."""

    def __init__(self, app: App, after: int) -> None:
        self.stage = "queue"
        self.ended = threading.Event()
        self._changed = threading.Condition()
        self._begun: set[str] = set()
        self._app = app
        self._after = after
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wait_for(self, stage: str, within: float = 60) -> bool:
        """Given a stage, return True once it has begun, or False if the deploy ends without it."""
        with self._changed:
            self._changed.wait_for(lambda: stage in self._begun or self.ended.is_set(), within)
            return stage in self._begun

    def _follow(self) -> None:
        with contextlib.suppress(DeployhostError):
            call(SOCKET, "deploy.follow", self._note, timeout=120, id=self._number())
        with self._changed:
            self.ended.set()
            self._changed.notify_all()

    def _number(self) -> int:
        while True:
            newest = call(SOCKET, "app.status", timeout=30, name=self._app.name)["apps"][0]["last_deploy"]
            if newest is not None and newest["id"] > self._after:
                return int(newest["id"])
            time.sleep(0.002)

    def _note(self, event: Message) -> None:
        if event.get("event") != "stage":
            return
        with self._changed:
            if event["state"] == "start":
                self.stage = event["stage"]
                self._begun.add(event["stage"])
            else:
                self.stage = f"after {event['stage']}"
            self._changed.notify_all()


def kill_during(app: App, stage: str, version: str, chance: random.Random, load: Load) -> Kill:
    """Given a stage, push a new version, kill the daemon at a random moment of that stage, and look at what comes of it."""
    last = app.last_deploy()
    usual = {phase["name"]: phase["ms"] / 1000 for phase in last["phases"]}.get(stage, 0.1)
    load.allow(f"stdlib {version}\n".encode())
    app.set_version(version)
    watch = Watch(app, last["id"])
    push = app.begin_push()
    reached = watch.wait_for(stage)
    time.sleep(chance.uniform(0, max(usual, SHORTEST)))
    killed = kill_daemon_fast()
    hit, began = watch.stage, time.monotonic()
    daemon_returns(killed)
    result = Kill(stage, hit, 0, "", round(time.monotonic() - began, 2))
    if not reached:
        result.problems.append(f"the stage {stage} was never begun")
    result.push_code = push.wait(120).code
    result.outcome = app.settled(120)["status"]
    result.problems += converged(app, version)
    return result


def kill_daemon_fast() -> int:
    """Kill the daemon without starting a process first, so that the moment is the one that was meant. Return its process id."""
    return kill_daemon(int(call(SOCKET, "ping", timeout=10)["pid"]))


def converged(app: App, version: str) -> list[str]:
    """Given the version that was pushed, return what is not as it must be after the daemon has come back."""
    problems = []
    open_deploys = [
        deploy["id"]
        for deploy in call(SOCKET, "deploys.list", timeout=30, name=app.name, limit=100)["deploys"]
        if deploy["status"] in ("queued", "running")
    ]
    if open_deploys:
        problems.append(f"the journal has open deploys: {open_deploys}")
    again = app.push(check=False)
    if again.code != 0:
        problems.append(f"pushing the same commit again fails: {again.said[-300:]}")
    page = app.get()
    if (page.status, page.body) != (200, f"stdlib {version}\n"):
        problems.append(f"after that it answers {page.status} {page.body[:60]!r}")
    try:
        eventually(lambda: len(app.containers()) == 1, within=45, what="one container runs")
    except AssertionError:
        problems.append(f"these run: {sorted(app.containers())}")
    created = docker("ps", "--all", "--filter", f"label=service={app.name}", "--filter", "status=created", "--quiet")
    if created:
        problems.append("a container was created and never started")
    if (Paths().kamal / f"lock-{app.name}").exists():
        problems.append("Kamal's lock is still held")
    return problems


def rounds(app: App, stages: Sequence[str], count: int, seed: int) -> tuple[list[Kill], Report]:
    """Given stages and a count, kill the daemon that often in each, under 50 requests/s. Return the kills and the load's report."""
    chance = random.Random(seed)
    load = Load(
        Target(app.host, port=app.http_port), rate=50, allowed=[b"stdlib one\n"], most_requests=10**6, most_seconds=7200
    ).start()
    load.allow(b"stdlib usual\n")
    app.set_version("usual")
    app.push()  # how long each stage of a code-only push takes here, for the moments of the kills
    kills = []
    for number in range(count):
        for stage in stages:
            kill = kill_during(app, stage, f"{stage}-{number}", chance, load)
            print(json.dumps(asdict(kill)), flush=True)
            kills.append(kill)
    return kills, load.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="kills per stage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stage", action="append", choices=STAGES, help="only these stages")
    asked = parser.parse_args(arguments)
    set_up()
    with (
        tempfile.TemporaryDirectory() as directory,
        app_on("stdlib", "soak-kill", Path(directory) / "soak-kill") as app,
    ):
        app.push()
        kills, report = rounds(app, asked.stage or STAGES, asked.rounds, asked.seed)
    bad = [kill for kill in kills if kill.problems]
    summary = {
        "seed": asked.seed,
        "kills": len(kills),
        "kills_with_problems": len(bad),
        "live_afterwards": sum(kill.outcome == "live" for kill in kills),
        "back_after_s_max": max(kill.back_after for kill in kills),
        "version": ask("version")["version"],
        "load": report.to_json(),
    }
    print(json.dumps(summary, indent=2))
    return 1 if bad or report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
