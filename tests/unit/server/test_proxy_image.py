"""The three ways to kamal-proxy's image, what is said of each, and its program on the host."""

from pathlib import Path

import pytest

from deployhost.errors import NotFound, SetupFailed
from deployhost.kamal.contract import PROXY_IMAGE
from deployhost.server.proxy_image import extract_binary, obtain
from tests.fakes.docker import Behaviour, Engine, FakeDocker


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_one_that_is_here_is_kept(engine: Engine) -> None:
    engine.add_image(Behaviour(), PROXY_IMAGE)
    assert obtain(FakeDocker(engine), file=None, say=print) == f"{PROXY_IMAGE} is here already"


def test_from_a_file(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "proxy.tar").touch()
    engine.in_file = (PROXY_IMAGE,)
    assert (
        obtain(FakeDocker(engine), file=tmp_path / "proxy.tar", say=print)
        == f"{PROXY_IMAGE} loaded from {tmp_path}/proxy.tar"
    )


@pytest.mark.parametrize(
    ("brought", "says"),
    [(["basecamp/kamal-proxy:v0.9.1"], "holds basecamp/kamal-proxy:v0.9.1"), ([], "holds no image with a name")],
)
def test_a_file_with_something_else_is_refused(engine: Engine, tmp_path: Path, brought: list[str], says: str) -> None:
    (tmp_path / "proxy.tar").touch()
    engine.in_file = tuple(brought)
    engine.served = {PROXY_IMAGE}
    with pytest.raises(SetupFailed, match=says) as caught:
        obtain(FakeDocker(engine), file=tmp_path / "proxy.tar", say=print)
    assert caught.value.hint == "deployhost setup --local"
    assert f"docker save --output {tmp_path}/proxy.tar {PROXY_IMAGE}" in caught.value.details[0]


def test_a_file_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="there is no file"):
        obtain(FakeDocker(engine), file=tmp_path / "none.tar", say=print)


def test_pulled(engine: Engine) -> None:
    engine.served = {PROXY_IMAGE}
    assert obtain(FakeDocker(engine), file=None, say=print) == f"{PROXY_IMAGE} pulled from Docker Hub in 0 s"


def test_its_program_on_the_host(engine: Engine, tmp_path: Path) -> None:
    engine.add_image(Behaviour(files={"/usr/local/bin/kamal-proxy": b"program"}), PROXY_IMAGE)
    extract_binary(FakeDocker(engine), PROXY_IMAGE, tmp_path / "bin/kamal-proxy")
    assert (tmp_path / "bin/kamal-proxy").read_bytes() == b"program"
    assert (tmp_path / "bin/kamal-proxy").stat().st_mode & 0o777 == 0o755
    assert engine.containers == {}


def test_an_image_without_the_program_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    engine.add_image(Behaviour(), PROXY_IMAGE)
    with pytest.raises(NotFound):
        extract_binary(FakeDocker(engine), PROXY_IMAGE, tmp_path / "kamal-proxy")
    assert engine.containers == {}
    assert not (tmp_path / "kamal-proxy").exists()
