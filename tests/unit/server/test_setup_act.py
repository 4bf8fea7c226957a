"""Carrying out steps: kamal-proxy's container as Kamal wants it, back again if its successor fails; and what is noted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from deployhost.config import server as server_config
from deployhost.errors import DockerUnavailable, NotFound
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.act import SetupActor
from deployhost.server.facts import WantedServer, daemon_json, install_record, stopped_record
from deployhost.server.proxy_container import ASIDE
from deployhost.server.setup import daemon_program
from deployhost.steps import Step, carry_out
from deployhost.system import json_file, packages
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec
from deployhost.system.services import Services


@dataclass
class Box:
    """One container of the fake engine."""

    image: str
    running: bool = True
    spec: ContainerSpec | None = None


@dataclass
class FakeDocker:
    """An engine that knows containers by name and refuses what the real one refuses."""

    boxes: dict[str, Box] = field(default_factory=dict)
    port_taken: bool = False

    def find(self, name: str) -> Box | None:
        return self.boxes.get(name)

    def image(self, reference: str) -> str:
        return f"image of {reference}"

    def stop(self, name: str) -> None:
        self._get(name).running = False

    def start(self, name: str) -> None:
        box = self._get(name)
        if self.port_taken and box.spec is not None:
            raise DockerUnavailable("port is already allocated")
        box.running = True

    def rename(self, name: str, to: str) -> None:
        assert to not in self.boxes
        self.boxes[to] = self.boxes.pop(name)

    def remove(self, name: str, *, force: bool = False) -> None:
        assert force
        self.boxes.pop(name, None)

    def create(self, spec: ContainerSpec) -> str:
        assert spec.name not in self.boxes
        self.boxes[spec.name] = Box(spec.image, running=False, spec=spec)
        return "id"

    def _get(self, name: str) -> Box:
        if name not in self.boxes:
            raise NotFound(f"no container {name}")
        return self.boxes[name]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.state.mkdir(parents=True)
    return paths


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def act(paths: Paths, docker: FakeDocker) -> Callable[[Step], str]:
    wanted = WantedServer(
        paths=paths, http_port=80, version="1", prefix="/", daemon_definition="", engine_definition=""
    )
    acts = SetupActor(
        wanted=wanted, docker=cast("Docker", docker), services=cast("Services", None), log=lambda _line: None
    ).acts
    return lambda step: carry_out(step, acts)


def create(port: int) -> steps.CreateProxy:
    return steps.CreateProxy(what="create", why="it must be", port=port)


def test_the_proxy_is_what_kamal_expects(act: Callable[[Step], str], docker: FakeDocker, paths: Paths) -> None:
    act(create(8080))
    box = docker.boxes["kamal-proxy"]
    assert box.running
    assert box.spec == ContainerSpec(
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
    )


def test_the_proxy_is_replaced_and_nothing_is_left_aside(act: Callable[[Step], str], docker: FakeDocker) -> None:
    docker.boxes = {"kamal-proxy": Box("basecamp/kamal-proxy:v0.9.9"), ASIDE: Box("left by an interrupted run")}
    act(create(80))
    assert list(docker.boxes) == ["kamal-proxy"]
    assert docker.boxes["kamal-proxy"].image == "basecamp/kamal-proxy:v0.9.9", "a later version that Kamal took is kept"
    assert docker.boxes["kamal-proxy"].spec is not None


def test_the_old_proxy_comes_back_if_its_successor_can_not_start(
    act: Callable[[Step], str], docker: FakeDocker
) -> None:
    old = Box(contract.PROXY_IMAGE)
    docker.boxes, docker.port_taken = {"kamal-proxy": old}, True
    with pytest.raises(DockerUnavailable, match="already allocated"):
        act(create(80))
    assert docker.boxes == {"kamal-proxy": old}
    assert old.running


def test_apps_that_uninstalling_stopped_are_started_once(
    act: Callable[[Step], str], docker: FakeDocker, paths: Paths
) -> None:
    docker.boxes = {"blog-web-1": Box("x", running=False)}
    json_file.write_json(stopped_record(paths), {"containers": ["blog-web-1", "gone-web-1"]})
    act(steps.StartContainers(what="start", why="stopped", names=("blog-web-1", "gone-web-1")))
    assert docker.boxes["blog-web-1"].running
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


def test_the_daemon_is_started_through_the_link_that_outlives_upgrades(tmp_path: Path) -> None:
    (tmp_path / "venv-1").mkdir()
    (tmp_path / "current").symlink_to("venv-1")
    assert daemon_program(tmp_path, tmp_path / "venv-1") == tmp_path / "current/bin/deployhostd"
    assert daemon_program(tmp_path, Path("/x/.venv")) == Path("/x/.venv/bin/deployhostd")
