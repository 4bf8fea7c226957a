"""What the packet filter writes to netfilter's log (the target NFLOG of iptables-extensions(8)), packet by packet.

Source: linux/netfilter/nfnetlink_log.h. Needs root. Who listens costs nothing until there is a packet.
"""

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from deployhost.system import netlink

NETFILTER = 12  # NETLINK_NETFILTER
ULOG = 4 << 8  # NFNL_SUBSYS_ULOG
PACKET, CONFIG = ULOG | 0, ULOG | 1
_GENERIC = struct.Struct("!BBH")  # struct nfgenmsg: family, version, the group
COMMAND, MODE, AT_ONCE = 1, 2, 5  # NFULA_CFG_CMD, NFULA_CFG_MODE, NFULA_CFG_QTHRESH
BIND, COPY_PACKET = b"\x01", 2
PAYLOAD = 9  # NFULA_PAYLOAD
HEADS = 128  # bytes of each packet: its headers
PROTOCOLS = {6: "tcp", 17: "udp"}
_EXTENSION_HEADERS = (0, 43, 60)  # hop by hop, routing, destination options


@dataclass(frozen=True)
class Logged:
    """One packet that was logged: from where to where, and to which port (0: it has none)."""

    source: str
    destination: str
    protocol: str
    port: int


class PacketLog:
    """One group of netfilter's log. Tests pass another."""

    def __init__(self, group: int) -> None:
        self._group = group

    def packets(self) -> Iterator[Logged]:
        """Yield each packet of the group as it is logged, without end. Raises OSError where the kernel has no such log."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETFILTER) as listening:
            listening.bind((0, 0))
            mode = struct.pack("!IBB", HEADS, COPY_PACKET, 0)
            for kind, value in ((COMMAND, BIND), (MODE, mode), (AT_ONCE, struct.pack("!I", 1))):
                content = _GENERIC.pack(0, 0, self._group) + netlink.attribute(kind, value)
                listening.send(netlink.message(CONFIG, netlink.REQUEST | netlink.ACKNOWLEDGE, content))
                netlink.acknowledged(listening.recv(1 << 16))
            while True:
                with contextlib.suppress(BlockingIOError, InterruptedError):
                    try:
                        received = listening.recv(1 << 16)
                    except OSError as error:
                        if error.errno == _NO_ROOM:
                            continue  # there were more than fit: some are lost
                        raise
                    for kind, content in netlink.messages(received):
                        if kind == PACKET and (found := parsed(content)) is not None:
                            yield found


_NO_ROOM = 105  # ENOBUFS


def parsed(content: bytes) -> Logged | None:
    """Return the packet of a message of the log, or None if it has none that can be read."""
    payload = dict(netlink.attributes(content[_GENERIC.size :])).get(PAYLOAD, b"")
    try:
        if payload[0] >> 4 == 4:
            source, destination, protocol = payload[12:16], payload[16:20], payload[9]
            rest = payload[(payload[0] & 15) * 4 :]
        else:
            source, destination, protocol, rest = payload[8:24], payload[24:40], payload[6], payload[40:]
            while protocol in _EXTENSION_HEADERS:
                protocol, rest = rest[0], rest[8 + rest[1] * 8 :]
        port = struct.unpack_from("!H", rest, 2)[0] if protocol in PROTOCOLS else 0
        return Logged(
            str(ipaddress.ip_address(source)),
            str(ipaddress.ip_address(destination)),
            PROTOCOLS.get(protocol, str(protocol)),
            port,
        )
    except (IndexError, ValueError, struct.error):
        return None
