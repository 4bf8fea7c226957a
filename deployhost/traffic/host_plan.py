"""What containers may reach of the server that they run on, as rules of the packet filter. Pure.

A bridge's containers reach the host in two ways: at an address of its own (INPUT), and through it at the cloud's metadata service
or at a port that the engine leads on to a container (FORWARD). Both ask one chain for each bridge, and it goes by where a
connection was meant to go (conntrack's "original"), whatever it was led on to.
"""

import ipaddress
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from deployhost.config.reachable import HostDoor
from deployhost.system import filter_rules
from deployhost.system.metadata import METADATA, METADATA6

INPUT = "INPUT"  # the kernel's chain for what is for the host itself
APPS, BUILDS, REFUSE = "DEPLOYHOST-HOST", "DEPLOYHOST-BUILDS", "DEPLOYHOST-REFUSE"
CHAINS = (APPS, BUILDS, REFUSE)
DNS = 53
WEB = (("tcp", 80), ("tcp", 443), ("udp", 443))
PUBLIC = frozenset({DNS, *(number for _, number in WEB)})  # ports that stay open, if only at some addresses
MARK = "0x20000000"  # of packets that `host_doors_plan` lets through: a bit that nobody else is known to use
GROUP = 6468  # of netfilter's log, by which the daemon learns what was refused
# Of each address five refusals at once, and then one in ten seconds: whoever is refused a lot must not keep the daemon busy.
TELLS = "-m hashlimit --hashlimit-upto 6/min --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name deployhost"


@dataclass(frozen=True)
class HostWanted:
    """What the containers of a bridge may reach of the host. `asked` is whether that is enforced at all now.

    `public` are the host's addresses at which anybody may call its ports 80 and 443; `opened` the ports that are open to some
    containers, which `host_doors_plan` marks; `endpoints` addresses and ports that all need: registries and proxies on the host.
    """

    bridge: str
    v6: bool = False
    asked: bool = True
    chain: str = APPS
    refuse: str = REFUSE
    public: tuple[str, ...] = ()
    opened: tuple[int, ...] = ()
    endpoints: tuple[tuple[str, int], ...] = ()
    tells: bool = True
    group: int = GROUP


def change(wanted: HostWanted, current: Sequence[str]) -> str:
    """Return lines for iptables-restore that bring the rules (`iptables -S`) to what is wanted; empty if all is right."""
    lines = filter_rules.keep_chain(wanted.refuse, list(_refusal(wanted)), current)
    lines += filter_rules.keep_chain(wanted.chain, list(_rules(wanted)), current)
    asks = jumps(wanted, current) if wanted.asked else ()
    lines += filter_rules.keep_jumps(wanted.chain, asks, wanted.bridge, current)
    return filter_rules.text(lines)


def opening(wanted: HostWanted, parent: str) -> str:
    """Return lines that have a chain asked which is there already, and is not asked yet; `parent` is what `jumps` found."""
    return filter_rules.text(
        f"-I {jump.split()[1]} 1{jump.removeprefix(f'-A {jump.split()[1]}')}"
        for jump in jumps(wanted, (f"-N {parent}",))
    )


def early(wanted: HostWanted, parent: str) -> str:
    """Return lines that have all this from boot on, before the engine starts containers; `parent` is what `jumps` found.

    What is refused is not answered then: who else may reach more, nobody knows before the containers run, and asks again.
    """
    refuse, chain = f":{wanted.refuse} - [0:0]", f":{wanted.chain} - [0:0]"
    lines = filter_rules.text([refuse, f"-A {wanted.refuse} -j DROP", chain, *_rules(wanted)])
    return lines + opening(wanted, parent)


def jumps(wanted: HostWanted, current: Sequence[str]) -> tuple[str, ...]:
    """Return the rules that ask a bridge's chain."""
    parent = filter_rules.asked_first(current)
    away = f"-i {wanted.bridge} ! -o {wanted.bridge}"
    return (
        f"-A {INPUT} -i {wanted.bridge} -j {wanted.chain}",
        *(f"-A {parent} -d {one} {away} -j {wanted.chain}" for one in metadata(v6=wanted.v6)),
        f"-A {parent} {away} -m conntrack --ctstate DNAT -j {wanted.chain}",
    )


def _rules(wanted: HostWanted) -> Iterator[str]:
    # RETURN, not ACCEPT: the rules that others have put behind ours are asked too.
    rule = f"-A {wanted.chain}"
    yield f"{rule} -m conntrack --ctstate {filter_rules.ANSWERS} -j RETURN"
    # Errors, echoes, and for IPv6 who has an address; nothing listens there.
    yield f"{rule} -p {'ipv6-icmp' if wanted.v6 else 'icmp'} -j RETURN"
    for protocol in ("udp", "tcp"):
        yield f"{rule} -p {protocol} -m {protocol} --dport {DNS} -j RETURN"
    yield f"{rule} -m mark --mark {MARK}/{MARK} -j RETURN"
    for address, number in sorted(wanted.endpoints):
        yield f"{rule} -p tcp -m conntrack --ctorigdst {address} --ctorigdstport {number} -j RETURN"
    for network in metadata(v6=wanted.v6):
        bare = network.removesuffix("/128" if wanted.v6 else "/32")  # as iptables prints it here
        yield f"{rule} -m conntrack --ctorigdst {bare} -j {wanted.refuse}"
    for address in sorted(wanted.public):
        for protocol, number in WEB:
            yield f"{rule} -p {protocol} -m conntrack --ctorigdst {address} --ctorigdstport {number} -j RETURN"
    # A container that has just started is not known by its port yet. Not answered at all, it asks again in a second.
    for protocol, number in itertools.product(("tcp", "udp"), sorted(wanted.opened)):
        yield f"{rule} -p {protocol} -m conntrack --ctorigdstport {number} -j DROP"
    yield f"{rule} -j {wanted.refuse}"


def _refusal(wanted: HostWanted) -> Iterator[str]:
    rule = f"-A {wanted.refuse}"
    if wanted.tells:
        yield f"{rule} {TELLS} -j NFLOG --nflog-group {wanted.group} --nflog-size 128"
    yield f"{rule} -p tcp -j REJECT --reject-with tcp-reset"
    yield f"{rule} -j REJECT --reject-with {'icmp6' if wanted.v6 else 'icmp'}-port-unreachable"


def public(
    local: Sequence[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]], outward: Collection[str], *, v6: bool
) -> tuple[str, ...]:
    """Return the host's addresses at which anybody may call its ports 80 and 443.

    They are those of the interfaces by which it reaches the world, and what is not private on any other. `local` is each address
    with its interface.
    """
    return tuple(
        dict.fromkeys(
            str(address)
            for interface, address in local
            if (address.version == 6) == v6
            and not (address.is_loopback or address.is_link_local)
            and (interface in outward or address.is_global)
        )
    )


def door(address: str, port: int, local: Collection[str]) -> HostDoor | None:
    """Return what of the host lies at an address and port, or None if it is no part of it that could be opened."""
    found = ipaddress.ip_address(address)
    if any(found in ipaddress.ip_network(one) for one in metadata(v6=found.version == 6)):
        return HostDoor("host:metadata")
    return HostDoor(f"host:{port}") if port and str(found) in local and not found.is_loopback else None


def metadata(*, v6: bool) -> tuple[str, ...]:
    """Return the networks at which clouds have their metadata services."""
    return METADATA6 if v6 else METADATA
