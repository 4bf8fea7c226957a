"""kamal-proxy's image made from its Go module, with a script in Go's place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployhost.errors import CommandMissing, SetupFailed
from deployhost.kamal.contract import PROXY_IMAGE
from deployhost.server import go as go_module
from deployhost.server.go import Go
from deployhost.server.proxy_image import USER, obtain
from tests.fakes.docker import Engine, FakeDocker

GO = """#!/bin/sh
case $1 in
  env) echo go{version} ;;
  mod) cp go.mod go.sum {root}/ ;;
  build) env > {root}/env; printf '%s\\n' "$@" > {root}/argv; {build} ;;
esac
"""


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def with_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    def install(
        version: str = "1.26.1", build: str = 'while [ "$1" != -o ]; do shift; done; echo built > $2'
    ) -> dict[str, str]:
        monkeypatch.setattr(go_module, "USUAL", "/nonexistent/go")
        (tmp_path / "bin").mkdir(exist_ok=True)
        if version:
            (tmp_path / "bin/go").write_text(GO.format(root=tmp_path, version=version, build=build))
            (tmp_path / "bin/go").chmod(0o755)
        (tmp_path / "ca.pem").write_text("certificates")
        return {
            "PATH": f"{tmp_path}/bin:/usr/bin:/bin",
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
            "GOFLAGS": "-mod=mod",
            "GOTOOLCHAIN": "auto",
        }

    return install


def test_built_from_its_module(engine: Engine, with_go: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    said: list[str] = []
    assert "made on this server from its Go module" in obtain(
        FakeDocker(engine), file=None, say=said.append, environ=with_go()
    )
    assert said[0] == f"{PROXY_IMAGE} can't be pulled (its name can't be resolved)"
    assert said[-1] == "building kamal-proxy (about half a minute)"
    assert (tmp_path / "go.mod").read_text().count("github.com/basecamp/kamal-proxy v0.9.2") == 1
    assert "-mod=readonly" in (tmp_path / "argv").read_text().splitlines()
    environment = (tmp_path / "env").read_text().splitlines()
    assert {"CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOFLAGS="} <= set(environment)


def test_what_the_image_that_is_built_holds(engine: Engine, with_go: Callable[..., dict[str, str]]) -> None:
    obtain(FakeDocker(engine), file=None, say=print, environ=with_go())
    assert engine.imported["usr/local/bin/kamal-proxy"] == (0o755, 0, b"built\n")
    assert engine.imported["home/kamal-proxy/.config/kamal-proxy"][:2] == (0o755, USER)
    assert engine.imported["tmp"][0] == 0o1777
    assert engine.imported["etc/ssl/certs/ca-certificates.crt"][2] == b"certificates"
    assert f"kamal-proxy:x:{USER}:{USER}::/home/kamal-proxy:" in engine.imported["etc/passwd"][2].decode()
    assert "USER kamal-proxy:kamal-proxy" in engine.changes
    assert "LABEL org.opencontainers.image.title=kamal-proxy" in engine.changes


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("", "Go 1.25.5 or later is not installed"),
        ("1.19.8", "is Go 1.19.8, and 1.25.5 or later is needed"),
        ("1.25.4", "is Go 1.25.4, and 1.25.5 or later is needed"),
    ],
)
def test_when_none_works_each_way_is_named(
    engine: Engine, with_go: Callable[..., dict[str, str]], version: str, why: str
) -> None:
    with pytest.raises(SetupFailed) as caught:
        obtain(FakeDocker(engine), file=None, say=print, environ=with_go(version))
    assert caught.value.hint == "deployhost setup --local --proxy-image FILE"
    pulling, building, loading = caught.value.details
    assert pulling == "pulling it from Docker Hub: its name can't be resolved"
    assert building.startswith("building it from its Go module: ")
    assert building.endswith(why)
    assert loading.startswith("loading it from a file: none was given")


def test_a_build_that_fails_shows_its_last_lines(engine: Engine, with_go: Callable[..., dict[str, str]]) -> None:
    with pytest.raises(SetupFailed) as caught:
        obtain(FakeDocker(engine), file=None, say=print, environ=with_go(build="echo no space >&2; exit 1"))
    assert caught.value.details[1:3] == ("building it from its Go module: go build failed with exit code 1", "no space")


def test_a_go_of_the_least_version_will_do(with_go: Callable[..., dict[str, str]]) -> None:
    Go((1, 25, 5), with_go("1.25.5"))
    with pytest.raises(CommandMissing):
        Go((1, 25, 6), with_go("1.25.5"))
