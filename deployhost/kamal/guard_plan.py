"""Who of this server's accounts may connect to the registry on loopback, as rules of the packet filter: root alone. Pure.

Loopback is no border between accounts, and the registry asks nobody who they are: with a password each push would take bcrypt's
second, and Kamal hands passwords over in argv, where every account reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deployhost.kamal import contract
from deployhost.system import filter_rules

CHAIN = "DEPLOYHOST-REGISTRY"
OUTPUT = "OUTPUT"  # the kernel's chain for what processes of this host send
LOOPBACK = "lo"
USER = "docker-registry"  # whom the distribution's package makes, and the registry runs as
PORT = int(contract.REGISTRY.rpartition(":")[2])


@dataclass(frozen=True)
class Guarded:
    """A port of loopback that only root may connect to, and only the account `server` (its name or number) may serve."""

    server: str
    port: int = PORT
    chain: str = CHAIN


def rules(guarded: Guarded, *, v6: bool = False) -> tuple[str, ...]:
    """Return the rules of the guard's chain.

    Only the first packet of a connection is looked at: those that the kernel sends for a socket that is closed already have no
    owner (net/netfilter/xt_owner.c), and refusing these would break root's own connections as they end. The answer to a
    first packet is looked at too: while the registry is down any account could listen on its port, and hand out images.
    """
    chain, port, host = guarded.chain, guarded.port, "::1/128" if v6 else "127.0.0.1/32"
    first = f"-d {host} -p tcp -m tcp --dport {port} --tcp-flags FIN,SYN,RST,ACK SYN"
    answer = f"-s {host} -p tcp -m tcp --sport {port} --tcp-flags SYN,ACK SYN,ACK"
    return (
        f"-A {chain} {first} -m owner ! --uid-owner 0 -j REJECT --reject-with tcp-reset",
        f"-A {chain} {answer} -m owner ! --uid-owner {guarded.server} -j DROP",
    )


def jump(guarded: Guarded) -> str:
    """Return the rule that asks the guard's chain."""
    return f"-A {OUTPUT} -p tcp -j {guarded.chain}"


def change(guarded: Guarded, current: Sequence[str], *, v6: bool = False) -> str:
    """Return lines for iptables-restore that bring the rules (`iptables -S`) to what is wanted; empty if all is right."""
    lines = filter_rules.keep_chain(guarded.chain, rules(guarded, v6=v6), current)
    lines += filter_rules.keep_jumps(guarded.chain, [jump(guarded)], LOOPBACK, current)
    return filter_rules.text(lines)


def before_start(guarded: Guarded, file: str) -> str:
    """Return a shell's words that put the rules of `file` (`file_text`) there; they fail where the packet filter can't have them.

    For the registry's own start: it begins before the daemon at boot, and nobody may connect in between.
    """
    asked = jump(guarded).removeprefix(f"-A {OUTPUT} ")
    return (
        f"iptables-restore -w 5 --noflush {file} && "
        f"{{ iptables -w 5 -C {OUTPUT} {asked} 2>/dev/null || iptables -w 5 -I {OUTPUT} 1 {asked}; }}"
    )


def file_text(guarded: Guarded) -> str:
    """Return what iptables-restore(8) reads to have the guard's chain."""
    return filter_rules.text(("*filter", f":{guarded.chain} - [0:0]", *rules(guarded), "COMMIT"))
