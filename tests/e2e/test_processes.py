"""A Procfile's workers and release command, in containers of their own, for real."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.real.system_under_test import App, app_on, docker, eventually


@pytest.fixture(scope="module")
def app(system: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app_on("workers", "e2e-workers", tmp_path_factory.mktemp("workers") / "tree") as one:
        yield one


def worker_of(app: App) -> str:
    return docker("ps", "-q", "--no-trunc", "--filter", f"label=service={app.name}", "--filter", "label=role=worker")


def test_processes(app: App) -> None:
    app.set_version("one")
    said = app.push().said
    assert "preparing one" in said, "the release command's output is told"
    assert app.body() == "one"
    first = worker_of(app)
    assert docker("logs", first) == "working on one"

    app.set_version("two")
    app.push()
    assert app.body() == "two"
    eventually(lambda: "\n" not in worker_of(app), within=10, what="one worker runs")
    second = worker_of(app)
    assert docker("logs", second) == "working on two"

    os.kill(int(docker("inspect", "--format={{.State.Pid}}", second)), signal.SIGKILL)
    eventually(lambda: worker_of(app) == second, within=10, what="the worker runs again")


@pytest.mark.parametrize(
    ("breaks", "says"), [("release_breaks", "the schema can't be changed"), ("worker_breaks", "the worker has no work")]
)
def test_a_process_that_fails_stops_the_deploy(app: App, breaks: str, says: str) -> None:
    before, worker = app.body(), worker_of(app)
    (app.tree / breaks).touch()
    app.set_version(f"with {breaks}")
    pushed = app.push(check=False)
    assert pushed.code == 1
    assert says in pushed.said
    assert app.body() == before
    eventually(lambda: worker_of(app) == worker, within=10, what="the worker of before is the only one")
    (app.tree / breaks).unlink()
    app.commit("mended")


def test_limits_and_powers(app: App) -> None:
    """What apps.yml says of memory and CPUs holds, and a generated image's processes have no capabilities."""
    [inspected] = json.loads(docker("inspect", worker_of(app)))
    host = inspected["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 4096
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m"}}
