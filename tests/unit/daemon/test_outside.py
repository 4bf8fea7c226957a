"""What is outside the daemon is this machine's own, unless a test passes something else."""

from pathlib import Path

import pytest

from deployhost.build.image import ImageBuilder
from deployhost.config.server import ServerSettings
from deployhost.daemon import outside
from deployhost.daemon.outside import Outside
from deployhost.daemon.parts import Parts
from deployhost.paths import Paths
from deployhost.system.clock import CLOCK
from deployhost.system.docker import Docker
from deployhost.system.docker_engine import SOCKET
from tests.fakes.assembled import Server


def test_all_of_it_has_a_default_of_this_machine() -> None:
    made = Outside()
    assert made.clock is CLOCK
    modules = {getattr(one, "__module__", type(one).__module__) for one in vars(made).values()}
    assert {one.split(".")[0] for one in modules} == {"deployhost"}


@pytest.mark.parametrize(
    ("named", "found"), [(None, SOCKET), ("", SOCKET), ("unix:///other.sock", "unix:///other.sock")]
)
def test_docker_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, named: str | None, found: str) -> None:
    asked: list[tuple[str, float, float]] = []

    def connect(url: str, *, timeout: float, patience: float) -> None:
        asked.append((url, timeout, patience))

    monkeypatch.setattr(outside, "Docker", connect)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    if named is not None:
        monkeypatch.setenv("DOCKER_HOST", named)
    outside.docker(patience=2.0, timeout=5.0)
    assert asked == [(found, 5.0, 2.0)]


def test_the_builder_has_what_the_host_sets_for_all_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    parts = Parts(Paths(tmp_path))
    parts.paths.state.mkdir(parents=True)
    made = outside.builder(parts.paths, Docker(SOCKET), ServerSettings(parts.paths.server_yml), parts.builds)
    assert isinstance(made, ImageBuilder)
    assert made.environ["HTTPS_PROXY"] == "http://proxy.example.com:3128"


def test_a_server_of_fakes_replaces_all_of_it(server: Server) -> None:
    """But for the packet filter and what it is about: that would start iptables, which a unit test is kept from."""
    theirs, ours = vars(server.start().outside), vars(Outside())
    values = {name for name, one in ours.items() if not callable(one)}
    kept = {
        name for name, one in theirs.items() if one is ours[name] or (name in values and type(one) is type(ours[name]))
    }
    assert kept == {"firewall", "bridges", "addresses", "packets", "endpoints"}
