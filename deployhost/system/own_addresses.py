"""The addresses that this host itself has, from the kernel's tables."""

import contextlib
import re
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

Address = IPv4Address | IPv6Address

_LOCAL = re.compile(r"\|-- ([0-9.]+)\n\s*/32 host LOCAL")


def own_addresses(proc: Path = Path("/proc")) -> frozenset[Address]:
    """Return every address of every interface of this network namespace (proc(5), /proc/net/fib_trie and if_inet6)."""
    found: set[Address] = set()
    with contextlib.suppress(OSError):
        found.update(map(IPv4Address, _LOCAL.findall((proc / "net/fib_trie").read_text(encoding="ascii"))))
    with contextlib.suppress(OSError):
        lines = (proc / "net/if_inet6").read_text(encoding="ascii").splitlines()
        found.update(IPv6Address(bytes.fromhex(line.split()[0])) for line in lines if line)
    return frozenset(found)
