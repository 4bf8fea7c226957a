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
        self._options = run_options(app.status()["live"]["container"])

    def run(self, version: str) -> Run:
        """Given a version, build it, run it, and have kamal-proxy switch to it; return how long it took."""
        self.app.set_version(version)
        shutil.rmtree(self.context, ignore_errors=True)
        shutil.copytree(self.app.tree, self.context, ignore=shutil.ignore_patterns(".git"))
        watcher = Watcher(self.host, self.app.http_port, version)
        image = f"{self.name}:{version}"
        began = time.perf_counter()
        self._build(image)
        built = time.perf_counter()
        container = docker("run", "--detach", *self._options, image)
        ran = time.perf_counter()
        docker(
            *("exec", "kamal-proxy", "kamal-proxy", "deploy", self.name),
            *("--target", f"{container[:12]}:{self._port}", "--host", self.host),
            *("--health-check-path", "/", "--health-check-interval", HEALTH_INTERVAL),
        )
        live = watcher.wait()
        self._old.append(container)
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
