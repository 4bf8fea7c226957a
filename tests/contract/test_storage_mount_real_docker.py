"""What containers have mounted from the storage, on the real engine: they inherit that nothing in it is setuid or a device.

Run explicitly: `pytest tests/contract`. It needs Docker, root and kamal-proxy's image, whose program does well as any.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.kamal.contract import PROXY_IMAGE
from deployhost.model import MOUNTED_AT
from deployhost.system import bind_mount
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec

NAME = "xstorage-mount"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    storage = tmp_path / "storage"
    (storage / "shop").mkdir(parents=True)
    yield storage
    bind_mount.unbind(storage)


@pytest.fixture
def container(storage: Path) -> Iterator[str]:
    docker = Docker()
    if docker.image(PROXY_IMAGE) is None:
        pytest.skip("this machine has no image of kamal-proxy")
    docker.remove(NAME, force=True)
    container = docker.create(
        ContainerSpec(name=NAME, image=PROXY_IMAGE, binds=(f"{storage / 'shop'}:{MOUNTED_AT}",), security_opt=("no-new-privileges",))
    )  # fmt: skip
    docker.start(container)
    yield container
    docker.remove(NAME, force=True)


def test_a_container_has_it_from_its_next_start_on(storage: Path, container: str) -> None:
    docker = Docker()
    assert bind_mount.lacks_flags(docker.inspect(container).pid, MOUNTED_AT), "it was started before"
    bind_mount.bind(storage)
    assert bind_mount.lacks_flags(docker.inspect(container).pid, MOUNTED_AT), "what runs stays as it is"
    docker.stop(container)
    docker.start(container)
    assert not bind_mount.lacks_flags(docker.inspect(container).pid, MOUNTED_AT)
    # A restore exchanges the directory below the mount, while the container still has the old one.
    (storage / "restored").mkdir()
    (storage / "restored" / "new").touch()
    (storage / "shop").rename(storage / "old")
    (storage / "restored").rename(storage / "shop")
    docker.stop(container)
    docker.start(container)
    mounted = docker.inspect(container)
    assert not bind_mount.lacks_flags(mounted.pid, MOUNTED_AT)
    assert Path(f"/proc/{mounted.pid}/root{MOUNTED_AT}/new").exists()
