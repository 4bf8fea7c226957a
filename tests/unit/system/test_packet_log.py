"""Packets of netfilter's log, as bytes."""

import ipaddress
import struct

import pytest

from deployhost.system import netlink
from deployhost.system.packet_log import PAYLOAD, Logged, parsed

TCP = struct.pack("!HH", 40000, 5432) + bytes(16)


def ipv4(protocol: int, rest: bytes) -> bytes:
    ends = ipaddress.ip_address("172.18.0.4").packed + ipaddress.ip_address("172.18.0.1").packed
    return b"\x46" + bytes(8) + bytes([protocol, 0, 0]) + ends + bytes(4) + rest  # with four bytes of options


def ipv6(protocol: int, rest: bytes) -> bytes:
    ends = ipaddress.ip_address("fd00::4").packed + ipaddress.ip_address("fd00::1").packed
    return b"\x60" + bytes(5) + bytes([protocol, 64]) + ends + rest


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (ipv4(6, TCP), Logged("172.18.0.4", "172.18.0.1", "tcp", 5432)),
        (ipv4(17, TCP), Logged("172.18.0.4", "172.18.0.1", "udp", 5432)),
        (ipv4(132, TCP), Logged("172.18.0.4", "172.18.0.1", "132", 0)),
        (ipv6(6, TCP), Logged("fd00::4", "fd00::1", "tcp", 5432)),
        (ipv6(0, bytes([17, 0]) + bytes(6) + TCP), Logged("fd00::4", "fd00::1", "udp", 5432)),
        (ipv4(6, b""), None),
        (ipv6(0, b""), None),
        (b"\x45", None),
        (b"", None),
    ],
)
def test_a_packet(packet: bytes, expected: Logged | None) -> None:
    assert parsed(bytes(4) + netlink.attribute(1, b"\0" * 4) + netlink.attribute(PAYLOAD, packet)) == expected
