"""Bridges of the host, which containers are plugged into: their ports, whether the packet filter sees what passes, and their neighbours.

Sources: sysfs (/sys/class/net/<bridge>/), Documentation/networking/bridge.rst, br_netfilter; arp(7), include/net/neighbour.h.
"""

import contextlib
import itertools
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import FileProblem
from deployhost.system import netlink, netns, process
from deployhost.system.firewall import Family

_SWITCHES = {Family.IPV4: "nf_call_iptables", Family.IPV6: "nf_call_ip6tables"}
_ATTRIBUTES = {Family.IPV4: 36, Family.IPV6: 37}  # IFLA_BR_NF_CALL_IPTABLES, …_IP6TABLES (linux/if_link.h)
RTM_NEWLINK, LINKINFO, INFO_KIND, INFO_DATA = 16, 18, 1, 2
_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, interface, flags, which of them change
# When the host asks again which MAC address has an IP address: by the kernel's defaults after 20 to 50 s.
_NEIGHBOURS = {"base_reachable_time_ms": 1000, "delay_first_probe_time": 1, "ucast_solicit": 1, "retrans_time_ms": 200}


@dataclass(frozen=True)
class Bridges:
    """Looks after the host's bridges, by sysfs and proc."""

    sys: Path = Path("/sys/class/net")
    proc: Path = Path("/proc/sys/net")

    def filter(self, bridge: str, family: Family) -> bool:
        """Have the packet filter see what passes from one of a bridge's ports to another; return whether that is a change.

        Raises FileProblem, CommandFailed if the kernel can't.
        """
        if not (self.proc / "bridge").is_dir():
            process.run(["modprobe", "br_netfilter"], timeout=10)
        # This bridge only: for all of them it would be a change to networks that are none of ours (virtual machines).
        switch = self.sys / bridge / "bridge" / _SWITCHES[family]
        try:
            if switch.read_text().strip() == "1":
                return False
            try:
                switch.write_text("1\n")
            except OSError:
                _switch_on(bridge, _ATTRIBUTES[family])  # in a container sysfs may be read-only
        except OSError as error:
            raise FileProblem(f"{switch} can't be set: {error.strerror}", hint=f"ls -l {switch}") from error
        return True

    def expire_neighbours_soon(self, bridge: str) -> None:
        """Have the host find a container again within about a second whose IP address another one had before it.

        Docker derives MAC addresses from IP addresses, so it mostly need not find out. It does where a container has a MAC address
        of its own: until then all that goes to it is lost. Where the kernel's settings can't be written, its defaults stay.
        """
        for family, (name, value) in itertools.product(("ipv4", "ipv6"), _NEIGHBOURS.items()):
            setting = self.proc / family / "neigh" / bridge / name
            with contextlib.suppress(OSError):
                if int(setting.read_text()) != value:
                    setting.write_text(f"{value}\n")

    def ports(self, bridge: str, pids: Iterable[int]) -> dict[int, str]:
        """Return the bridge's port that each process's network is plugged into; processes without one are left out."""
        try:
            ports = {
                int((self.sys / port.name / "ifindex").read_text()): port.name
                for port in (self.sys / bridge / "brif").iterdir()
            }
        except OSError:
            return {}  # a port went away while we looked: the next look will see
        found = {pid: next((ports[peer] for peer in netns.peers_in(pid) if peer in ports), "") for pid in pids}
        return {pid: port for pid, port in found.items() if port}


def _switch_on(bridge: str, attribute: int) -> None:
    """Set a switch of a bridge by rtnetlink(7). Raises OSError."""
    data = netlink.attribute(INFO_DATA, netlink.attribute(attribute, b"\x01"))
    info = netlink.attribute(LINKINFO, netlink.attribute(INFO_KIND, b"bridge") + data)
    netlink.change(RTM_NEWLINK, _LINK.pack(0, 0, socket.if_nametoindex(bridge), 0, 0) + info)
