"""From `git push` to the first answer of the new version, beside real `kamal redeploy` and the same steps by hand, in turns.

    python tests/bench/push_to_live.py --runs 20 --json push_to_live.json

Each run changes the app's code only. The clock starts when `git push` (`kamal redeploy`, `docker build`) is started, with the
commit made, and stops when a client that asks kamal-proxy every 5 ms gets the new version's body for the first time. By hand
means the commands that a person would type who has everything ready: `docker build` of the same directory with the Dockerfile
that deployhost generates, `docker run` on the same network with the same options and variables, and `kamal-proxy deploy` by
`docker exec`. Kamal has the same Dockerfile, base images and build cache, a registry on loopback, and its shortest health
interval. No run begins before the containers that the one before replaced are gone and what it wrote is on the disk, so that
neither disturbs it.

A rollback and a changed variable go live without git and without a build: what they save is all that is to be seen there.
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.kamal_way import ByKamal
from tests.bench.ways import ByHand, ByPush, ByRollback, ByVariable, Run, Way
from tests.real.system_under_test import app_on, set_up

SAMPLES = ("python", "node", "static", "stdlib")
WITHOUT_CODE = ("static",)  # shows nobody its variables
TITLES = {"push": "git push", "hand": "by hand", "kamal": "kamal", "rollback": "rollback", "variable": "env set"}


def measure(sample: str, runs: int, chosen: Sequence[str]) -> dict[str, list[Run]]:
    """Given a sample app, a number of runs and the names of ways, return the runs of each way, taken in turns."""
    directory = Path(tempfile.mkdtemp(prefix="push-to-live-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        app = stack.enter_context(app_on(sample, f"bench-{sample}", directory / "app"))
        app.push()
        push = ByPush(app)
        ways: dict[str, Way] = {"push": push}
        if "hand" in chosen:
            hand = ByHand(app, directory)
            stack.callback(hand.remove)
            ways["hand"] = hand
        if "kamal" in chosen:
            by_kamal = ByKamal(app, directory)
            stack.callback(by_kamal.remove)
            ways["kamal"] = by_kamal
        if "rollback" in chosen:
            ways["rollback"] = ByRollback(app, push)
        if "variable" in chosen and sample not in WITHOUT_CODE:
            ways["variable"] = ByVariable(app, push)
        return in_turns(ways, runs)


def in_turns(ways: Mapping[str, Way], runs: int) -> dict[str, list[Run]]:
    """Given ways and a number of runs, return each way's runs; the first of each fills caches and is not counted."""
    done: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            for other in ways.values():
                other.settle()
            os.sync()  # what one way has yet to write is not to be waited for by the next
            time.sleep(0.5)
            run = way.run(f"{name}-{number}")
            if number:
                done[name].append(run)
    return done


def quantile(values: Sequence[float], share: float) -> float:
    """Given values, return the smallest that at least that share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(done: dict[str, list[Run]]) -> dict[str, Any]:
    """Given the runs of each way, return p50 and p95 of the whole and of each phase, and each way's p50 in pushes."""
    result: dict[str, Any] = {}
    for name, runs in done.items():
        columns = {"total": [run.total for run in runs]}
        for phase in runs[0].phases:
            columns[phase] = [run.phases.get(phase, 0.0) for run in runs]
        result[name] = {
            column: {"p50": round(statistics.median(values), 1), "p95": round(quantile(values, 0.95), 1)}
            for column, values in columns.items()
        }
    push = result["push"]["total"]["p50"]
    result["in_pushes"] = {name: round(result[name]["total"]["p50"] / push, 2) for name in done if name != "push"}
    return result


def table(results: dict[str, dict[str, Any]], runs: int) -> str:
    """Given the summaries by sample, return the table."""
    lines = [f"ms to the first new answer, code-only change, {runs} runs of each way in turns: p50 (p95)"]
    for sample, result in results.items():
        ratios = ", ".join(f"{TITLES[name]} {ratio:.2f}" for name, ratio in result["in_pushes"].items())
        lines.append(f"\n{sample}: p50 in pushes: {ratios}")
        for way, title in TITLES.items():
            if way in result:
                cells = [f"{name} {value['p50']:.0f} ({value['p95']:.0f})" for name, value in result[way].items()]
                lines.append(f"  {title:<9}" + "  ".join(cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--app", action="append", choices=SAMPLES, help="only these")
    parser.add_argument("--way", action="append", choices=tuple(TITLES), help="only these, beside `push`")
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args(arguments)
    set_up()
    results = {}
    for sample in asked.app or SAMPLES:
        done = measure(sample, asked.runs, asked.way or tuple(TITLES))
        results[sample] = summary(done)
        print(table({sample: results[sample]}, asked.runs), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"runs": asked.runs, "unit": "ms", "apps": results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
