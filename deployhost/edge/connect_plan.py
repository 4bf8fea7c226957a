"""Which zone is chosen, and which steps join a server to an account at Cloudflare. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from deployhost.edge import connect_steps as steps
from deployhost.edge.account import DnsRecord, FoundZone, IngressRule, Tunnel, WantedRecord
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import tunnel_name, tunnel_target, webhook_comment
from deployhost.edge.zones_plan import Zone, default_webhook_host, too_deep, zone_of
from deployhost.errors import Conflict, InvalidRequest, NotFound
from deployhost.model import Domain, Secret
from deployhost.steps import Plan, Step

NEW_TUNNEL = "(new)"  # in place of the id of a tunnel that is not there yet


@dataclass(frozen=True, kw_only=True)
class EdgeFacts:
    """What is there, here and at Cloudflare. `tunnel` is the server's, `joins` the token at Cloudflare with which it is joined.

    `at_host` are the records of the webhook's host, `ours` those of this server's webhook by zone, wherever they are.
    """

    server_id: str
    server_id_kept: bool
    saved: CloudflareConnection | None
    saved_tunnel_token: Secret | None
    tunnel: Tunnel | None
    joins: Secret | None
    ingress: tuple[IngressRule, ...]
    at_host: tuple[DnsRecord, ...]
    ours: tuple[tuple[str, DnsRecord], ...]


@dataclass(frozen=True, kw_only=True)
class WantedEdge:
    """What shall be there: the connection (with no tunnel's id yet) and where the tunnel's requests go."""

    connection: CloudflareConnection
    rules: tuple[IngressRule, ...]
    server_yml: str


def rules_for(webhook_host: Domain, webhook_socket: str, http_port: int) -> tuple[IngressRule, ...]:
    """Return where a tunnel's requests go: deliveries to the webhook's socket, everything else to kamal-proxy.

    The last rule has to match everything; an expression matches any part of a path (cloudflared 2026.8.2, ingress/ingress.go).
    """
    return (
        IngressRule(hostname=webhook_host, path="^/webhook/[0-9a-z]+$", service=f"unix:{webhook_socket}"),
        IngressRule(service=f"http://127.0.0.1:{http_port}"),
    )


def candidates(zones: Sequence[FoundZone], saved: CloudflareConnection | None) -> tuple[FoundZone, ...]:
    """Return the zones that may be chosen: those that Cloudflare serves, in the account that this server is joined to."""
    return tuple(
        sorted(
            (zone for zone in zones if zone.active and (saved is None or zone.account_id == saved.account_id)),
            key=lambda zone: (zone.name, zone.id),
        )
    )


def check_zone(asked: Domain, zones: Sequence[FoundZone], saved: CloudflareConnection | None) -> FoundZone:
    """Return the zone of a name. Raise NotFound, InvalidRequest or Conflict if it can't be chosen."""
    found = next((zone for zone in zones if zone.name == asked), None)
    if found is None:
        seen = ", ".join(sorted(zone.name for zone in zones)) or "none"
        raise NotFound(f"the token sees no zone {asked}; it sees {seen}")
    if saved is not None and found.account_id != saved.account_id:
        raise Conflict(
            f"{asked} is in the account {found.account_name}, but this server is connected to {saved.account_name}",
            hint="deployhost disconnect cloudflare",
        )
    if not found.active:
        raise InvalidRequest(f"Cloudflare does not serve the zone {asked} yet: its name servers do not lead there")
    return found


def webhook_host_of(configured: Domain | None, server_id: str, chosen: FoundZone, zones: Sequence[Zone]) -> Domain:
    """Return the webhook's host: server.yml's, else one in the zone that was chosen. Raise InvalidRequest if it can't be."""
    if configured is None:
        return default_webhook_host(server_id, Zone(chosen.name, chosen.id))
    zone = zone_of(zones, configured)
    if zone is None:
        raise InvalidRequest(
            f"webhook_host in server.yml is {configured}, which is in no zone of {chosen.account_name}"
        )
    if too_deep(zone, configured):
        raise InvalidRequest(
            f"webhook_host in server.yml is {configured}, but Cloudflare's certificates cover only one level below {zone.name}"
        )
    return configured


def plan_connect(facts: EdgeFacts, wanted: WantedEdge) -> Plan:
    """Return the steps from what is there to what shall be. Raise Conflict if something is somebody else's."""
    _check(facts, wanted)
    return Plan(tuple(_steps(facts, wanted)))


def _steps(facts: EdgeFacts, wanted: WantedEdge) -> Iterator[Step]:
    account = wanted.connection.account_name
    if not facts.server_id_kept:
        yield steps.KeepServerId(
            what=f"record this server's id {facts.server_id}",
            why="what belongs to this server at Cloudflare is known by it",
            server_id=facts.server_id,
        )
    if facts.tunnel is None:
        yield steps.CreateTunnel(
            what=f"create the tunnel {tunnel_name(facts.server_id)} in the account {account}",
            why="requests reach this server through it, and no port is open",
            name=tunnel_name(facts.server_id),
            connection=wanted.connection,
        )
    else:
        connection = replace(wanted.connection, tunnel_id=facts.tunnel.id)
        if facts.saved != connection:
            yield steps.SaveConnection(
                what=f"record the connection to the account {account}",
                why="the token, the account's zones and the tunnel's id are kept for later",
                connection=connection,
            )
        if facts.joins is not None and facts.saved_tunnel_token != facts.joins:
            yield steps.SaveTunnelToken(
                what="record the tunnel's own token", why="cloudflared joins the tunnel with it", token=facts.joins
            )
    if facts.ingress != wanted.rules:
        yield steps.SetIngress(
            what=f"lead the tunnel to {wanted.rules[-1].service}",
            why=f"kamal-proxy answers there; deliveries to {wanted.connection.webhook_host} go to the webhook",
            rules=wanted.rules,
        )
    yield from _records(facts, wanted)


def _records(facts: EdgeFacts, wanted: WantedEdge) -> Iterator[Step]:
    host, server_id = wanted.connection.webhook_host, facts.server_id
    zone = zone_of(wanted.connection.zones, host)
    target = tunnel_target(facts.tunnel.id if facts.tunnel is not None else NEW_TUNNEL)
    if zone is not None and not any(_leads(one, target) for one in facts.at_host):
        yield steps.SetWebhookRecord(
            what=f"create the record {host}",
            why="GitHub's deliveries arrive there",
            zone_id=zone.id,
            old=tuple(one.id for one in facts.at_host if _is_webhooks(one, server_id)),
            record=WantedRecord(name=host, target=target, comment=webhook_comment(server_id)),
        )
    for zone_id, record in facts.ours:
        if record.name != host and _is_webhooks(record, server_id):
            yield steps.DeleteRecord(
                what=f"delete the record {record.name}",
                why=f"the webhook's host is {host} now",
                zone_id=zone_id,
                record_id=record.id,
            )


def _is_webhooks(record: DnsRecord, server_id: str) -> bool:
    """Return whether a record is this server's webhook's. One whose target a person changed is not."""
    return record.comment == webhook_comment(server_id) and record.content.endswith(tunnel_target(""))


def _leads(record: DnsRecord, target: str) -> bool:
    return record.type == "CNAME" and record.content == target and record.proxied


def _check(facts: EdgeFacts, wanted: WantedEdge) -> None:
    if facts.tunnel is not None and not facts.tunnel.remote:
        raise Conflict(
            f"the tunnel {facts.tunnel.name} has its configuration in a file and not at Cloudflare, so somebody else made it: delete it there"
        )
    target = tunnel_target(facts.tunnel.id) if facts.tunnel is not None else ""
    host, server_id = wanted.connection.webhook_host, facts.server_id
    for record in facts.at_host:
        if _leads(record, target) or _is_webhooks(record, server_id) or record.type not in ("A", "AAAA", "CNAME"):
            continue
        raise Conflict(
            f"{host} has a record already ({record.type} {record.content}): choose another webhook_host in server.yml",
            hint=f"editor {wanted.server_yml}",
        )
