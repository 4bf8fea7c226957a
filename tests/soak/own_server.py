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

from deployhost.kamal.contract import NETWORK, PROXY_CONFIG_PATH, PROXY_CONTAINER, PROXY_IMAGE
from deployhost.paths import Paths
from tests.system_under_test import deployhost, docker, eventually, run

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


@contextlib.contextmanager
def own_daemon(folder: Path, data: Path, settings: str) -> Iterator[Paths]:
    """Run deployhostd with everything there."""
    paths = Paths(data / "root")
    paths.bin.mkdir(parents=True)
    paths.config.mkdir(parents=True)
    shutil.copy(Paths().bin / "kamal-proxy", paths.bin / "kamal-proxy")
    paths.server_yml.write_text(f"http_port: {PORT}\n{settings}")
    os.environ["DEPLOYHOST_ROOT"] = str(paths.root)
    with (folder / "deployhostd.log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-c", "from deployhost.daemon.main import main; main()"],
            cwd=CHECKOUT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: deployhost("status", "--json", check=False).code == 0, within=30, what="deployhostd answers")
        yield paths
    finally:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
