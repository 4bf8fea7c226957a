"""Which domains belong to which zone, and what has to change before a zone is looked at again. Pure."""

import zlib
from collections.abc import Collection, Iterable, Mapping

from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.records_plan import Server
from deployhost.edge.records_wish import Wish
from deployhost.edge.zones_plan import Zone, zone_of
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


def within(connection: CloudflareConnection, zones: Collection[Zone], domains: Iterable[Domain]) -> set[Domain]:
    """Return those of some domains that belong to one of some zones."""
    return {domain for domain in domains if zone_of(connection.zones, domain) in zones}


def key_of(connection: CloudflareConnection, zone: Zone, wish: Wish, found: Mapping[str, AppName]) -> object:
    """Return what has to change before a zone in which all is well is looked at again."""
    apps = tuple(sorted((app, wish.of(app)) for app in {*found.values()}))
    return connection, tuple(of_zone(connection, zone, wish).items()), apps, bool(wish.broken)


def share_of(connection: CloudflareConnection, zone: Zone) -> float:
    """Return a number from 0 up to 1, always the same of a server and a zone."""
    return zlib.crc32(f"{connection.server_id} {zone.id}".encode()) / 2**32
