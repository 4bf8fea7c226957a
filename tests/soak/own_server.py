"""A server within this machine: a Docker engine, kamal-proxy and deployhostd of their own, in a network of their own.

For tests that need an engine that is theirs alone. Needs root, and python:3.13-slim and kamal-proxy in this machine's own.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from deployhost.control.client import call
from deployhost.errors import DaemonUnavailable
from deployhost.kamal.contract import NETWORK, PROXY_CONFIG_PATH, PROXY_CONTAINER, PROXY_IMAGE
from deployhost.paths import Paths
from tests.real.system_under_test import docker, eventually, run

CHECKOUT = Path(__file__).resolve().parents[2]
PORT = 8099
BASE = "python:3.13-slim"
STAND_IN = "deployhost/stand-in:python-3.13"
INSIDE = "DEPLOYHOST_SOAK_INSIDE"


def enter_network() -> None:
    """Begin this program anew in a network, and with mounts, of its own: two engines would undo each other's firewall rules."""
    if INSIDE not in os.environ:
        os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})
    run(["ip", "link", "set", "lo", "up"])


@contextlib.contextmanager
def own_server(folder: Path, data: Path, settings: str = "") -> Iterator[Paths]:
    """Given a directory for sockets and logs, one for all data, and more lines for server.yml, yield the server's paths.

    While it runs, `docker` and `deployhost` of the tests are its own.
    """
    before = dict(os.environ)
    # The command of this checkout, whatever is installed.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    try:
        with own_engine(folder, data) as address:
            carry_images(folder, address)
            os.environ["DOCKER_HOST"] = address
            start_proxy()
            with own_daemon(folder, data, settings) as paths:
                yield paths
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def own_engine(folder: Path, data: Path) -> Iterator[str]:
    """Given directories, yield the address of a Docker engine that keeps everything there."""
    address = f"unix://{folder}/docker.sock"
    (folder / "daemon.json").write_text("{}")
    with (folder / "dockerd.log").open("wb") as log:
        engine = subprocess.Popen(
            [
                "dockerd",
                f"--config-file={folder}/daemon.json",
                f"--host={address}",
                f"--data-root={data}/docker",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/docker.pid",
                "--containerd-namespace=deployhost-soak",
                "--containerd-plugins-namespace=deployhost-soak-plugins",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(
            lambda: run(["/usr/bin/docker", "--host", address, "version"], check=False).code == 0,
            within=60,
            what="the engine answers",
        )
        yield address
    finally:
        listed = run(["/usr/bin/docker", "--host", address, "ps", "--all", "--quiet"], check=False).out.split()
        if listed:
            run(["/usr/bin/docker", "--host", address, "rm", "--force", *listed], check=False)
        engine.terminate()
        engine.wait(60)


def carry_images(folder: Path, address: str) -> None:
    """Give the engine the images that it needs, from this machine's own."""
    tar = folder / "images.tar"
    tags = [
        BASE,
        *([STAND_IN] if docker("images", "-q", STAND_IN) else []),
    ]
    docker("save", "--output", str(tar), *tags, PROXY_IMAGE)
    run(["/usr/bin/docker", "--host", address, "load", "--quiet", "--input", str(tar)], timeout=600)
    tar.unlink()


def start_proxy() -> None:
    """Start kamal-proxy in the engine that DOCKER_HOST names."""
    docker("network", "create", NETWORK)
    volume = f"kamal-proxy-config:{PROXY_CONFIG_PATH}"
    publish = f"127.0.0.1:{PORT}:80"
    docker(
        "run",
        "--detach",
        "--name",
        PROXY_CONTAINER,
        "--network",
        NETWORK,
        "--volume",
        volume,
        "--publish",
        publish,
        PROXY_IMAGE,
    )


HURRY = (  # has the daemon's quick jobs done every `look` seconds
    "from deployhost.daemon import jobs, schedule, schedule_plan; "
    "jobs.LOOK = schedule_plan.PAUSE = schedule.LOOK[schedule_plan.Lane.QUICK] = {look}; "
)


class OwnDaemon:
    """A deployhostd of this checkout with a tree of its own; `look` is how many seconds it waits between its rounds."""

    def __init__(self, folder: Path, root: Path, settings: str = "", look: float | None = None) -> None:
        self.paths = Paths(root)
        self._log = folder / "deployhostd.log"
        hurry = "" if look is None else HURRY.format(look=look)
        self._argv = [sys.executable, "-c", f"from deployhost.daemon import main; {hurry}main.main()"]
        self._process: subprocess.Popen[bytes] | None = None
        self.paths.bin.mkdir(parents=True)
        self.paths.config.mkdir(parents=True)
        shutil.copy(Paths().bin / "kamal-proxy", self.paths.bin / "kamal-proxy")
        self.paths.server_yml.write_text(f"http_port: {PORT}\n{settings}")

    def start(self) -> None:
        """Start it, and return once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                cwd=CHECKOUT,
                env={**os.environ, "DEPLOYHOST_ROOT": str(self.paths.root)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self.answers, within=30, what="deployhostd answers")

    def answers(self) -> bool:
        """Return whether it answers."""
        try:
            call(str(self.paths.control_socket), "ping", timeout=30)
        except DaemonUnavailable:
            return False
        return True

    def kill(self) -> None:
        """Kill it with SIGKILL; one that does not run is no error."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def own_daemon(folder: Path, data: Path, settings: str) -> Iterator[Paths]:
    """Run deployhostd with everything there."""
    daemon = OwnDaemon(folder, data / "root", settings)
    os.environ["DEPLOYHOST_ROOT"] = str(daemon.paths.root)
    try:
        daemon.start()
        yield daemon.paths
    finally:
        daemon.kill()
