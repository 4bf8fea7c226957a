"""Facts of the machine, from recorded texts."""

import os
import socket
from pathlib import Path

import pytest

from deployhost.system import machine
from deployhost.system.machine import mount_options

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, port: int, inode: int, state: str = "0A") -> str:
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 x\n"


@pytest.mark.parametrize(
    ("address", "clashes"),
    [
        ("00000000", True),
        ("0100007F", True),
        ("0200000A", False),
        ("0" * 32, True),
        ("0000000000000000FFFF00000100007F", True),
        ("00000000000000000000000001000000", False),  # ::1 leaves 127.0.0.1 free
    ],
)
def test_which_listeners_keep_loopback_from_being_bound(address: str, clashes: bool) -> None:
    table = HEADER + row(address, 80, 77) + row("00000000", 81, 78) + row("00000000", 80, 79, state="01")
    assert machine.listening_inodes(table, 80) == ({"77"} if clashes else set())


def test_the_listener_is_named(tmp_path: Path) -> None:
    process = tmp_path / "812"
    (process / "fd").mkdir(parents=True)
    (process / "fd/3").symlink_to("socket:[77]")
    (process / "comm").write_text("nginx\n")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(HEADER + row("00000000", 80, 77))
    (tmp_path / "self").mkdir()
    assert machine.listener(80, tmp_path) == machine.PortListener(812, "nginx")
    assert machine.listener(81, tmp_path) is None
    (process / "fd/3").unlink()
    assert machine.listener(80, tmp_path) == machine.PortListener(0, "")


def test_a_real_listener_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = machine.listener(server.getsockname()[1])
    assert found is not None
    assert found.program


def test_the_distribution(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text('PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nVERSION_ID="24.04"\n# ID=debian\n')
    assert machine.distribution(file) == machine.Distribution("ubuntu", "Ubuntu 24.04.1 LTS")
    assert machine.distribution(tmp_path / "none") == machine.Distribution()


def test_modes_of_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "file").touch()
    assert machine.modes((tmp_path / "a", tmp_path / "b", tmp_path / "file")) == {tmp_path / "a": 0o700}


def test_cpus_and_memory(tmp_path: Path) -> None:
    assert set(machine.cpus()) == os.sched_getaffinity(0)
    assert machine.memory() > 64 * 1024**2
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:       24684000 kB\nMemFree:  1 kB\n")
    assert machine.memory(table) == 24684000 * 1024
    assert machine.memory(tmp_path / "missing") == 0


def test_options_of_the_file_system_of_a_path(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
        "30 22 254:2 / /var/lib/docker rw,nodev shared:2 master:3 - xfs /dev/vdb rw,attr2,prjquota\n"
        "31 22 0:9 / /var/lib rw - tmpfs tmpfs rw,size=5k\n"
    )
    assert mount_options(Path("/var/lib/docker/overlay2"), table) == {"rw", "attr2", "prjquota"}
    assert mount_options(Path("/var/lib/dockers"), table) == {"rw", "size=5k"}
    assert mount_options(Path("/home"), table) == {"rw", "errors=remount-ro"}
    assert mount_options(Path("/"), tmp_path / "none") == frozenset()
