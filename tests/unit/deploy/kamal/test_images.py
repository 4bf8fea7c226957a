"""The image of a deploy whose repository has a Kamal configuration: Kamal builds it only where that is trusted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.config.app import AppConfig
from deployhost.config.server import ServerConfig
from deployhost.containers.attempt import Attempt
from deployhost.deploy.build_turns import BuildTurns
from deployhost.deploy.kamal.images import KamalImages
from deployhost.errors import BuildFailed
from deployhost.kamal import contract
from deployhost.model import AppName, Trigger, Version
from deployhost.paths import Paths
from deployhost.system.docker_model import Image
from tests.fakes.assembled import sha

SHOP, VERSION = AppName("shop"), Version(sha(1))
REFERENCE = contract.image(SHOP, VERSION)
OURS, KAMALS = (Image(name, (REFERENCE,), {}, "", (), "") for name in ("sha256:ours", "sha256:kamals"))


class Server:
    """What an image comes from; `did` is what was done for it."""

    def __init__(self, root: Path) -> None:
        self.did: list[Any] = []
        self.has_config = True
        self.built: Image | None = KAMALS
        self.ends: tuple[int, list[str]] = (0, [])
        here = cast("Any", self)
        self.images = KamalImages(
            images=here,
            kamal=here,
            registry_guard=here,
            host_isolation=here,
            projects=here,
            docker=here,
            settings=here,
            turns=BuildTurns(lambda: 1),
            paths=Paths(root),
            repository=lambda _: here,
        )

    def provide(self, _attempt: Attempt) -> Image:
        return OURS

    @contextmanager
    def building(self, _app: AppName) -> Iterator[Callable[[], None]]:
        yield lambda: self.did.append("kept away from the host")

    def ensure(self) -> None:
        self.did.append("guarded")

    def check(self, ssh_port: int) -> None:
        self.did.append(ssh_port)

    def run(
        self, _attempt: Attempt, _project: object, command: Sequence[str], **_named: object
    ) -> tuple[int, list[str]]:
        self.did.append(list(command))
        return self.ends

    def is_trusted(self, _config: AppConfig) -> bool:
        return self.has_config

    def of_trusted(self, _attempt: Attempt) -> None:
        return None

    def image(self, reference: str) -> Image | None:
        return self.built if reference == REFERENCE else None

    def current(self) -> ServerConfig:
        return ServerConfig(ssh_port=2222)

    def check_out(self, commit: str, _tree: Path, _stop: object) -> None:
        self.did.append(commit)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def attempt(trigger: Trigger = Trigger.PUSH, *, trusted: bool = True, rebuild: bool = False) -> Attempt:
    deploy = SimpleNamespace(app=SHOP, sha=sha(1), trigger=trigger, rebuild=rebuild)
    config = AppConfig(SHOP, trust_repo_config=trusted)
    progress = SimpleNamespace(stage=lambda *_, **__: nullcontext())
    given = {"deploy": deploy, "config": config, "version": VERSION, "progress": progress, "stop": None}
    return cast("Attempt", SimpleNamespace(**given, cancellable=nullcontext))


def test_where_it_is_not_trusted_the_image_is_ours(server: Server) -> None:
    assert server.images.provide(attempt(trusted=False)) == OURS
    assert server.did == []


def test_where_the_commit_has_none_the_image_is_ours(server: Server) -> None:
    server.has_config = False
    assert server.images.provide(attempt()) == OURS
    assert server.did == [sha(1)]


def test_what_builds_nothing_still_has_the_configuration_of_its_commit(server: Server) -> None:
    assert server.images.provide(attempt(Trigger.RESTART)) == OURS
    assert server.did == [sha(1)]


@pytest.mark.parametrize("rebuild", [False, True])
def test_kamal_builds_once_all_that_it_needs_answers(server: Server, rebuild: bool) -> None:
    assert server.images.provide(attempt(rebuild=rebuild)) == KAMALS
    assert server.did == [
        sha(1),
        "guarded",
        2222,
        "kept away from the host",
        ["build", "deliver", *(["--no-cache"] if rebuild else [])],
    ]


def test_a_build_that_fails_is_told_by_its_cause(server: Server) -> None:
    server.ends = 1, ["  ERROR (SSHKit::Command::Failed): docker exit status: 1", "docker stderr: no space left"]
    with pytest.raises(BuildFailed, match="Kamal can't build the image: no space left"):
        server.images.provide(attempt())
    server.ends = 1, []
    with pytest.raises(BuildFailed, match="it did not say why"):
        server.images.provide(attempt())


def test_an_image_of_another_name_is_none(server: Server) -> None:
    server.built = None
    with pytest.raises(BuildFailed, match=f"Kamal built no image {REFERENCE}") as caught:
        server.images.provide(attempt())
    assert caught.value.details
