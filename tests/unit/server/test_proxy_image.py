"""The three ways to kamal-proxy's image, what is said of each, and its program on the host."""

import io
import tarfile
from pathlib import Path

import pytest

from deployhost.errors import DockerUnavailable, NotFound, SetupFailed
from deployhost.kamal.contract import PROXY_IMAGE
from deployhost.server.proxy_image import extract_binary, obtain
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec, Image


class Engine(Docker):
    """An engine with images; notes what is imported."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.served = False
        self.in_file: list[str] = []
        self.imported: dict[str, tuple[int, int, bytes]] = {}
        self.changes: tuple[str, ...] = ()
        self.created: set[str] = set()

    def image(self, reference: str) -> Image | None:
        return Image("sha256:1", (reference,), {}, "", (), "") if reference in self.tags else None

    def ping(self) -> None:
        pass

    def pull(self, reference: str, *, timeout: float, first: float | None = None) -> None:
        if not self.served:
            raise DockerUnavailable("Docker refused: dial tcp: lookup registry-1.docker.io: no such host")
        self.tags.add(reference)

    def load(self, tar_path: str) -> list[str]:
        self.tags |= set(self.in_file)
        return self.in_file

    def import_tar(self, tar_path: str, reference: str, changes: tuple[str, ...] = ()) -> None:
        with tarfile.open(tar_path) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else io.BytesIO()
                assert content is not None
                self.imported[member.name] = (member.mode, member.uid, content.read())
        self.changes = changes
        self.tags.add(reference)

    def create(self, spec: ContainerSpec) -> str:
        self.created.add(spec.name)
        return spec.name

    def read_file(self, container: str, path: str, *, limit: int) -> bytes:
        if path != "/usr/local/bin/kamal-proxy" or PROXY_IMAGE not in self.tags:
            raise NotFound(path)
        return b"program"

    def remove(self, container: str, *, force: bool = False) -> None:
        self.created.discard(container)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_one_that_is_here_is_kept(engine: Engine) -> None:
    engine.tags.add(PROXY_IMAGE)
    assert obtain(engine, file=None, say=print) == f"{PROXY_IMAGE} is here already"


def test_from_a_file(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "proxy.tar").touch()
    engine.in_file = [PROXY_IMAGE]
    assert obtain(engine, file=tmp_path / "proxy.tar", say=print) == f"{PROXY_IMAGE} loaded from {tmp_path}/proxy.tar"


@pytest.mark.parametrize(
    ("brought", "says"),
    [(["basecamp/kamal-proxy:v0.9.1"], "holds basecamp/kamal-proxy:v0.9.1"), ([], "holds no image with a name")],
)
def test_a_file_with_something_else_is_refused(engine: Engine, tmp_path: Path, brought: list[str], says: str) -> None:
    (tmp_path / "proxy.tar").touch()
    engine.in_file = brought
    engine.served = True
    with pytest.raises(SetupFailed, match=says) as caught:
        obtain(engine, file=tmp_path / "proxy.tar", say=print)
    assert caught.value.hint == "deployhost setup --local"
    assert f"docker save --output {tmp_path}/proxy.tar {PROXY_IMAGE}" in caught.value.details[0]


def test_a_file_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="there is no file"):
        obtain(engine, file=tmp_path / "none.tar", say=print)


def test_pulled(engine: Engine) -> None:
    engine.served = True
    assert obtain(engine, file=None, say=print) == f"{PROXY_IMAGE} pulled from Docker Hub in 0 s"


def test_its_program_on_the_host(engine: Engine, tmp_path: Path) -> None:
    engine.tags.add(PROXY_IMAGE)
    extract_binary(engine, PROXY_IMAGE, tmp_path / "bin/kamal-proxy")
    assert (tmp_path / "bin/kamal-proxy").read_bytes() == b"program"
    assert (tmp_path / "bin/kamal-proxy").stat().st_mode & 0o777 == 0o755
    assert engine.created == set()


def test_an_image_without_the_program_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        extract_binary(engine, PROXY_IMAGE, tmp_path / "kamal-proxy")
    assert engine.created == set()
    assert not (tmp_path / "kamal-proxy").exists()
