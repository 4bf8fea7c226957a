"""The ways to the buildx plugin that Kamal's CLI needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from deployhost.errors import DockerUnavailable, SetupFailed
from deployhost.server import buildx, kamal_buildx
from deployhost.system import packages
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec


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
