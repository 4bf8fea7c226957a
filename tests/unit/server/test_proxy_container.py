"""kamal-proxy's container made anew by the daemon: on the port that was set up, by the image it had, once."""

from pathlib import Path

import pytest

from deployhost.config import server as server_config
from deployhost.errors import DockerUnavailable, SetupFailed
from deployhost.kamal import contract
from deployhost.kamal.contract import PROXY_CONTAINER, PROXY_IMAGE
from deployhost.paths import Paths
from deployhost.server import proxy_image
from deployhost.server.facts import proxy_binary
from deployhost.server.proxy_container import (
    ASIDE,
    LAST_TO_BE_KILLED,
    MEMORY,
    PIDS_LIMIT,
    ProxyContainer,
    program_image,
)
from deployhost.server.proxy_image import PROGRAM
from deployhost.system import oom_score
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec
from tests.fakes.docker import Behaviour, Engine, FakeDocker

PROXY = Behaviour(files={PROGRAM: b"program"})
LATER = f"{contract.PROXY_REPOSITORY}:v0.9.9"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.config.mkdir(parents=True)
    server_config.set_port(paths.server_yml, "http_port", 8081)
    return paths


@pytest.fixture(autouse=True)
def _spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom_score, "may_be_lowered", lambda _: True)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def restore(paths: Paths, engine: Engine) -> list[str]:
    said: list[str] = []
    ProxyContainer(paths, FakeDocker(engine)).restore(said.append)
    return said


def test_as_set_up_made_it(paths: Paths, engine: Engine) -> None:
    image = engine.add_image(PROXY, PROXY_IMAGE)
    assert restore(paths, engine) == []
    [made] = engine.running
    spec = engine.specs[made.id]
    assert (spec.name, spec.image, spec.mac) == (PROXY_CONTAINER, PROXY_IMAGE, contract.PROXY_MAC)
    assert spec.ports == {80: ("127.0.0.1", 8081)}
    assert proxy_binary(paths).read_bytes() == b"program"
    assert program_image(paths) == image.id
    restore(paths, engine)
    assert [one.id for one in engine.running] == [made.id], "there is one by now"


@pytest.mark.parametrize("aside", [True, False], ids=["set aside by a set-up that died", "removed"])
def test_by_the_image_that_it_had(paths: Paths, engine: Engine, aside: bool) -> None:
    engine.add_image(Behaviour(), PROXY_IMAGE)
    engine.add_image(PROXY, LATER)
    if aside:
        FakeDocker(engine).create(ContainerSpec(name=ASIDE, image=LATER))
    else:
        named = ContainerSpec(name=PROXY_CONTAINER, image=LATER)
        docker = FakeDocker(engine)
        docker.create(named)
        ProxyContainer(paths, docker).extract_program()
        docker.remove(PROXY_CONTAINER)
    restore(paths, engine)
    assert [(one.name, one.image) for one in engine.containers.values()] == [(PROXY_CONTAINER, LATER)]


@pytest.mark.parametrize(("spared", "score"), [(True, LAST_TO_BE_KILLED), (False, None)])
def test_what_it_may_do(
    paths: Paths, engine: Engine, monkeypatch: pytest.MonkeyPatch, spared: bool, score: int | None
) -> None:
    """It is the container that everybody can reach. Where the engine may not spare it, it is made all the same."""
    engine.add_image(PROXY, PROXY_IMAGE)
    monkeypatch.setattr(oom_score, "may_be_lowered", lambda _: spared)
    ProxyContainer(paths, FakeDocker(engine)).create(8081)
    [spec] = engine.specs.values()
    assert (spec.cap_drop, spec.cap_add, spec.security_opt) == (("ALL",), ("NET_BIND_SERVICE",), ("no-new-privileges",))
    assert (spec.pids_limit, spec.memory, spec.oom_score_adj) == (PIDS_LIMIT, MEMORY, score)


def test_without_an_image(paths: Paths, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def obtain(_docker: Docker, **_: object) -> str:
        engine.add_image(PROXY, PROXY_IMAGE)
        return "pulled"

    def refuse(_docker: Docker, **_: object) -> str:
        raise SetupFailed("the image can't be had")

    monkeypatch.setattr(proxy_image, "obtain", refuse)
    with pytest.raises(SetupFailed, match="can't be had"):
        restore(paths, engine)
    assert engine.containers == {}
    monkeypatch.setattr(proxy_image, "obtain", obtain)
    assert restore(paths, engine) == ["pulled"]
    assert [one.name for one in engine.running] == [PROXY_CONTAINER]


def test_a_port_that_somebody_has_taken(paths: Paths, engine: Engine) -> None:
    engine.add_image(Behaviour(start_error="port is already allocated", files=PROXY.files), PROXY_IMAGE)
    with pytest.raises(DockerUnavailable, match="already allocated"):
        restore(paths, engine)
    assert engine.containers == {}, "nothing that would be taken for it is left"
