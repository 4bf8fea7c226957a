"""What an app's container may do, on the real engine: what an entry script as root needs, and what nobody gets.

Run explicitly: `pytest tests/contract`. It needs Docker and root.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from deployhost.build.registries import Reference
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import recipe_for
from deployhost.containers.capabilities import ALL, OF_ROOT, capabilities
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, ContainerSpec

IMAGE, NOBODYS = "xcapabilities:root", "xcapabilities:nobody"
NUMBERS = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7, "NET_BIND_SERVICE": 10,
}  # fmt: skip  # linux/capability.h

# What many a Dockerfile's entry script does: as root it prepares /storage, then it runs the app as somebody else, and ends it.
ENTRY = """
chown -R 1234:1234 /storage && chmod 0750 /storage && touch /storage/by-root || exit 10
if command -v su >/dev/null; then su -s /bin/sh nobody -c 'true' || exit 11; fi
setpriv --reuid 1234 --regid 1234 --clear-groups sh -c '
    echo mine > /storage/by-app || exit 12
    grep CapEff /proc/self/status
    exec python3 -c "
import signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
socket.create_server((\\"0.0.0.0\\", 80))
print(\\"listens\\", flush=True)
time.sleep(60)"
' & app=$!
trap 'kill -TERM $app; wait $app; echo ended; exit 0' TERM
echo root $(grep -E "CapEff|CapBnd" /proc/self/status)
wait $app
"""


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    engine = Docker()
    recipe = recipe_for(Reference.parse("python:3.13-slim"))
    assert recipe is not None
    StandIns(engine, tmp_path_factory.mktemp("bases"), os.environ).make(recipe, IMAGE, print)
    made = engine.create(ContainerSpec(name="xcapabilities-made", image=IMAGE))
    engine.commit(made, NOBODYS, ("USER 65534:65534",))
    engine.remove(made)
    yield engine
    for image in (NOBODYS, IMAGE):
        engine.remove_image(image)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    path = tmp_path / "storage"
    path.mkdir(mode=0o700)
    os.chown(path, 4321, 4321)  # the owner that an earlier release had
    (path / "old").write_text("data")
    os.chown(path / "old", 4321, 4321)
    return path


class Run:
    """A container with what `capabilities` says of an image, until it is left."""

    def __init__(self, docker: Docker, image: str, script: str, storage: Path, *, generated: bool) -> None:
        found = docker.image(image)
        assert found is not None
        self.docker = docker
        self.id = docker.create(
            ContainerSpec(
                name="xcapabilities-run",
                image=image,
                command=("sh", "-c", script),
                binds=(f"{storage}:/storage",),
                security_opt=("no-new-privileges",),
                cap_drop=(ALL,),
                cap_add=capabilities(generated, found.user),
            )
        )

    def __enter__(self) -> Self:
        self.docker.start(self.id)
        return self

    def __exit__(self, *_: object) -> None:
        self.docker.remove(self.id, force=True)

    def said(self, word: str) -> list[str]:
        """Return its output once it has said that, or has ended."""
        for _ in range(200):
            running = self.now.running  # asked first: what it says last may come between the two
            lines = [entry.line for entry in self.docker.logs(self.id)]
            if any(word in line for line in lines) or not running:
                return lines
            time.sleep(0.05)
        raise AssertionError(lines)

    @property
    def now(self) -> Container:
        return self.docker.inspect(self.id)


def held(line: str) -> int:
    found = re.search(r"CapEff:\s*([0-9a-f]+)", line)
    assert found is not None, line
    return int(found[1], 16)


def test_a_script_that_starts_as_root_and_drops_to_a_user(docker: Docker, storage: Path) -> None:
    with Run(docker, IMAGE, ENTRY, storage, generated=False) as run:
        lines = run.said("listens")
        assert any("listens" in line for line in lines), lines
        root = next(line for line in lines if line.startswith("root"))
        wanted = sum(1 << NUMBERS[name] for name in OF_ROOT)
        assert held(root) == wanted  # these and no others: no NET_RAW, SYS_CHROOT, MKNOD, SETPCAP, AUDIT_WRITE
        assert root.endswith(f"CapBnd: {wanted:016x}")
        app = next(line for line in lines if line.startswith("CapEff"))
        assert held(app) == 0
        assert run.now.cap_drop == ("ALL",)
        assert run.now.cap_add == tuple(sorted(OF_ROOT))
        began = time.monotonic()
        docker.stop(run.id, 10)
        assert time.monotonic() - began < 3
        assert run.now.exit_code == 0
        assert "ended" in run.said("ended")
    assert (storage / "by-app").stat().st_uid == 1234
    assert (storage / "old").stat().st_uid == 1234


def test_each_of_them_is_needed(docker: Docker, storage: Path) -> None:
    """Without any, the same script does not get far: what is given back is no habit."""
    with Run(docker, IMAGE, ENTRY, storage, generated=True) as run:
        run.said("listens")
        assert run.now.exit_code == 10


@pytest.mark.parametrize(("image", "generated"), [(NOBODYS, False), (NOBODYS, True), (IMAGE, True)])
def test_others_hold_none_and_can_listen_on_a_low_port(
    docker: Docker, storage: Path, image: str, generated: bool
) -> None:
    listen = "import socket; socket.create_server(('0.0.0.0', 80)); print('listens')"
    raw = "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"
    script = f'python3 -c "{listen}"; grep CapEff /proc/self/status; python3 -c "{raw}" 2>&1 | tail -1; echo done'
    with Run(docker, image, script, storage, generated=generated) as run:
        lines = run.said("done")
    assert lines[0] == "listens"
    assert held(lines[1]) == 0
    assert "PermissionError" in lines[2]


def test_limits_as_they_are_asked_for(docker: Docker, storage: Path) -> None:
    """What the engine answers is what it was told, and the kernel enforces: comparisons with Kamal's containers need both."""
    made = docker.create(
        ContainerSpec(
            name="xcapabilities-limits",
            image=IMAGE,
            command=("python3", "-c", "b = bytearray(); [b.extend(bytes(1 << 20)) for _ in range(512)]"),
            env={"GREETING": "a b\nc", "EMPTY": ""},
            memory=48 * 1024**2,
            cpus=0.25,
            pids_limit=64,
            stop_timeout=7,
        )
    )
    try:
        container = docker.inspect(made)
        assert (container.memory, container.cpus, container.pids_limit) == (48 * 1024**2, 0.25, 64)
        assert (container.stop_timeout, container.log_max_size, container.health) == (7, "10m", None)
        assert {"GREETING=a b\nc", "EMPTY="} <= set(container.env)
        assert "GREETING" not in repr(container)
        assert container.command[:2] == ("python3", "-c")
        assert container.created.startswith("20")
        docker.start(made)
        for _ in range(400):
            ended = docker.inspect(made)
            if not ended.running:
                break
            time.sleep(0.05)
        assert ended.exit_code == 137  # not every kernel has the engine know that memory was the reason
    finally:
        docker.remove(made, force=True)
