"""From `git push` to the first answer of the new version, beside the same steps by hand, in turns in the same run.

    python tests/bench/push_to_live.py --runs 20 --json push_to_live.json

Each run changes the app's code only. The clock starts when `git push` (by hand: `docker build`) is started and stops when
a client that asks kamal-proxy every 5 ms gets the new version's body for the first time. By hand means the commands that a
person would type who has everything ready: `docker build` of the same directory with the Dockerfile that deployhost
generates, `docker run` on the same network with the same options and variables, and `kamal-proxy deploy` by `docker exec`.
No run begins before the containers that the one before replaced are gone, so that stopping them disturbs nobody.
"""

import argparse
import contextlib
import http.client
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.build import host_files
from deployhost.build.docker_cli import DockerCli
from deployhost.build.host_settings import proxy_variables
from tests.system_under_test import App, app_on, ask, docker, eventually, set_up

SAMPLES = ("python", "node", "static")
POLL = 0.005  # seconds between questions
LIMIT = 60.0
HEALTH_INTERVAL = "100ms"


@dataclass(frozen=True)
class Run:
    """One run: milliseconds to the first new answer, and of each phase."""

    total: float
    phases: dict[str, float]


@dataclass
class Watcher:
    """Asks for a page until its body contains what is expected, and notes when that was."""

    host: str
    port: int
    expected: str
    seen: float = 0.0
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self) -> float:
        """Return the moment (time.perf_counter) of the first answer. Raise AssertionError if there was none."""
        self._thread.join(LIMIT)
        assert self.seen, f"{self.host} never answered {self.expected!r}"
        return self.seen

    def _watch(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            deadline = time.perf_counter() + LIMIT
            while time.perf_counter() < deadline:
                connection.request("GET", "/", headers={"Host": self.host})
                body = connection.getresponse().read().decode("utf-8", "replace")
                if self.expected in body:
                    self.seen = time.perf_counter()
                    return
                time.sleep(POLL)


class ByPush:
    """The way of deployhost."""

    def __init__(self, app: App) -> None:
        self.app = app

    def run(self, version: str) -> Run:
        """Given a version, push it and return how long it took."""
        self.app.set_version(version)
        watcher = Watcher(self.app.host, self.app.http_port, version)
        began = time.perf_counter()
        self.app.push()
        total = (watcher.wait() - began) * 1000
        phases = {phase["name"]: float(phase["ms"]) for phase in self.app.last_deploy()["phases"]}
        before_live = {name: ms for name, ms in phases.items() if name not in ("live", "drain")}
        # What is left is git itself, the hook, and the way of the answer.
        return Run(total, {**before_live, "git, hook": total - sum(before_live.values())})

    def settle(self) -> None:
        """Return once what the last run replaced is gone."""
        eventually(lambda: len(self.app.containers()) == 1, within=60, what="the replaced container is gone")


class ByHand:
    """The same steps as commands, for a service of its own beside the app."""

    def __init__(self, app: App, directory: Path) -> None:
        self.app = app
        self.name = f"{app.name}-hand"
        self.host = f"{self.name}.localhost"
        self.context = directory / "context"
        self.work = directory / "work"
        self.work.mkdir(parents=True)
        self._old: list[str] = []
        live = app.status()["live"]
        self._port = live["port"]
        self._options = run_options(live["container"])
        self._build = build_command(ask("inspect", app.name), self.work)

    def run(self, version: str) -> Run:
        """Given a version, build it, run it, and have kamal-proxy switch to it; return how long it took."""
        self.app.set_version(version)
        shutil.rmtree(self.context, ignore_errors=True)
        shutil.copytree(self.app.tree, self.context, ignore=shutil.ignore_patterns(".git"))
        watcher = Watcher(self.host, self.app.http_port, version)
        image = f"{self.name}:{version}"
        began = time.perf_counter()
        subprocess.run(
            [*self._build, f"--tag={image}", str(self.context)],
            env={**os.environ, "DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": "default"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        built = time.perf_counter()
        container = docker("run", "--detach", *self._options, image)
        self._old.append(container)
        ran = time.perf_counter()
        docker(
            *("exec", "kamal-proxy", "kamal-proxy", "deploy", self.name),
            *("--target", f"{container[:12]}:{self._port}", "--host", self.host),
            *("--health-check-path", "/", "--health-check-interval", HEALTH_INTERVAL),
        )
        live = watcher.wait()
        return Run(
            (live - began) * 1000,
            {"build": (built - began) * 1000, "run": (ran - built) * 1000, "switch": (live - ran) * 1000},
        )

    def settle(self) -> None:
        """Remove what the last run replaced."""
        for container in self._old[:-1]:
            docker("rm", "--force", container)
        del self._old[:-1]

    def remove(self) -> None:
        """Leave nothing behind."""
        docker("exec", "kamal-proxy", "kamal-proxy", "remove", self.name, check=False)
        for container in self._old:
            docker("rm", "--force", container, check=False)
        for image in docker("images", "--quiet", self.name).split():
            docker("rmi", "--force", image, check=False)


def build_command(plan: dict[str, Any], work: Path) -> list[str]:
    """Given a generated plan and a directory, write the plan's files there and return the `docker build` for them.

    What the host lends to a build (certificates, indexes) is the same as deployhost lends, so that the layers of the
    dependencies are the same ones.
    """
    (work / "Dockerfile").write_text(plan["dockerfile"], encoding="utf-8")
    (work / "Dockerfile.dockerignore").write_text(plan["dockerignore"], encoding="utf-8")
    argv = [str(DockerCli(os.environ).find().path), "build", "--quiet", f"--file={work / 'Dockerfile'}"]
    argv += [f"--build-arg={name}" for name in proxy_variables(os.environ)]
    lent = {
        "pip_conf": host_files.host_pip_conf(os.environ, Path.home()),
        "npmrc": host_files.host_npmrc(os.environ, Path.home()),
    }
    for name, text in lent.items():
        if text:
            (work / name).write_text(text, encoding="utf-8")
            argv.append(f"--secret=id={name},src={work / name}")
    bundle = host_files.host_ca_bundle(os.environ)
    return [*argv, f"--secret=id=ca,src={bundle}"] if bundle else argv


def run_options(container: str) -> list[str]:
    """Given the app's own container, return the options of a `docker run` that makes one like it."""
    found = json.loads(docker("inspect", container))[0]
    host, config = found["HostConfig"], found["Config"]
    image = json.loads(docker("inspect", found["Image"]))[0]["Config"]
    options = [f"--network={host['NetworkMode']}", f"--restart={host['RestartPolicy']['Name']}"]
    options += [f"--security-opt={option}" for option in host["SecurityOpt"] or ()]
    options += [f"--volume={bind}" for bind in host["Binds"] or ()]
    options += ["--init"] if host["Init"] else []
    own = [variable for variable in config["Env"] if variable not in (image["Env"] or ())]
    return [*options, *(f"--env={variable}" for variable in own)]


def measure(sample: str, runs: int) -> dict[str, list[Run]]:
    """Given a sample app and a number of runs, return the runs of each way, taken in turns."""
    directory = Path(tempfile.mkdtemp(prefix="push-to-live-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        app = stack.enter_context(app_on(sample, f"bench-{sample}", directory / "app"))
        app.push()
        push, hand = ByPush(app), ByHand(app, directory)
        stack.callback(hand.remove)
        ways: list[ByPush | ByHand] = [push, hand]
        done: dict[str, list[Run]] = {"push": [], "hand": []}
        for number in range(runs + 1):
            for name, way in zip(done, ways, strict=True):
                settle(ways)
                run = way.run(f"{name}-{number}")
                # The first one fills the build's cache and is not counted.
                if number:
                    done[name].append(run)
        return done


def settle(ways: Sequence[ByPush | ByHand]) -> None:
    """Return once everything that earlier runs replaced is gone."""
    for way in ways:
        way.settle()
    time.sleep(0.5)


def quantile(values: Sequence[float], share: float) -> float:
    """Given values, return the smallest that at least that share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(done: dict[str, list[Run]]) -> dict[str, Any]:
    """Given the runs of each way, return p50 and p95 of the whole and of each phase, and the ratio of the p50s."""
    result: dict[str, Any] = {}
    for name, runs in done.items():
        columns = {"total": [run.total for run in runs]}
        for phase in runs[0].phases:
            columns[phase] = [run.phases.get(phase, 0.0) for run in runs]
        result[name] = {
            column: {"p50": round(statistics.median(values), 1), "p95": round(quantile(values, 0.95), 1)}
            for column, values in columns.items()
        }
    result["ratio_of_p50"] = round(result["push"]["total"]["p50"] / result["hand"]["total"]["p50"], 2)
    return result


def table(results: dict[str, dict[str, Any]], runs: int) -> str:
    """Given the summaries by sample, return the table."""
    lines = [f"ms to the first new answer, code-only change, {runs} runs of each way in turns: p50 (p95)"]
    for sample, result in results.items():
        lines.append(f"\n{sample}: push / by hand = {result['ratio_of_p50']:.2f}")
        for way, title in (("push", "git push"), ("hand", "by hand")):
            cells = [f"{name} {value['p50']:.0f} ({value['p95']:.0f})" for name, value in result[way].items()]
            lines.append(f"  {title:<9}" + "  ".join(cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--app", action="append", choices=SAMPLES, help="only these")
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args(arguments)
    set_up()
    results = {}
    for sample in asked.app or SAMPLES:
        results[sample] = summary(measure(sample, asked.runs))
    print(table(results, asked.runs))
    if asked.json:
        asked.json.write_text(json.dumps({"runs": asked.runs, "unit": "ms", "apps": results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
