"""Which containers may open connections to which, as rules of the packet filter. Pure.

One chain of ours decides on what passes between two ports of the bridge that is Kamal's network. It knows apps by their ports
of the bridge, not by addresses: an address goes to the next container that starts as soon as one ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployhost.model import AppName
from deployhost.system import filter_rules
from deployhost.system.filter_rules import DOCKERS, FORWARD

CHAIN = "DEPLOYHOST"
ASKS = f"-A {FORWARD} -j {DOCKERS}"  # as dockerd makes it, once, when it starts

NEIGHBOURS = (135, 136)  # IPv6 asks with these who has an address; IPv4's ARP does not pass the filter


@dataclass(frozen=True)
class Member:
    """A running container of an app. `ready`: others may ask it already."""

    app: AppName
    port: str
    ready: bool


@dataclass(frozen=True)
class Wanted:
    """What is wanted of what there is: the bridge, the proxy's hardware addresses, the containers that matter, who may reach whom.

    The proxy reaches everybody. It is known by an address because it must be as soon as it is restarted, when its port is
    another; only who may send raw packets could use that address too, and no app may.
    """

    bridge: str
    proxy: tuple[str, ...]
    members: tuple[Member, ...] = ()
    may_reach: tuple[tuple[AppName, AppName], ...] = ()
    chain: str = CHAIN


def taking_part(may_reach: Mapping[AppName, Sequence[AppName]]) -> frozenset[AppName]:
    """Return the apps whose containers are named in rules, by whom each app may reach."""
    return frozenset(app for source, others in may_reach.items() for app in (source, *others) if others)


def change(wanted: Wanted, current: Sequence[str], *, v6: bool = False) -> str:
    """Return lines for iptables-restore that bring the rules (`iptables -S`) to what is wanted; empty if all is right."""
    parent = filter_rules.asked_first(current)
    jump = f"-A {parent} -i {wanted.bridge} -o {wanted.bridge} -j {wanted.chain}"
    lines = filter_rules.keep_chain(wanted.chain, list(_rules(wanted, v6=v6)), current)
    lines += filter_rules.keep_jumps(wanted.chain, [jump], wanted.bridge, current)
    if passed_by(wanted, current):
        lines += [*filter_rules.dropped(rule for rule in current if rule == ASKS), f"-I {FORWARD} 1 -j {DOCKERS}"]
    return filter_rules.text(lines)


def passed_by(wanted: Wanted, current: Sequence[str]) -> bool:
    """Return whether the kernel lets what passes on the bridge through without asking Docker's chain.

    So it is once somebody has emptied FORWARD: only dockerd's next start would have it asked again.
    """
    if f"-N {DOCKERS}" not in current:
        return False
    chain = [rule for rule in current if rule.startswith(f"-A {FORWARD} ")]
    before = chain[: chain.index(ASKS)] if ASKS in chain else None
    # RETURN, in a chain of the kernel's own, is its policy's word; and a chain that is gone to comes back to that.
    return before is None or any(
        filter_rules.lets_through(rule, current, wanted.bridge, filter_rules.ENDS)
        or (" -g " in rule and not filter_rules.elsewhere(rule, wanted.bridge))
        for rule in before
    )


def _rules(wanted: Wanted, *, v6: bool) -> Iterator[str]:
    # RETURN, not ACCEPT: the rules that others have put behind ours are asked too.
    yield f"-A {wanted.chain} -m conntrack --ctstate {filter_rules.ANSWERS} -j RETURN"
    if v6:
        for kind in NEIGHBOURS:
            yield f"-A {wanted.chain} -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j RETURN"
    for address in wanted.proxy:
        yield f"-A {wanted.chain} -m mac --mac-source {address} -j RETURN"
    pairs = {(a.port, b.port) for a in wanted.members for b in wanted.members if _allowed(a, b, wanted)}
    for source, target in sorted(pairs):
        yield f"-A {wanted.chain} -m physdev --physdev-in {source} --physdev-out {target} --physdev-is-bridged -j RETURN"
    # Refused rather than dropped: who asks learns it at once, and asks the next address of the name if there is one.
    yield f"-A {wanted.chain} -p tcp -j REJECT --reject-with tcp-reset"
    yield f"-A {wanted.chain} -j REJECT --reject-with {'icmp6' if v6 else 'icmp'}-port-unreachable"


def _allowed(source: Member, target: Member, wanted: Wanted) -> bool:
    if source.port == target.port:
        return False
    return source.app == target.app or (target.ready and (source.app, target.app) in wanted.may_reach)
