"""What is killed, and how one knows that it is back. Nothing here asks politely: SIGKILL by process id, without a shell in between."""

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from deployhost.control.client import call
from deployhost.errors import DeployhostError
from tests.real.system_under_test import App, docker
from tests.soak.watch import SOCKET

RETURNS_WITHIN = 60.0
RESTED = 11.0  # seconds; Docker doubles its delay, up to a minute, before it starts again what had not run for ten
ENGINE_PIDS = (Path("/run/docker.pid"), Path("/var/run/docker.pid"))


def kill_daemon(_app: App, _chance: random.Random) -> int:
    """Kill deployhostd. Return its process id."""
    return _kill(int(call(SOCKET, "ping", timeout=10)["pid"]))


def kill_build(app: App, _chance: random.Random) -> int:
    """Kill the `docker build` of the app. Return its process id, or 0 if there is none just now."""
    wanted = f"--tag=127.0.0.1:5555/{app.name}:".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "cmdline").read_bytes():
                return _kill(int(entry.name))
    return 0


def kill_app(app: App, chance: random.Random) -> int:
    """Kill the init of one of the app's containers. Return its process id, or 0 if none runs."""
    return _kill_container(f"label=service={app.name}", chance)


def kill_proxy(_app: App, chance: random.Random) -> int:
    """Kill kamal-proxy. Return its process id."""
    return _kill_container("name=^kamal-proxy$", chance)


def kill_engine(_app: App, _chance: random.Random) -> int:
    """Kill dockerd. Return its process id."""
    path = next(path for path in ENGINE_PIDS if path.exists())
    return _kill(int(path.read_text()))


VICTIMS: dict[str, Callable[[App, random.Random], int]] = {
    "daemon": kill_daemon,
    "build": kill_build,
    "app": kill_app,
    "proxy": kill_proxy,
    "dockerd": kill_engine,
}


def rest(target: str) -> None:
    """Wait until Docker would start a killed kamal-proxy again at once: its patience is not what is looked at here."""
    if target == "proxy":
        started = datetime.fromisoformat(
            f"{docker('inspect', '--format', '{{.State.StartedAt}}', 'kamal-proxy')[:19]}Z"
        )
        time.sleep(max(0.0, RESTED - (datetime.now(UTC) - started).total_seconds()))


def returns(target: str, killed: int) -> float:
    """Given what was killed, wait until it is back; return when that was (time.monotonic). Raise AssertionError if it isn't."""
    back = {"daemon": lambda: _daemon_pid() not in (0, killed), "dockerd": _engine_answers, "proxy": _proxy_runs}.get(
        target
    )
    deadline = time.monotonic() + RETURNS_WITHIN
    while back is not None and not back():
        if time.monotonic() > deadline:
            raise AssertionError(f"{target} is not back after {RETURNS_WITHIN:g} s")
        time.sleep(0.02)
    return time.monotonic()


def _daemon_pid() -> int:
    try:
        return int(call(SOCKET, "ping", timeout=5)["pid"])
    except (DeployhostError, OSError):
        return 0


def _engine_answers() -> bool:
    try:
        return bool(docker("version", "--format", "{{.Server.Version}}"))
    except AssertionError:
        return False


def _proxy_runs() -> bool:
    with contextlib.suppress(AssertionError):
        # While Docker waits before it starts one again, longer each time, that one counts as "Running" too.
        return docker("inspect", "--format", "{{.State.Status}}", "kamal-proxy") == "running"
    return False


def _kill_container(only: str, chance: random.Random) -> int:
    try:
        found = docker("ps", "--quiet", "--filter", only, "--filter", "status=running").split()
        if not found:
            return 0
        return _kill(int(json.loads(docker("inspect", chance.choice(found)))[0]["State"]["Pid"]))
    except AssertionError:
        return 0  # it went away meanwhile, which a moment in a deploy may bring


def _kill(pid: int) -> int:
    if pid <= 0:
        return 0  # of a container that has ended; to the kernel, 0 is the process group of the caller
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return pid
