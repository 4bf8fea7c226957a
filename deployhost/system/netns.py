"""The network namespace of a running process: who listens there, what it is plugged into, a socket of ours in it.

Sources: proc(5) /proc/<pid>/net/tcp, setns(2), rtnetlink(7). Needs root.
"""

import ctypes
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from deployhost.model import Listener
from deployhost.system import machine, netlink

CLONE_NEWNET = 0x40000000
RTM_NEWLINK, RTM_GETLINK, IFLA_LINK = 16, 18, 5  # rtnetlink(7)
IFINFOMSG = 16  # bytes
_ASK_LINKS = netlink.message(RTM_GETLINK, netlink.REQUEST | netlink.DUMP, bytes(IFINFOMSG))
LONGEST_TABLE = 256 * 1024  # bytes of a table of sockets that are read: more than a thousand that listen
DOCKER_DNS = "127.0.0.11"  # Docker's own resolver listens here in every container of a user-defined network


def parse_listeners(table: str) -> set[Listener]:
    """Return the listening sockets in the text of /proc/<pid>/net/tcp or tcp6, without Docker's own resolver."""
    return {
        Listener(port, address.startswith("127.") or address == "::1")
        for address, port, _ in machine.listening(table)
        if address != DOCKER_DNS
    }


class Namespaces:
    """The network namespaces of this machine's processes. Tests pass others."""

    def listeners(self, pid: int) -> set[Listener] | None:
        """Return who listens in a process's network namespace; None when the process is gone.

        A port that listens on every address is reported once, as not loopback.
        """
        found: set[Listener] = set()
        try:
            for name in ("tcp", "tcp6"):
                path = Path(f"/proc/{pid}/net/{name}")
                if path.exists():
                    found |= parse_listeners(_beginning(path))
        except OSError:
            return None
        if not Path(f"/proc/{pid}").exists():
            return None
        open_ports = {item.port for item in found if not item.loopback}
        return {item for item in found if not item.loopback or item.port not in open_ports}

    def listen_in(self, pid: int) -> socket.socket:
        """Return a TCP socket that listens on a free port of a process's network namespace. Raises OSError."""
        return _inside(pid, lambda: socket.create_server(("0.0.0.0", 0)))  # noqa: S104 - the namespace of one container


def _beginning(path: Path) -> str:
    """Return the whole lines of a table's beginning. The kernel lists those that listen first (net/ipv4/tcp_ipv4.c, tcp_seq_start)."""
    with path.open("rb", buffering=0) as table:
        read = bytearray()
        # A socket takes no more than a line, and an app may have a million of them: each look would read 150 MB.
        while len(read) < LONGEST_TABLE and (chunk := table.read(LONGEST_TABLE - len(read))):
            read += chunk
    return read[: read.rfind(b"\n") + 1].decode("ascii", "replace")


def peers_in(pid: int) -> set[int]:
    """Return the interfaces of the host (by index) that those of a process's network are the other ends of."""
    # Asked of the kernel: a file of the container's own /sys might be one that its image put there.
    try:
        with _inside(pid, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)) as link:
            link.settimeout(2)
            link.send(_ASK_LINKS)
            return set(_peers(link))
    except OSError:
        return set()


def _peers(link: socket.socket) -> Iterator[int]:
    """Yield the IFLA_LINK of each link that a netlink socket was asked for. Raises OSError."""
    while True:
        for kind, message in netlink.messages(link.recv(1 << 16)):
            if kind in (netlink.DONE, netlink.ERROR):
                return
            if kind == RTM_NEWLINK:
                attributes = netlink.attributes(message[IFINFOMSG:])
                links = (value for kind, value in attributes if kind == IFLA_LINK and len(value) == 4)
                yield from (int.from_bytes(value, sys.byteorder) for value in links)


def _inside(pid: int, make: Callable[[], socket.socket]) -> socket.socket:
    """Return a socket that was made in a process's network namespace. Raises OSError."""
    result: list[socket.socket | OSError] = []

    def inside() -> None:
        # setns changes the calling thread only; this one ends right after, the socket stays where it was made.
        try:
            descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(descriptor, CLONE_NEWNET) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            finally:
                os.close(descriptor)
            result.append(make())
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]
