"""One look at all apps: an engine that hangs is waited for once, and not for long."""

import socket
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.apps import notes
from deployhost.apps.running import RunningReader
from deployhost.system.docker import Docker
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import WITH_WORKER
from tests.fakes.recovering import restart

ONE, TWO = sha(1), sha(2)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(tmp_path, monkeypatch)


def test_an_engine_that_hangs(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, sha(1))
    with tempfile.TemporaryDirectory(prefix="dh") as directory, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{directory}/docker.sock")
        silent.listen()
        engine = Docker(f"unix://{directory}/docker.sock", timeout=0.1)
        began = time.monotonic()
        running = RunningReader(engine, daemon.proxy, daemon.releases, daemon.locks).read()
    assert time.monotonic() - began < 20, "the time for answers, not that for deploys"
    assert running.problem == "the Docker engine does not answer"
    assert (running.containers, running.routes) == ({}, None)


def test_what_is_to_be_seen(server: Server) -> None:
    shop, blog, daemon = server.add("shop"), server.add("blog"), server.start()
    for app in (shop, blog):
        daemon.deploy(app, sha(1))
        daemon.deploy(app, sha(2))
    running = RunningReader(daemon.docker, daemon.proxy, daemon.releases, daemon.locks).read()
    assert {app: [one.id for one in seen] for app, seen in running.containers.items()} == {
        app: [daemon.live(app).container] for app in (shop, blog)
    }
    assert set(running.routes or ()) == {"shop-web", "blog-web"}
    assert running.locks == {}


def roles(daemon: Assembled, app: str) -> tuple[list[str], str]:
    """Return the processes that are shown, and what is said of the workers."""
    reader = RunningReader(daemon.docker, daemon.proxy, daemon.releases, daemon.locks)
    [(name, containers)] = reader.read().containers.items()
    assert name == app
    return [one.labels["role"] for one in containers], notes.workers(containers)


def test_processes(server: Server) -> None:
    server.behaviours[ONE] = server.behaviours[TWO] = WITH_WORKER
    app = server.add("shop")
    daemon = server.start()
    daemon.deploy(app, ONE)
    daemon.deploy(app, TWO)
    assert roles(daemon, app) == (["web", "worker"], "")
    daemon.database.close()
    for left in server.paths.state.glob("journal.db*"):
        left.unlink()
    daemon = restart(server)
    assert daemon.live(app).deploy not in (1, 2)
    assert roles(daemon, app) == (["web", "worker"], ""), "also of a journal that was lost"
    for one in [one for one in server.engine.running if one.labels["role"] == "worker"]:
        daemon.docker.remove(one.id, force=True)
    mend = "; to start it again: deployhost restart shop"
    assert roles(daemon, app) == (["web"], f"worker: its container is gone{mend}")


def test_a_worker_that_was_killed(server: Server) -> None:
    """It stays ended, as it was a person's act; one that the engine starts again needs nobody."""
    server.behaviours[ONE] = WITH_WORKER
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    (worker,) = [one for one in server.engine.running if one.labels["role"] == "worker"]
    server.engine.end(worker.id, 137)
    said = "worker: it ended with exit code 137; to start it again: deployhost restart shop"
    assert roles(daemon, app) == (["web", "worker"], said)
    server.engine.containers[worker.id] = replace(worker, status="restarting", restart_count=2, exit_code=3)
    assert "deployhost restart" not in roles(daemon, app)[1]
