"""Carrying out steps: kamal-proxy's container as Kamal wants it, back again if its successor fails; and what is noted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from deployhost.config import server as server_config
from deployhost.errors import DockerUnavailable
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.act import SetupActor
from deployhost.server.facts import WantedServer, daemon_json, install_record, stopped_record
from deployhost.server.proxy_container import ASIDE
from deployhost.steps import Step, carry_out
from deployhost.system import json_file, oom_score, packages
from deployhost.system.docker_model import ContainerSpec
from deployhost.system.services import Services
from tests.fakes.docker import Behaviour, Engine, FakeDocker

LATER = "basecamp/kamal-proxy:v0.9.9"


@pytest.fixture(autouse=True)
def _spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom_score, "may_be_lowered", lambda _: True)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.state.mkdir(parents=True)
    return paths


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.add_image(Behaviour(), contract.PROXY_IMAGE)
    return engine


@pytest.fixture
def act(paths: Paths, engine: Engine) -> Callable[[Step], str]:
    wanted = WantedServer(
        paths=paths, http_port=80, version="1", prefix="/", daemon_definition="", engine_definition=""
    )
    acts = SetupActor(
        wanted=wanted, docker=FakeDocker(engine), services=cast("Services", None), log=lambda _line: None
    ).acts
    return lambda step: carry_out(step, acts)


def made(engine: Engine, name: str, image: str = contract.PROXY_IMAGE, **settings: Any) -> str:
    """Return the id of a new container that runs."""
    docker = FakeDocker(engine)
    container = docker.create(ContainerSpec(name=name, image=image, **settings))
    docker.start(container)
    return container


def create(port: int) -> steps.CreateProxy:
    return steps.CreateProxy(what="create", why="it must be", port=port)


def test_the_proxy_is_what_kamal_expects(act: Callable[[Step], str], engine: Engine, paths: Paths) -> None:
    act(create(8080))
    (proxy,) = engine.containers.values()
    assert proxy.running
    assert engine.specs[proxy.id] == ContainerSpec(
        name="kamal-proxy",
        image="basecamp/kamal-proxy:v0.9.2",
        labels={"org.opencontainers.image.title": "kamal-proxy"},
        network="kamal",
        mac=contract.PROXY_MAC,
        binds=(
            "kamal-proxy-config:/home/kamal-proxy/.config/kamal-proxy",
            f"{paths.root}/root/.kamal/proxy/apps-config:/home/kamal-proxy/.apps-config",
        ),
        ports={80: ("127.0.0.1", 8080)},
        restart="unless-stopped",
        log_max_size="10m",
        security_opt=("no-new-privileges",),
        pids_limit=1024,
        memory=1 << 30,
        cap_drop=("ALL",),
        cap_add=("NET_BIND_SERVICE",),
        oom_score_adj=-900,
    )


def test_the_proxy_is_replaced_and_nothing_is_left_aside(act: Callable[[Step], str], engine: Engine) -> None:
    engine.add_image(Behaviour(), LATER)
    before = {made(engine, "kamal-proxy", LATER), made(engine, ASIDE)}
    act(create(80))
    (proxy,) = engine.containers.values()
    assert proxy.id not in before
    assert (proxy.name, proxy.image) == ("kamal-proxy", LATER), "a later version that Kamal took is kept"


def test_the_old_proxy_comes_back_if_its_successor_can_not_start(act: Callable[[Step], str], engine: Engine) -> None:
    old = made(engine, "kamal-proxy")
    made(engine, "somebody's", ports={80: ("127.0.0.1", 80)})
    with pytest.raises(DockerUnavailable, match="already allocated"):
        act(create(80))
    assert {one.name: one.id for one in engine.running}["kamal-proxy"] == old
    assert {one.name for one in engine.containers.values()} == {"kamal-proxy", "somebody's"}


def test_apps_that_uninstalling_stopped_are_started_once(
    act: Callable[[Step], str], engine: Engine, paths: Paths
) -> None:
    FakeDocker(engine).stop(made(engine, "blog-web-1"))
    json_file.write_json(stopped_record(paths), {"containers": ["blog-web-1", "gone-web-1"]})
    act(steps.StartContainers(what="start", why="stopped", names=("blog-web-1", "gone-web-1")))
    assert [one.name for one in engine.running] == ["blog-web-1"]
    assert not stopped_record(paths).exists()


def test_the_engines_settings_are_noted_as_ours(act: Callable[[Step], str], paths: Paths) -> None:
    target = daemon_json(paths)
    act(steps.WriteEngineSettings(what="write", why="first", path=target, text="{}"))
    assert target.read_text() == "{}"
    assert packages.read_record(install_record(paths)).files == (str(target),)


def test_directories_get_their_modes_and_files_their_text(act: Callable[[Step], str], paths: Paths) -> None:
    open_one = paths.secrets
    open_one.mkdir(parents=True, mode=0o755)
    completion = paths.root / "share/completions/deployhost"
    act(steps.MakeDirectories(what="make", why="w", directories={open_one: 0o700, paths.bin: 0o755}))
    act(steps.WriteCompletions(what="write", why="w", files={completion: "complete"}))
    act(steps.RemoveOldInstalls(what="remove", why="w", directories=(paths.bin, paths.root / "gone")))
    assert open_one.stat().st_mode & 0o777 == 0o700
    assert completion.read_text() == "complete"
    assert not paths.bin.exists()


def test_the_port_is_noted_in_server_yml(act: Callable[[Step], str], paths: Paths) -> None:
    paths.config.mkdir(parents=True)
    act(steps.SetHttpPort(what="note", why="w", port=8080))
    assert server_config.load(paths.server_yml).http_port == 8080


def test_a_step_of_another_kind_is_a_defect(act: Callable[[Step], str]) -> None:
    with pytest.raises(TypeError, match="no row of the table carries out RemoveService"):
        act(steps.RemoveService(what="remove", why="w", name="x"))


def test_what_is_installed_is_recorded_though_it_is_interrupted(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"git"}
    monkeypatch.setattr(packages, "installed", lambda: frozenset(there))
    record = install_record(paths)

    def interrupted() -> None:
        with packages.recorded(record):
            there.add("docker.io")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert packages.read_record(record).interrupted
    with packages.recorded(record):
        there.add("iptables")
    done = packages.read_record(record)
    assert done == replace(done, packages=("docker.io", "iptables"), interrupted=False)


def test_an_installation_that_failed_is_closed(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"git"}
    monkeypatch.setattr(packages, "installed", lambda: frozenset(there))

    def failing() -> None:
        with packages.recorded(install_record(paths)):
            there.add("docker.io")
            raise DockerUnavailable("it does not start")

    with pytest.raises(DockerUnavailable):
        failing()
    record = packages.read_record(install_record(paths))
    assert (record.packages, record.interrupted) == (("docker.io",), False)
