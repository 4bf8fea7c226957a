"""The host's own IP addresses, by interface, and the interfaces by which it reaches the world.

Sources: rtnetlink(7), RTM_GETADDR and struct ifaddrmsg (linux/if_addr.h); /proc/net/route and /proc/net/ipv6_route (net/ipv4/fib_trie.c,
net/ipv6/route.c).
"""

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.system import netlink

RTM_NEWADDR, RTM_GETADDR, IFA_ADDRESS, IFA_LOCAL = 20, 22, 1, 2
_MESSAGE = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, interface
_SIZES = {socket.AF_INET: 4, socket.AF_INET6: 16}
_UP = 0x1  # RTF_UP

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class HostAddresses:
    """The host's addresses as they are now. Tests pass others."""

    proc: Path = Path("/proc/net")

    def local(self) -> list[tuple[str, Address]]:
        """Return each address of the host with its interface. Raises OSError."""
        names = dict(socket.if_nameindex())
        found = []
        for family, interface, raw in _dumped():
            if interface in names and len(raw) == _SIZES.get(socket.AddressFamily(family), -1):
                found.append((names[interface], ipaddress.ip_address(raw)))
        return found

    def every(self) -> frozenset[Address]:
        """Return each address of the host, and none where the kernel does not tell them."""
        with contextlib.suppress(OSError):
            return frozenset(address for _, address in self.local())
        return frozenset()

    def outward(self) -> frozenset[str]:
        """Return the interfaces that have a default route."""
        found = set()
        for line in _lines(self.proc / "route"):
            words = line.split()
            if len(words) > 7 and words[1] == words[7] == "00000000":  # destination and mask
                found.add(words[0])
        for line in _lines(self.proc / "ipv6_route"):
            words = line.split()
            if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00" and int(words[8], 16) & _UP:
                found.add(words[9])
        return frozenset(found - {"lo"})


def _dumped() -> Iterator[tuple[int, int, bytes]]:
    """Yield the family, the interface and the bytes of each address."""
    for message in netlink.dump(RTM_GETADDR, RTM_NEWADDR, bytes(_MESSAGE.size)):
        family, _, _, _, interface = _MESSAGE.unpack_from(message)
        attributes = dict(netlink.attributes(message[_MESSAGE.size :]))
        # Of a point-to-point interface, IFA_ADDRESS is the other end's.
        address = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
        if address:
            yield family, interface, address


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    return []
