"""Deploys back to back under reads and SQLite writes, for both strategies: no request fails, no acknowledged write is lost.

    python tests/soak/deploys_under_load.py --deploys 50 --rate 200 --strategy overlap --strategy handover --json out.json

Half of the requests read (and check which version answered), half write. In `overlap` a request of 25 s and streams run
beside them. Then eleven pushes within 5 s. Prints a table; ends with 1 if anything was not as it must be.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.ledger import Ledger, audit
from tests.real.load import Load, Report, Target, quantiles
from tests.real.streams import Follower
from tests.real.system_under_test import App, Page, app_on, ask, deployhost, eventually, set_up

STRATEGIES = ("overlap", "handover")
LONG = 25  # seconds of the request that is longer than any switch
MOST_HELD = 2000.0  # milliseconds: p99 in a handover
BURST, BURST_WITHIN = 11, 5.0
LEAST_DISK = 3 * 1024**3


@dataclass
class Outcome:
    """What came of the deploys of one strategy."""

    strategy: str
    deploys: int
    report: Report
    ledger: Ledger
    live_ms: dict[str, float]
    phases_ms: dict[str, float]
    long_request: str = ""
    streams: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def prepared(app: App, strategy: str) -> None:
    """Given an app with the sample `sqlite` committed, give it storage and the strategy, and make it live."""
    deployhost("storage", "enable", app.name)
    app.configure(strategy=strategy)
    app.push()


def deploys_under_load(app: App, strategy: str, count: int, rate: float, *, long: int = LONG) -> Outcome:
    """Given a prepared app, push `count` versions under `rate` requests a second and return what came of it."""
    target = Target(app.host, port=app.http_port)
    version = app.body().removeprefix("sqlite ").strip()
    first = f"sqlite {version}\n".encode()
    load = Load(
        target, rate=rate, allowed=[first], writes=0.5, name=strategy, most_requests=10**6, most_seconds=3600
    ).start()
    answers: list[Page] = []
    asking = threading.Thread(target=lambda: answers.append(app.get(f"/slow?s={long}", timeout=long + 30)), daemon=True)
    follower = Follower(target) if strategy == "overlap" else None
    if strategy == "overlap":
        asking.start()
    time.sleep(1)
    problems = []
    live = []
    for number in range(count):
        new = f"{strategy}-{number}"
        load.allow(f"sqlite {new}\n".encode())
        app.set_version(new)
        began = time.monotonic()
        pushed = app.push(check=False)
        live.append((time.monotonic() - began) * 1000)
        if pushed.code != 0:
            problems.append(f"push {number} ended with {pushed.code}: {pushed.said[-300:]}")
        elif app.body() != f"sqlite {new}\n":
            problems.append(f"after push {number} it answers {app.body()!r}")
    report = load.stop()
    outcome = Outcome(
        strategy, count, report, audit(app, load.acknowledged), quantiles(live), phases(app, count), problems=problems
    )
    if follower is not None:
        asking.join(long + 30)
        outcome.long_request = f"{answers[0].status} {answers[0].body.strip()[:60]}" if answers else "no answer"
        if outcome.long_request != f"200 slow {version}":
            problems.append(f"the request of {long} s: {outcome.long_request}")
        for stream in follower.wait(40).values():
            outcome.streams[stream.kind] = (
                f"{len(stream.parts)} parts, longest gap {stream.longest_gap:.2f} s, "
                f"{stream.how} after {stream.ended - stream.began:.1f} s"
            )
            if stream.status not in (101, 200) or stream.longest_gap > 1.5:
                problems.append(f"{stream.kind}: status {stream.status}, longest gap {stream.longest_gap:.2f} s")
    judge(outcome)
    return outcome


def judge(outcome: Outcome) -> None:
    """Add what is not as it must be to the outcome's problems."""
    report, held = outcome.report, held_p99(outcome.report)
    if report.failures:
        outcome.problems.append(f"{report.failures} of {report.sent} requests failed: {report.examples[:3]}")
    if not outcome.ledger.right:
        outcome.problems.append(f"writes: {outcome.ledger}")
    if outcome.strategy == "handover" and held > MOST_HELD:
        outcome.problems.append(f"p99 of what was held is {held:.0f} ms")


def held_p99(report: Report) -> float:
    """Return the p99 of the requests that were held, in milliseconds; of all of them it would be smaller."""
    return report.held_ms["p99"] if report.held else 0.0


def phases(app: App, count: int) -> dict[str, float]:
    """Return the median of each phase over the newest `count` deploys that went live."""
    times: dict[str, list[float]] = {}
    for deploy in app.deploys(count):
        if deploy["status"] == "live":
            for phase in deploy["phases"]:
                times.setdefault(phase["name"], []).append(float(phase["ms"]))
    return {name: round(sorted(values)[len(values) // 2], 1) for name, values in times.items()}


@dataclass(frozen=True)
class Burst:
    """What came of many pushes at once."""

    pushes: int
    within_s: float
    builds: int
    statuses: dict[str, int]
    live: str
    problems: list[str]


def burst(app: App, count: int = BURST, within: float = BURST_WITHIN, *, build_s: float = 12.0) -> Burst:
    """Given a live app, push `count` commits within that time while a build takes `build_s`; the head is to be live at the end."""
    recipe = app.tree / "Dockerfile"
    last = f"burst-{count - 1}"
    recipe.write_text(
        "FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\n"
        # Never the same twice: what an earlier run left in the cache would take no time. Nobody pushes during the first build and the last.
        f'RUN : {time.time_ns()}; case "$(cat version.txt)" in before|{last}) ;; *) sleep {build_s:g};; esac\n'
        'ENV PYTHONUNBUFFERED=1\nCMD ["python", "main.py"]\n'
    )
    app.configure(stand_in_bases=True)
    app.set_version("before")
    app.push()
    before = app.last_deploy()["id"]
    began = time.monotonic()
    pushes = []
    for number in range(count):
        app.set_version(f"burst-{number}")
        pushes.append(app.begin_push())
        time.sleep(max(0.0, began + (number + 1) * within * 0.9 / count - time.monotonic()))
    took = time.monotonic() - began
    for push in pushes:
        push.wait(180)
    problems = [] if took <= within else [f"the pushes took {took:.1f} s"]
    made = [deploy for deploy in app.deploys() if deploy["id"] > before]
    builds = sum(any(phase["name"] == "build" for phase in deploy["phases"]) for deploy in made)
    statuses: dict[str, int] = {}
    for deploy in made:
        statuses[deploy["status"]] = statuses.get(deploy["status"], 0) + 1
    live = app.body().strip()
    if builds > 2:
        told = [f"{deploy['id']} {deploy['status']} requested {deploy['requested_at']}" for deploy in made]
        problems.append(f"{builds} builds: {'; '.join(told)}")
    if not live.endswith(last) or app.git("ls-remote", "origin", "main").out.split()[0] != app.head():
        problems.append(f"live is {live!r}")
    recipe.unlink()
    return Burst(count, round(took, 2), builds, statuses, live, problems)


def table(outcomes: Sequence[Outcome], rate: float) -> str:
    """Given the outcomes, return them as a table."""
    lines = [f"deploys back to back at {rate:g} requests/s, half of them SQLite writes"]
    for outcome in outcomes:
        lines += [*_rows(outcome), *(f"  PROBLEM   {problem}" for problem in outcome.problems)]
    return "\n".join(lines)


def _rows(outcome: Outcome) -> list[str]:
    report, ledger, push = outcome.report, outcome.ledger, outcome.live_ms

    def times(of: dict[str, float]) -> str:
        return f"p50 {of['p50']:.0f}  p95 {of['p95']:.0f}  p99 {of['p99']:.0f}  max {of['max']:.0f} ms"

    rows = {
        "push": times(push),
        "requests": f"{report.sent} sent, {report.failures} failed, {report.wrong_bodies} wrong, {report.backwards} backwards",
        "writes": f"{ledger.acknowledged} acknowledged, {ledger.lost} lost, {ledger.doubled} doubled, {ledger.integrity}",
        "read": times(report.latency_ms),
        "write": times(report.write_latency_ms),
        "held": f"{report.held} longer than 200 ms: {times(report.held_ms)}",
        "phases": "  ".join(f"{name} {ms:.0f}" for name, ms in outcome.phases_ms.items()),
        **({"long": outcome.long_request} if outcome.long_request else {}),
        **outcome.streams,
    }
    return [f"\n{outcome.strategy}: {outcome.deploys} deploys", *(f"  {name:<9} {text}" for name, text in rows.items())]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print the table, and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--deploys", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--strategy", action="append", choices=STRATEGIES)
    parser.add_argument("--no-burst", action="store_true", help="without the eleven pushes")
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args(arguments)
    set_up()
    outcomes: list[Outcome] = []
    bursts: list[Burst] = []
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for strategy in asked.strategy or STRATEGIES:
            if shutil.disk_usage(directory).free < LEAST_DISK:
                raise SystemExit("too little disk space")
            with app_on("sqlite", f"soak-{strategy}", directory / strategy) as app:
                prepared(app, strategy)
                outcomes.append(deploys_under_load(app, strategy, asked.deploys, asked.rate))
                print(table(outcomes[-1:], asked.rate), flush=True)
                if not asked.no_burst and not bursts:
                    bursts.append(burst(app))
                    print(bursts[-1], flush=True)
                eventually(lambda app=app: len(app.containers()) == 1, within=60, what="one container runs")  # type: ignore[misc]
    problems = [problem for result in outcomes for problem in result.problems]
    problems += [problem for result in bursts for problem in result.problems]
    if asked.json:
        figures = {
            "rate": asked.rate,
            "version": ask("version")["version"],
            "strategies": [{**asdict(one), "report": one.report.to_json()} for one in outcomes],
            "bursts": [asdict(one) for one in bursts],
        }
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({"problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
