"""Bridges of the host, which containers are plugged into: their ports, and whether the packet filter sees what passes.

Sources: sysfs (/sys/class/net/<bridge>/), Documentation/networking/bridge.rst, br_netfilter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import FileProblem
from deployhost.system import netns, process
from deployhost.system.firewall import Family

_SWITCHES = {Family.IPV4: "nf_call_iptables", Family.IPV6: "nf_call_ip6tables"}


@dataclass(frozen=True)
class Bridges:
    """Looks after the host's bridges, by sysfs and proc."""

    sys: Path = Path("/sys/class/net")
    proc: Path = Path("/proc/sys/net/bridge")

    def filter(self, bridge: str, family: Family) -> bool:
        """Have the packet filter see what passes from one of a bridge's ports to another; return whether that is a change.

        Raises FileProblem, CommandFailed if the kernel can't.
        """
        if not self.proc.is_dir():
            process.run(["modprobe", "br_netfilter"], timeout=10)
        # This bridge only: for all of them it would be a change to networks that are none of ours (virtual machines).
        switch = self.sys / bridge / "bridge" / _SWITCHES[family]
        try:
            if switch.read_text().strip() == "1":
                return False
            switch.write_text("1\n")
        except OSError as error:
            raise FileProblem(f"{switch} can't be set: {error.strerror}", hint=f"ls -l {switch}") from error
        return True

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
