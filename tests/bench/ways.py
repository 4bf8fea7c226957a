"""The ways in which a change can go live, each timed from the command to the first answer that shows it."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deployhost.build import host_files
from deployhost.build.docker_cli import DockerCli
from deployhost.build.host_settings import proxy_variables
from tests.real.system_under_test import App, ask, deployhost, docker, eventually

POLL = 0.005  # seconds between questions
LIMIT = 60.0
HEALTH_INTERVAL = "100ms"
NOT_OURS = ("build", "create", "start", "health")  # BuildKit, the container, the app's own boot


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
    path: str = "/"
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
        deadline = time.perf_counter() + LIMIT
        while time.perf_counter() < deadline and not self.seen:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                self._ask(connection, deadline)

    def _ask(self, connection: http.client.HTTPConnection, deadline: float) -> None:
        while time.perf_counter() < deadline:
            connection.request("GET", self.path, headers={"Host": self.host})
            body = connection.getresponse().read().decode("utf-8", "replace")
            if self.expected in body:
                self.seen = time.perf_counter()
                return
            time.sleep(POLL)


class Way(Protocol):
    """One way."""

    def run(self, version: str) -> Run:
        """Given a version, bring it live and return how long it took."""
        ...

    def settle(self) -> None:
        """Return once what the last run replaced is gone."""
        ...


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
        before_live = phases(self.app)
        # What is left is git itself, the hook, and the way of the answer. What is not ours is the build, the container and its boot.
        ours = total - sum(before_live.get(name, 0.0) for name in NOT_OURS)
        return Run(total, {**before_live, "git, hook": total - sum(before_live.values()), "overhead": ours})

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


class ByRollback:
    """`deployhost rollback` to the release before."""

    def __init__(self, app: App, push: ByPush) -> None:
        self._app, self._push = app, push

    def run(self, version: str) -> Run:
        """Push a version, which is not timed, and go back to what was live before."""
        before = self._app.body()
        self._push.run(version)
        self._push.settle()
        watcher = Watcher(self._app.host, self._app.http_port, before)
        began = time.perf_counter()
        deployhost("rollback", self._app.name)
        return Run((watcher.wait() - began) * 1000, phases(self._app))

    def settle(self) -> None:
        """Return once what the last run replaced is gone."""
        self._push.settle()


class ByVariable:
    """`deployhost env set`, for sample apps that show their variables."""

    def __init__(self, app: App, push: ByPush) -> None:
        self._app, self._push = app, push

    def run(self, version: str) -> Run:
        """Given a version, set a variable to it and return how long it took until the app had it."""
        watcher = Watcher(self._app.host, self._app.http_port, version, "/env/SHOWN")
        began = time.perf_counter()
        deployhost("env", "set", self._app.name, f"SHOWN={version}")
        return Run((watcher.wait() - began) * 1000, phases(self._app))

    def settle(self) -> None:
        """Return once what the last run replaced is gone."""
        self._push.settle()


def phases(app: App) -> dict[str, float]:
    """Return the phases of the app's newest deploy up to live."""
    found = {phase["name"]: float(phase["ms"]) for phase in app.last_deploy()["phases"]}
    return {name: ms for name, ms in found.items() if name not in ("live", "drain")}


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
        "pip_conf": host_files.host_pip_conf(os.environ, Path.home(), credentials=False),
        "npmrc": host_files.host_npmrc(os.environ, Path.home(), credentials=False),
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
