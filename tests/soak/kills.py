"""kill -9 at every step of a deploy and at random moments: what serves goes on serving, and everything converges.

    python tests/soak/kills.py --target daemon --strategy overlap --strategy handover --random 100 --seed 1
    python tests/soak/in_fresh_server.py -- tests/soak/kills.py --target app --target proxy --target dockerd --random 10

Of daemon or build: no request fails; in a handover they are held, and served within 5 s of the daemon's return. Of app, proxy
or dockerd: serving again within 10 s of its return. Always: no acknowledged write lost, and converged within 30 s. Under reads
and SQLite writes. Prints one line per kill, a table, and JSON; ends with 1 if anything was not as it must be.
"""

import argparse
import contextlib
import http.client
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.control.client import call
from deployhost.errors import DeployhostError
from deployhost.paths import Paths
from tests.real.ledger import Ledger, audit
from tests.real.load import Load, Report, Target, quantiles
from tests.real.system_under_test import App, app_on, ask, deployhost, docker, set_up
from tests.soak.victims import VICTIMS, rest, returns
from tests.soak.watch import SOCKET, Watch

STAGES = {
    "overlap": ("queue", "fetch", "plan", "build", "create", "start", "health", "switch", "after"),
    "handover": ("queue", "fetch", "plan", "build", "create", "hold", "stop", "start", "health", "switch", "after"),
}
HARMLESS = ("daemon", "build")  # what must cost no request
SHORTEST = 0.03  # seconds: a stage of a few milliseconds is met a little before, in or after it
CONVERGES_WITHIN = 30.0
SERVED_WITHIN = {"daemon": 5.0, "build": 5.0, "app": 10.0, "proxy": 10.0, "dockerd": 10.0}
DRAIN = 3  # seconds
LEAST_DISK = 3 * 1024**3


@dataclass
class Kill:
    """One kill: what it was aimed at, where it hit, and what came of it; times in seconds after the victim's return."""

    target: str
    strategy: str
    aimed_at: str
    hit: str = ""
    push: int = 0
    outcome: str = ""
    returned: float = 0.0  # after the kill
    served: float = 0.0  # the last answer that was late, or the last failure
    converged: float = 0.0
    failed: int = 0  # requests
    problems: list[str] = field(default_factory=list)


class Killing:
    """Given a live app with a strategy and a load on it, kill things while it is deployed."""

    def __init__(self, app: App, strategy: str, load: Load, seed: int) -> None:
        self.kills: list[Kill] = []
        self._app, self._strategy, self._load = app, strategy, load
        self._chance = random.Random(seed)
        self._usual = {phase["name"]: phase["ms"] / 1000 for phase in app.last_deploy()["phases"]}

    def at_stage(self, target: str, stage: str) -> Kill:
        """Given a target and a stage, push a version, kill at a random moment of that stage, and look at what comes of it."""
        kill = Kill(target, self._strategy, stage)
        with self._push(kill) as watch:
            if stage == "after":
                watch.wait_for("switch")
                time.sleep(self._usual.get("switch", 0.05) + self._chance.uniform(0, 0.3))
            elif stage != "queue" and not watch.wait_for(stage):
                kill.problems.append(f"the stage {stage} was never begun")
            else:
                time.sleep(self._chance.uniform(0, max(self._usual.get(stage, 0.1), SHORTEST)))
        return kill

    def at_random(self, target: str) -> Kill:
        """Given a target, push a version and kill at a moment anywhere in its deploy."""
        kill = Kill(target, self._strategy, "random")
        with self._push(kill):
            time.sleep(self._chance.uniform(0, self._usual["live"] * 1.2 + 0.1))
        return kill

    @contextlib.contextmanager
    def _push(self, kill: Kill) -> Iterator[Watch]:
        """Push a version; when the block ends, kill, and fill in what comes of it."""
        rest(kill.target)
        app, version = self._app, f"kill-{len(self.kills)}"
        before = app.last_deploy()["id"]
        self._load.allow(f"sqlite {version}\n".encode())
        app.set_version(version)
        failed_before = len(self._load.failed)
        began = time.monotonic()
        watch = Watch(app, before)
        push = app.begin_push()
        yield watch
        killed = VICTIMS[kill.target](app, self._chance)
        at, kill.hit = time.monotonic(), watch.stage if killed else "nothing to kill"
        back = returns(kill.target, killed) if killed else at
        kill.returned = round(back - at, 2)
        self._await_convergence(kill, back)
        pushed = push.wait(120)
        kill.push, kill.outcome = pushed.code, str(app.last_deploy()["status"])
        if (kill.push == 0) != (kill.outcome == "live") or (kill.target == "daemon" and kill.push != 0):
            kill.problems.append(f"the push ended with {kill.push}, the deploy as {kill.outcome}: {pushed.said[-400:]}")
        self._push_again(kill, version)
        kill.failed = len(self._load.failed) - failed_before
        self._judge(kill, began, back)
        self.kills.append(kill)
        print(json.dumps(asdict(kill)), flush=True)

    def _await_convergence(self, kill: Kill, back: float) -> None:
        while left := not_converged(self._app):
            if time.monotonic() - back > CONVERGES_WITHIN:
                kill.problems += left
                break
            time.sleep(0.1)
        kill.converged = round(time.monotonic() - back, 2)

    def _push_again(self, kill: Kill, version: str) -> None:
        """Whatever was killed, the commit can be deployed afterwards."""
        app = self._app
        if answered(app) != f"200 sqlite {version}":
            again = app.push(check=False)
            if again.code != 0:
                kill.problems.append(f"pushing the same commit again fails: {again.said[-300:]}")
        if (said := answered(app)) != f"200 sqlite {version}":
            kill.problems.append(f"after that it answers {said}")

    def _judge(self, kill: Kill, began: float, back: float) -> None:
        failed = [moment for moment in self._load.failed if moment >= began]
        late = max([*failed, self._load.last_late(since=began, until=back)])
        kill.served = round(max(0.0, late - back), 2)
        if kill.target in HARMLESS and failed:
            kill.problems.append(f"{len(failed)} requests failed")
        if kill.served > SERVED_WITHIN[kill.target]:
            kill.problems.append(f"served again {kill.served:g} s after it was back")


def answered(app: App) -> str:
    """Return the status and the beginning of what the app answers, or that it does not."""
    try:
        page = app.get(timeout=10)
    except (OSError, http.client.HTTPException) as error:
        return f"nothing: {type(error).__name__}"
    return f"{page.status} {page.body[:60].strip()}"


def not_converged(app: App) -> list[str]:
    """Return what is still under way, or not as it must be, of an app with one process and nobody's request in flight."""
    try:
        return [problem for problem in _differences(app) if problem]
    except (AssertionError, DeployhostError, OSError) as error:
        return [f"can't be asked: {str(error)[:200]}"]


def _differences(app: App) -> Iterator[str]:
    shown = call(SOCKET, "app.status", timeout=30, name=app.name)["apps"][0]
    open_deploys = [deploy["id"] for deploy in app.deploys(50) if deploy["status"] in ("queued", "running")]
    yield f"open deploys: {open_deploys}" if open_deploys else ""
    live = shown["live"]
    running = set(docker("ps", "--quiet", "--filter", f"label=service={app.name}").split())
    yield "" if live and running == {live["container"]} else f"these run: {sorted(app.containers())}"
    created = docker("ps", "--all", "--filter", f"label=service={app.name}", "--filter", "status=created", "--quiet")
    yield "a container was created and never started" if created else ""
    yield "Kamal's lock is held" if (Paths().kamal / f"lock-{app.name}").exists() else ""
    steps = call(SOCKET, "app.converge", timeout=30, name=app.name, dry_run=True)["steps"]
    yield f"converge would: {'; '.join(step['what'] for step in steps)}" if steps else ""
    said = answered(app)
    yield "" if said.startswith("200 ") else f"it answers {said}"


def usual_push(app: App, load: Load) -> None:
    """Push once without any kill: how long each stage of a code-only push takes here, for the moments of the kills."""
    load.allow(b"sqlite usual\n")
    app.set_version("usual")
    app.push()


def begun(app: App, strategy: str, rate: float) -> Load:
    """Given an app with the sample `sqlite` committed, make it live with that strategy and return a load on it."""
    deployhost("storage", "enable", app.name)
    app.configure(strategy=strategy, drain=DRAIN)
    app.push()
    load = Load(
        Target(app.host, port=app.http_port),
        rate=rate,
        allowed=[b"sqlite one\n"],
        writes=0.5,
        name=strategy,
        most_requests=10**7,
        most_seconds=7200,
    ).start()
    usual_push(app, load)
    return load


def kill_all(
    app: App,
    strategy: str,
    targets: Sequence[str],
    *,
    rounds: int,
    moments: int,
    seed: int,
    rate: float,
    minutes: float,
) -> tuple[list[Kill], Report, Ledger]:
    """Given an app, kill each target `rounds` times in each stage and at `moments` random moments. Return what came of it."""
    load = begun(app, strategy, rate)
    killing = Killing(app, strategy, load, seed)
    end = time.monotonic() + minutes * 60
    plan = [(target, stage) for target in targets for _ in range(rounds) for stage in stages(target, strategy)]
    plan += [(targets[number % len(targets)], "random") for number in range(moments)]
    for target, stage in plan:
        if time.monotonic() > end or shutil.disk_usage("/").free < LEAST_DISK:
            print("stopped early: no time or disk space left", flush=True)
            break
        if stage == "random" and target != "build":
            killing.at_random(target)
        else:  # a build is there to be killed while it builds only
            killing.at_stage(target, "build" if stage == "random" else stage)
    report = load.stop()
    return killing.kills, report, audit(app, load.acknowledged)


def stages(target: str, strategy: str) -> tuple[str, ...]:
    """Return the stages in which killing the target means something."""
    return ("build",) if target == "build" else STAGES[strategy]


def table(kills: Sequence[Kill]) -> str:
    """Given the kills, return them by target and strategy."""
    lines = [
        f"{'target':<9}{'strategy':<10}{'kills':>6}{'wrong':>6}{'failed':>7}   back s p50/max   served s p50/max   converged s p50/max"
    ]
    for target, strategy in sorted({(kill.target, kill.strategy) for kill in kills}):
        of = [kill for kill in kills if (kill.target, kill.strategy) == (target, strategy)]
        times = [quantiles([getattr(kill, name) for kill in of]) for name in ("returned", "served", "converged")]
        shown = "".join(f"{time_['p50']:>11.2f} /{time_['max']:>6.2f}" for time_ in times)
        wrong, failed = sum(bool(kill.problems) for kill in of), sum(kill.failed for kill in of)
        lines.append(f"{target:<9}{strategy:<10}{len(of):>6}{wrong:>6}{failed:>7}{shown}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, print what came of it, and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--target", action="append", choices=tuple(VICTIMS), help="what is killed (default: daemon, build)"
    )
    parser.add_argument("--strategy", action="append", choices=tuple(STAGES))
    parser.add_argument("--rounds", type=int, default=1, help="kills per stage")
    parser.add_argument("--random", type=int, default=0, help="kills at random moments")
    parser.add_argument("--rate", type=float, default=60, help="requests per second")
    parser.add_argument("--minutes", type=float, default=60, help="stop after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args(arguments)
    set_up()
    kills: list[Kill] = []
    summary: dict[str, object] = {"seed": asked.seed, "version": ask("version")["version"]}
    good = True
    for strategy in asked.strategy or STAGES:
        with (
            tempfile.TemporaryDirectory() as directory,
            app_on("sqlite", f"kills-{strategy}", Path(directory) / "app") as app,
        ):
            done, report, ledger = kill_all(
                app, strategy, asked.target or HARMLESS, rounds=asked.rounds, moments=asked.random, seed=asked.seed,
                rate=asked.rate, minutes=asked.minutes,
            )  # fmt: skip
        kills += done
        good = good and ledger.right and not any(kill.problems for kill in done)
        summary[strategy] = {"load": {**report.to_json(), "bodies": len(report.bodies)}, "ledger": asdict(ledger)}
    print(table(kills))
    summary["kills"] = [asdict(kill) for kill in kills]
    if asked.json:
        asked.json.write_text(json.dumps(summary, indent=2) + "\n")
    print(json.dumps({name: value for name, value in summary.items() if name != "kills"}, indent=2))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
