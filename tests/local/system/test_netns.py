"""Who listens in the network of a real process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.model import Listener
from deployhost.system.netns import Namespaces

NAMESPACES = Namespaces()
# Where root may make one, the process lives in a network of its own, as a container's does; else in ours.
ALONE = (
    os.geteuid() == 0 and subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
)
SCRIPT = """
import socket, sys
if sys.argv[1] == "alone":
    import fcntl, struct
    with socket.socket() as any_socket:  # ip link set lo up
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x49))
everywhere, inside = socket.create_server(("0.0.0.0", 0)), socket.create_server(("127.0.0.1", 0))
print(everywhere.getsockname()[1], inside.getsockname()[1], flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def listening() -> Iterator[tuple["subprocess.Popen[str]", int, int]]:
    prefix = ["unshare", "--net", "--"] if ALONE else []
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", SCRIPT, "alone" if ALONE else "ours"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    everywhere, inside = map(int, process.stdout.readline().split())
    yield process, everywhere, inside
    process.kill()
    process.communicate(timeout=5)


def test_real_process(listening: tuple["subprocess.Popen[str]", int, int]) -> None:
    process, everywhere, inside = listening
    found = NAMESPACES.listeners(process.pid)
    assert found is not None
    assert {Listener(everywhere, False), Listener(inside, True)} <= found


def test_socket_of_ours_in_there(listening: tuple["subprocess.Popen[str]", int, int]) -> None:
    process, *_ = listening
    before = Path("/proc/self/ns/net").readlink()
    with NAMESPACES.listen_in(process.pid) as ours:
        port = ours.getsockname()[1]
        assert Listener(port, False) in (NAMESPACES.listeners(process.pid) or set())
        if ALONE:
            assert Listener(port, False) not in (NAMESPACES.listeners(os.getpid()) or set())
    assert Path("/proc/self/ns/net").readlink() == before
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_gone(listening: tuple["subprocess.Popen[str]", int, int]) -> None:
    process, *_ = listening
    process.kill()
    process.wait(5)
    assert NAMESPACES.listeners(process.pid) is None
    with pytest.raises(OSError, match=str(process.pid)):
        NAMESPACES.listen_in(process.pid)
