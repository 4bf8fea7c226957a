"""Who listens in a process's network: on recorded tables, and on a real process."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.model import Listener
from deployhost.system.netns import LONGEST_TABLE, _beginning, parse_listeners

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


def test_of_a_table_with_a_million_sockets_the_beginning_is_read(tmp_path: Path) -> None:
    """The listening ones come first; each look at a starting app would read all the others too, 80 times a second."""
    connection = TCP.splitlines(keepends=True)[4]
    (tmp_path / "tcp").write_text(TCP + connection * 100_000)
    read = _beginning(tmp_path / "tcp")
    assert LONGEST_TABLE - len(connection) < len(read) <= LONGEST_TABLE
    assert read.endswith("\n")
    assert parse_listeners(read) == parse_listeners(TCP)
    (tmp_path / "tcp").write_text(TCP)
    assert _beginning(tmp_path / "tcp") == TCP
