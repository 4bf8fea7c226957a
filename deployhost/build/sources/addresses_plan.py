"""Which addresses a build may fetch from: those of the internet, none of the host or of the networks that it is in. Pure.

`ipaddress.is_private` is not asked: it also refuses ranges in which real servers are (198.18.0.0/15 in front of a proxy), and
takes an IPv4 address in IPv6's clothes for a public one.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from deployhost.system.metadata import METADATA, METADATA6

Address = IPv4Address | IPv6Address

_NETWORKS: dict[str, tuple[IPv4Network | IPv6Network, ...]] = {
    "unspecified": (IPv4Network("0.0.0.0/8"), IPv6Network("::/128")),
    "loopback": (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
    # First: some are in networks that are refused anyway, one is in a network of real servers.
    "a cloud's metadata service": tuple(map(ip_network, (*METADATA[1:], *METADATA6))),
    "link-local": (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10")),
    "of a private network (RFC 1918)": tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))),
    "of a private network (RFC 4193)": (IPv6Network("fc00::/7"), IPv6Network("fec0::/10")),
    "of a provider's own network (RFC 6598)": (IPv4Network("100.64.0.0/10"),),
    "multicast": (IPv4Network("224.0.0.0/4"), IPv6Network("ff00::/8")),
    "reserved": (IPv4Network("240.0.0.0/4"), IPv6Network("64:ff9b:1::/48")),
}
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_COMPATIBLE = IPv6Network("::/96")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765


def refusal(text: str, own: Collection[Address]) -> str:
    """Return why a build may not connect to an address, or "" if it may; `own` are the addresses of this host."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "not an address"
    for one in (address, *_inside(address)):
        if one in own:
            return "this server's own"
        for what, networks in _NETWORKS.items():
            if any(one.version == network.version and one in network for network in networks):
                return what
    return ""


def _inside(address: Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return []
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    found = [low] if any(address in one for one in (_NAT64, _COMPATIBLE, _TRANSLATED)) else []
    if address.ipv4_mapped is not None:
        found.append(address.ipv4_mapped)
    if address in _SIX_TO_FOUR:
        found.append(IPv4Address(number >> 80 & 0xFFFFFFFF))
    if address in _TEREDO:
        found += [IPv4Address(number >> 64 & 0xFFFFFFFF), IPv4Address(~number & 0xFFFFFFFF)]
    if number >> 32 & 0xFFFEFFFF == 0x00005EFE or number >> 32 & 0xFFFFFFFF == 0x02005EFE:  # ISATAP (RFC 5214)
        found.append(low)
    return found
