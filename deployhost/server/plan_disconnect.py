"""Which steps take a server off its account at Cloudflare. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.edge import connect_steps
from deployhost.edge.account import DnsRecord
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import is_ours, tunnel_name, tunnel_target
from deployhost.model import Domain
from deployhost.server import steps
from deployhost.server.facts_tunnel import TUNNEL
from deployhost.server.plan_tunnel import remove_program
from deployhost.steps import Plan, Step


@dataclass(frozen=True, kw_only=True)
class DisconnectFacts:
    """What there is of the connection. `records` are those with a comment of ours, by zone; `refused` is why the account can't be asked.

    `gone` are the zones that the account does not have any more, or that the token does not see.
    """

    saved: CloudflareConnection
    set_aside: bool = False
    records: tuple[tuple[str, DnsRecord], ...] = ()
    tunnel: bool = False
    refused: str = ""
    gone: tuple[Domain, ...] = ()
    service: bool = False
    packages: tuple[str, ...] = ()  # that set-up installed for it
    files: tuple[Path, ...] = ()


def plan_disconnect(facts: DisconnectFacts) -> Plan:
    """Return the steps that remove what was made, and notes on what only its owner can delete. Apps keep running."""
    return Plan(tuple(_steps(facts)), tuple(_notes(facts)))


def ours(facts: DisconnectFacts) -> tuple[tuple[str, DnsRecord], ...]:
    """Return the records to delete: ours by their comment, which lead to our tunnel."""
    target = tunnel_target(facts.saved.tunnel_id)
    return tuple(
        (zone, one)
        for zone, one in facts.records
        if is_ours(one.comment, facts.saved.server_id) and one.type == "CNAME" and one.content == target
    )


def _steps(facts: DisconnectFacts) -> Iterator[Step]:
    saved = facts.saved
    if not facts.set_aside:
        yield connect_steps.SetConnectionAside(
            what="stop making records at Cloudflare", why="the server is being disconnected"
        )
    for zone, record in ours(facts):
        yield connect_steps.DeleteRecord(
            what=f"delete the record {record.name}",
            why="it leads to this server's tunnel",
            zone_id=zone,
            record_id=record.id,
        )
    if facts.service:
        yield steps.RemoveService(
            what=f"stop and remove the service {TUNNEL}", why="it keeps the tunnel open", name=TUNNEL
        )
    if facts.tunnel:
        yield connect_steps.DeleteTunnel(
            what=f"delete the tunnel {tunnel_name(saved.server_id)}",
            why="nothing leads through it any more",
            account_id=saved.account_id,
            tunnel_id=saved.tunnel_id,
        )
    yield from remove_program(facts.packages, facts.files)
    yield connect_steps.ForgetConnection(
        what="delete the tokens of the connection and Cloudflare's SDK", why="nothing needs them any more"
    )


def _notes(facts: DisconnectFacts) -> Iterator[str]:
    saved = facts.saved
    if facts.refused:
        zones = ", ".join(zone.name for zone in saved.zones)
        name = tunnel_name(saved.server_id)
        yield f"Cloudflare refuses the token ({facts.refused})"
        yield f"delete there yourself: the tunnel {name}, and in {zones} the records that lead to {tunnel_target(saved.tunnel_id)}"
    else:
        deleted = ours(facts)
        left = [record.name for zone, record in facts.records if (zone, record) not in deleted]
        if left:
            yield f"kept, because they lead elsewhere: the records {', '.join(sorted(left))}"
        if facts.gone:
            where, target = ", ".join(facts.gone), tunnel_target(saved.tunnel_id)
            yield f"the token does not see {where} any more: if records there lead to {target}, delete them yourself"
        yield "delete the token itself in Cloudflare's dashboard, if nothing else uses it"
    yield "apps keep running, and are reached on this server only"
