"""Who listens in a process's network: on recorded tables, and on a real process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.model import Listener
from deployhost.system.netns import listen_in, listeners, parse_listeners

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
# Recorded in a container on the network `kamal`: its app on 8080, a debugger on 127.0.0.1:9229, Docker's resolver, a connection.
TCP = HEADER + (
    "   0: 0B00007F:9D5B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21633 1 0000000000000000 100 0 0 10 0\n"
    "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 21700 1 0000000000000000 100 0 0 10 0\n"
    "   2: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 21701 1 0000000000000000 100 0 0 10 0\n"
    "   3: 020012AC:1F90 010012AC:D2F4 01 00000000:00000000 00:00000000 00000000  1000        0 21800 1 0000000000000000 20 4 30 10 -1\n"
)
TCP6 = HEADER + (
    "   0: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1\n"
    "   1: 00000000000000000000000001000000:0BB9 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 2\n"
    "   2: 0000000000000000FFFF00000100007F:0BBA 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 3\n"
    "   3: 0000000000000000FFFF0000020012AC:0BBB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4\n"
)


def test_tcp() -> None:
    assert parse_listeners(TCP) == {Listener(8080, False), Listener(9229, True)}


def test_tcp6() -> None:
    assert parse_listeners(TCP6) == {
        Listener(3000, False), Listener(3001, True), Listener(3002, True), Listener(3003, False),
    }  # fmt: skip


@pytest.mark.parametrize("table", ["", HEADER, HEADER + "\n", HEADER + "garbage\n"])
def test_nothing(table: str) -> None:
    assert parse_listeners(table) == set()


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_any_address(address: object, port: int) -> None:
    raw = socket.inet_aton(str(address))[::-1].hex().upper()
    line = f"   0: {raw}:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 1 1 0 100 0 0 10 0\n"
    expected = set() if str(address) == "127.0.0.11" else {Listener(port, str(address).startswith("127."))}
    assert parse_listeners(HEADER + line) == expected


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
    found = listeners(process.pid)
    assert found is not None
    assert {Listener(everywhere, False), Listener(inside, True)} <= found


def test_socket_of_ours_in_there(listening: tuple["subprocess.Popen[str]", int, int]) -> None:
    process, *_ = listening
    before = Path("/proc/self/ns/net").readlink()
    with listen_in(process.pid) as ours:
        port = ours.getsockname()[1]
        assert Listener(port, False) in (listeners(process.pid) or set())
        if ALONE:
            assert Listener(port, False) not in (listeners(os.getpid()) or set())
    assert Path("/proc/self/ns/net").readlink() == before
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_gone(listening: tuple["subprocess.Popen[str]", int, int]) -> None:
    process, *_ = listening
    process.kill()
    process.wait(5)
    assert listeners(process.pid) is None
    with pytest.raises(OSError, match=str(process.pid)):
        listen_in(process.pid)
