"""This machine's own addresses, and by which interface it reaches the world."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from deployhost.system import netlink
from deployhost.system.addresses import HostAddresses


def test_loopback_has_its_address() -> None:
    assert ("lo", "127.0.0.1") in {(name, str(address)) for name, address in HostAddresses().local()}


def test_all_of_this_machine() -> None:
    assert ip_address("127.0.0.1") in HostAddresses().every()


def test_a_kernel_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(*_: object) -> object:
        raise OSError

    monkeypatch.setattr(netlink, "dump", dump)
    assert HostAddresses().every() == set()


def test_the_interfaces_with_a_default_route(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        "eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n"
        "docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n"
    )
    zero = "0" * 32
    (tmp_path / "ipv6_route").write_text(
        f"{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth1\n"
        f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n"
        f"fd000000000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth2\n"
    )
    assert HostAddresses(tmp_path).outward() == {"eth0", "eth1"}
    assert HostAddresses(tmp_path / "nowhere").outward() == frozenset()
