"""A server of fakes that is joined to an account at Cloudflare: a zone, a tunnel, and records as somebody made them."""

from deployhost.edge import connection
from deployhost.edge.account import DnsRecord, FoundZone
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import app_comment, tunnel_target
from deployhost.edge.zones_plan import Zone
from deployhost.model import AppName, Domain, Secret
from tests.fakes.assembled import Server
from tests.fakes.cloudflare import ACCOUNT, TOKEN, ZONE

SERVER_ID = "0123456789"
WEBHOOK = Domain(f"deployhost-{SERVER_ID}.{ZONE}")
ELSEWHERE = "203.0.113.7"


class Joined:
    """Given a server, join it."""

    def __init__(self, server: Server, *others: str) -> None:
        self.server, self.cloud = server, server.cloudflare
        self.zone: FoundZone = self.cloud.zone()
        self.others = [self.cloud.zone(name) for name in others]
        self.tunnel_id = self.cloud.tunnel(f"deployhost-{SERVER_ID}").tunnel.id
        self.target = tunnel_target(self.tunnel_id)
        self.write()

    @property
    def connection(self) -> CloudflareConnection:
        """Return the connection as it is to be written."""
        zones = tuple(Zone(zone.name, zone.id) for zone in (self.zone, *self.others))
        return CloudflareConnection(
            server_id=SERVER_ID,
            token=Secret(TOKEN),
            account_id=ACCOUNT,
            account_name="Example",
            zones=zones,
            webhook_zone=self.zone.name,
            webhook_host=WEBHOOK,
            tunnel_id=self.tunnel_id,
        )

    def write(self) -> None:
        """Write the connection's file."""
        connection.save(self.server.paths, self.connection)

    def ours(self, name: str, app: str = "shop", target: str = "") -> DnsRecord:
        """Have a record as deployhost makes it."""
        comment = app_comment(SERVER_ID, AppName(app))
        return self.cloud.record(self.zone.id, name, target or self.target, comment=comment)

    def foreign(self, name: str, content: str = ELSEWHERE, kind: str = "A") -> DnsRecord:
        """Have a record that somebody else made."""
        return self.cloud.record(self.zone.id, name, content, kind=kind, comment="mine")

    def at(self, name: str) -> list[tuple[str, str, str]]:
        """Return the type, target and comment of each record of a name, in any zone."""
        records = [one for zone in self.cloud.all_records.values() for one in zone.values()]
        return [(one.type, one.content, one.comment) for one in records if one.name == name]

    def leads(self, name: str, app: str = "shop") -> bool:
        """Return whether a name has one record, of ours, of that app, that leads to the tunnel."""
        return self.at(name) == [("CNAME", self.target, app_comment(SERVER_ID, AppName(app)))]

    def changes(self) -> list[str]:
        """Return the calls since the last time that change something."""
        calls = [one for one in self.cloud.calls if one not in ("records", "zones", "verify")]
        self.cloud.calls.clear()
        return calls

    def calls(self) -> list[str]:
        """Return the calls since the last time."""
        calls = list(self.cloud.calls)
        self.cloud.calls.clear()
        return calls
