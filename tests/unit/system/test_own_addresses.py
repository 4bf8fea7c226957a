"""The host's own addresses, from the kernel's tables."""

from ipaddress import ip_address
from pathlib import Path

from deployhost.system.own_addresses import own_addresses

TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 1
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
        |-- 127.0.0.1
           /32 host LOCAL
"""
SIX = "00000000000000000000000000000001 01 80 10 80       lo\nfd000000000000000000000000000002 02 40 00 80     eth0\n"


def test_addresses(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/fib_trie").write_text(TRIE)
    (tmp_path / "net/if_inet6").write_text(SIX)
    assert own_addresses(tmp_path) == {ip_address(one) for one in ("192.0.2.2", "127.0.0.1", "::1", "fd00::2")}


def test_a_kernel_without_ipv6(tmp_path: Path) -> None:
    assert own_addresses(tmp_path) == set()


def test_of_this_machine() -> None:
    assert ip_address("127.0.0.1") in own_addresses()
