"""Which zone a domain belongs to, and which names no certificate covers. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from deployhost.errors import InvalidName
from deployhost.model import Domain


@dataclass(frozen=True, order=True)
class Zone:
    """A zone of the account at Cloudflare."""

    name: Domain
    id: str


def zone_of(zones: Iterable[Zone], domain: Domain) -> Zone | None:
    """Return the zone that a domain belongs to: the one with the longest name, or None."""
    covering = (zone for zone in zones if domain == zone.name or domain.endswith(f".{zone.name}"))
    return max(covering, key=lambda zone: len(zone.name), default=None)


def too_deep(zone: Zone, domain: Domain) -> bool:
    """Return whether a domain is two or more levels below its zone: Universal SSL covers the zone's own name and one level."""
    return domain.count(".") > zone.name.count(".") + 1


def default_webhook_host(server_id: str, zone: Zone) -> Domain:
    """Return the host at which GitHub's deliveries arrive, where server.yml names no other. Raise InvalidName if it is too long."""
    return Domain(f"deployhost-{server_id}.{zone.name}")


def domain_or_none(text: str) -> Domain | None:
    """Return a name as a domain, or None if it is not one."""
    try:
        return Domain(text)
    except InvalidName:
        return None
