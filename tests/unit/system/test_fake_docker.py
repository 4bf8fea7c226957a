"""The contract of Docker on its fake: tests/contract/test_docker.py runs the same suite on a real engine."""

import pytest

from tests.contract.docker_contract import FAILS, LABEL, LINES, MOTD, SUCCEEDS, DockerContract
from tests.fakes.docker import Behaviour, Engine, FakeDocker

BEHAVIOUR = Behaviour(says=LINES, files={"/etc/motd": MOTD}, ends={" ".join(FAILS): 3, " ".join(SUCCEEDS): 0})


class Fake:
    """An engine of its own for each test: nothing of it is left."""

    image = "xcontract:subject"

    def __init__(self) -> None:
        self.engine = Engine()
        self.docker = FakeDocker(self.engine)
        self.engine.add_image(BEHAVIOUR, self.image, labels={LABEL: "image"})

    def pause(self, container: str) -> None:
        self.engine.freeze(container)

    def disconnect(self, container: str, network: str) -> None:
        self.engine.disconnect(container, network)

    def keep_in_mind(self, *, container: str = "", image: str = "", network: str = "") -> None:
        pass


@pytest.fixture
def subject() -> Fake:
    return Fake()


class TestFakeDocker(DockerContract):
    """The suite on the fake."""
