"""Which domains belong to which zone, and what has to change before a zone is looked at again. Pure."""

import zlib
from collections.abc import Iterable, Mapping

from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.records_plan import Server
from deployhost.edge.records_wish import Wish
from deployhost.edge.zones_plan import Zone, zone_of
from deployhost.journal.given_up import GivenUpDomain
from deployhost.model import AppName, Domain


def server_of(connection: CloudflareConnection) -> Server:
    """Return what this server has at Cloudflare."""
    return Server(
        id=connection.server_id,
        tunnel_id=connection.tunnel_id,
        webhook_host=connection.webhook_host,
        zones=connection.zones,
    )


def of_zone(connection: CloudflareConnection, zone: Zone, wish: Wish) -> dict[Domain, AppName]:
    """Return the domains of a zone that are wanted, with their apps."""
    return {domain: app for domain, app in wish.wanted.items() if zone_of(connection.zones, domain) == zone}


def given_up_of(connection: CloudflareConnection, wish: Wish, domains: Iterable[Domain]) -> list[GivenUpDomain]:
    """Return what giving up the other records of some domains means: of those that a zone covers, for the apps that want them."""
    covered = ((domain, zone_of(connection.zones, domain)) for domain in domains if domain in wish.wanted)
    return [GivenUpDomain(domain, wish.wanted[domain], zone.id) for domain, zone in covered if zone is not None]


def key_of(connection: CloudflareConnection, zone: Zone, wish: Wish, found: Mapping[str, AppName]) -> object:
    """Return what has to change before a zone in which all is well is looked at again."""
    apps = tuple(sorted((app, wish.of(app)) for app in {*found.values()}))
    return connection, tuple(of_zone(connection, zone, wish).items()), apps, bool(wish.broken)


def share_of(connection: CloudflareConnection, zone: Zone) -> float:
    """Return a number from 0 up to 1, always the same of a server and a zone."""
    return zlib.crc32(f"{connection.server_id} {zone.id}".encode()) / 2**32
