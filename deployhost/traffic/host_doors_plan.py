"""Which containers may reach more of the host than all do, as rules of the packet filter. Pure.

They are known by their ports of the bridge, as in `isolation_plan`. What is for the host has lost its port by the time that INPUT is
asked (net/bridge/br_netfilter_hooks.c, ip_sabotage_in), so it gets a mark before, in the table `mangle`, which `host_plan` lets through.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployhost.config.reachable import HostDoor
from deployhost.system import filter_rules
from deployhost.traffic import host_plan

PREROUTING = "PREROUTING"  # the kernel's chain for what has just arrived, wherever it goes
MARKED = f"-j MARK --set-xmark {host_plan.MARK}/{host_plan.MARK}"


@dataclass(frozen=True)
class Door:
    """A container, by its port of the bridge, and what it may reach of the host."""

    port: str
    to: HostDoor


@dataclass(frozen=True)
class Doors:
    """Who of a bridge's containers may reach more: `others` are the ports of those that are not ours, and keep all they had."""

    bridge: str
    v6: bool = False
    chain: str = host_plan.APPS
    doors: tuple[Door, ...] = ()
    others: tuple[str, ...] = ()


def change(wanted: Doors, current: Sequence[str]) -> str:
    """Return lines for iptables-restore that bring the rules of `mangle` to what is wanted; empty if all is right."""
    if not (wanted.doors or wanted.others or f"-N {wanted.chain}" in current):
        return ""
    lines = filter_rules.keep_chain(wanted.chain, list(_rules(wanted)), current)
    jump = f"-A {PREROUTING} -i {wanted.bridge} -j {wanted.chain}"
    lines += filter_rules.keep_jumps(wanted.chain, [jump], wanted.bridge, current)
    return filter_rules.text(lines)


def _rules(wanted: Doors) -> Iterator[str]:
    rule, networks = f"-A {wanted.chain}", host_plan.metadata(v6=wanted.v6)
    for port in sorted(wanted.others):
        yield f"{rule} -m physdev --physdev-in {port} {MARKED}"
    for network in networks:
        for port in sorted({door.port for door in wanted.doors if door.to.port is None}):
            yield f"{rule} -d {network} -m physdev --physdev-in {port} {MARKED}"
        yield f"{rule} -d {network} -j RETURN"
    for port, number in sorted((door.port, door.to.port) for door in wanted.doors if door.to.port is not None):
        for protocol in ("tcp", "udp"):
            yield (
                f"{rule} -p {protocol} -m physdev --physdev-in {port}"
                f" -m {protocol} --dport {number} -m addrtype --dst-type LOCAL {MARKED}"
            )
