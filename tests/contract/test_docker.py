"""The contract of Docker on the real engine. It makes an image of Debian's packages, and what it makes carries a label of its own."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from deployhost.build.registries import Reference
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import recipe_for
from deployhost.errors import DeployhostError
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec
from tests.contract.docker_contract import LABEL, LINES, MOTD, DockerContract, eventually

BASE, IMAGE = "xcontract:base", "xcontract:subject"


class Real:
    """The machine's engine."""

    def __init__(self, docker: Docker) -> None:
        self.docker, self.image = docker, IMAGE
        self._containers: list[str] = []
        self._images: list[str] = []
        self._networks: list[str] = []

    def pause(self, container: str) -> None:
        self.docker._api.pause(container)

    def disconnect(self, container: str, network: str) -> None:
        self.docker._api.disconnect_container_from_network(container, network)

    def keep_in_mind(self, *, container: str = "", image: str = "", network: str = "") -> None:
        self._containers += [container] if container else []
        self._images += [image] if image else []
        self._networks += [network] if network else []

    def clear(self) -> None:
        for container in self._containers:
            with contextlib.suppress(DeployhostError):
                self.docker.remove(container, force=True)
        for image in self._images:
            self.docker.remove_image(image)
        for network in self._networks:
            self.docker.remove_network(network)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    engine = Docker()
    recipe = recipe_for(Reference.parse("debian:stable"))
    assert recipe is not None
    StandIns(engine, tmp_path_factory.mktemp("bases"), os.environ).make(recipe, BASE, print)
    says = f"printf '%s\\n' {' '.join(LINES)}; exec sleep 600"
    writes = f"printf '{MOTD.decode().strip()}\\n' >/etc/motd"
    made = engine.create(ContainerSpec(name="xcontract-made", image=BASE, command=("sh", "-c", writes)))
    engine.start(made)
    eventually(lambda: not engine.inspect(made).running)
    command = says.replace("\\", "\\\\").replace('"', '\\"')
    engine.commit(made, IMAGE, (f'CMD ["sh", "-c", "{command}"]', f"LABEL {LABEL}=image"))
    engine.remove(made)
    yield engine
    for image in (IMAGE, BASE):
        engine.remove_image(image)


@pytest.fixture
def subject(docker: Docker) -> Iterator[Real]:
    real = Real(docker)
    yield real
    real.clear()


class TestRealDocker(DockerContract):
    """The suite on the machine's engine."""
