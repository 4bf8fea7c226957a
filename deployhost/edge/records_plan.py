"""Which records the domains of apps.yml need in the zones of the connection, and which records of ours are not needed. Pure.

A record is touched only if its comment says that it is this server's and it leads to a tunnel, or if a person asked by name for
the domain's records to be replaced. One is deleted only if it leads to this server's tunnel and its app's wish is known.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from deployhost.edge.account import DnsRecord, WantedRecord
from deployhost.edge.ownership import app_comment, app_of, is_ours, tunnel_target
from deployhost.edge.zones_plan import Zone, too_deep, zone_of
from deployhost.errors import Conflict, DeployhostError, InvalidRequest
from deployhost.model import AppName, Domain
from deployhost.steps import Finding, Severity, Step

ADDRESSES = ("A", "AAAA", "CNAME")  # a name has a CNAME alone, or any number of the other two
TUNNELS = tunnel_target("")  # how the target of any tunnel ends


class CreateDomainRecord(Step):
    """Create a domain's record, where its name has none."""

    zone_id: str
    domain: Domain
    record: WantedRecord


class ReplaceDomainRecords(Step):
    """Put a domain's record in the place of others: ours that are not as they should be, or those that a person gave up."""

    zone_id: str
    domain: Domain
    record: WantedRecord
    old: tuple[str, ...]


class DeleteDomainRecord(Step):
    """Delete a record of ours that no app wants any more."""

    zone_id: str
    name: str
    record_id: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """What this server has at Cloudflare: its id in comments, its tunnel, the webhook's host, the zones that the token sees."""

    id: str
    tunnel_id: str
    webhook_host: Domain
    zones: tuple[Zone, ...]


@dataclass(frozen=True, kw_only=True)
class RecordsFacts:
    """A zone as it is: `records` are all with a comment of ours, and all of the names in `wanted`.

    `wanted` are the zone's domains in apps.yml, `unknown` the apps of which nobody can tell which domains they want. `replace`
    are domains whose other records a person gave up, `unread` the text of apps.yml as far as that can't be read.
    """

    server: Server
    zone: Zone
    wanted: Mapping[Domain, AppName]
    records: Collection[DnsRecord]
    unknown: Collection[AppName] = ()
    replace: Collection[Domain] = ()
    unread: str = ""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a domain gets no record: `what` is wrong, `why` that is so, and the command that ends it."""

    domain: Domain
    what: str
    why: str
    fix: str
    error: type[DeployhostError]
    severity: Severity = Severity.ERROR

    def finding(self) -> Finding:
        """Return it as what `status` shows of apps.yml."""
        return Finding(self.severity, self.what, self.why, self.fix)

    def raised(self, hint: str = "") -> DeployhostError:
        """Return it as the error of a command."""
        return self.error(f"{self.what}: {self.why}", hint=hint)


@dataclass(frozen=True, kw_only=True)
class RecordsPlan:
    """What is to be done in a zone, and the domains that get no record there."""

    steps: tuple[Step, ...] = ()
    refused: Mapping[Domain, Refusal] = field(default_factory=dict)


def plan_records(facts: RecordsFacts) -> RecordsPlan:
    """Return the steps that a zone needs. Where they have been carried out, a second plan has none."""
    steps: list[Step] = []
    refused: dict[Domain, Refusal] = {}
    for domain, app in facts.wanted.items():
        found = impossible(facts.server, domain, app) or _of_domain(facts, domain, app)
        if isinstance(found, Refusal):
            refused[domain] = found
        elif found is not None:
            steps.append(found)
    return RecordsPlan(steps=(*_deletions(facts), *steps), refused=refused)


def impossible(server: Server, domain: Domain, app: AppName) -> Refusal | None:
    """Return why a domain can have no record, whatever its zone holds, or None. A domain outside the zones is nobody's business here."""
    zone = zone_of(server.zones, domain)
    if zone is None:
        return None
    remove = f"deployhost domains remove {app} {domain}"
    if domain == server.webhook_host:
        why = "GitHub's deliveries arrive there"
        what = f"{domain} is the address of this server's webhook"
        return Refusal(domain=domain, what=what, why=why, fix=remove, error=Conflict)
    if too_deep(zone, domain):
        why = f"Cloudflare's certificates cover {zone.name} and one level below it"
        what = f"no certificate covers {domain}"
        return Refusal(domain=domain, what=what, why=why, fix=remove, error=InvalidRequest)
    return None


def foreign(server: Server, domain: Domain, app: AppName, records: Iterable[DnsRecord]) -> Refusal | None:
    """Return why a domain can't have a record beside those that are there, or None if it can have one, or has it."""
    rivals = addresses(domain, records)
    if all(_is_ours(server, one) for one in rivals) or any(_leads_here(server, one) for one in rivals):
        return None
    others = [one for one in rivals if not _is_ours(server, one)]
    why = ", ".join(_shown(one) for one in others[:3])
    what = f"{domain} has a DNS record that deployhost did not make"
    fix = f"deployhost domains add {app} {domain} --replace"
    # Perhaps it leads here by a way of its owner's.
    return Refusal(domain=domain, what=what, why=why, fix=fix, error=Conflict, severity=Severity.WARNING)


def addresses(domain: Domain, records: Iterable[DnsRecord]) -> list[DnsRecord]:
    """Return the records that say where a name leads to: no other CNAME can stand beside them."""
    return [one for one in records if one.type in ADDRESSES and _name(one) == domain]


def ours(server: Server, records: Iterable[DnsRecord]) -> dict[str, AppName]:
    """Return the apps that records of this server name, by the records' names."""
    found = ((_name(one), app_of(one.comment, server.id)) for one in records if _is_ours(server, one))
    return {name: app for name, app in found if app is not None}


def _of_domain(facts: RecordsFacts, domain: Domain, app: AppName) -> Step | Refusal | None:
    server, zone_id = facts.server, facts.zone.id
    rivals = addresses(domain, facts.records)
    comment = app_comment(server.id, app)
    record = WantedRecord(name=domain, target=tunnel_target(server.tunnel_id), comment=comment)
    what = f"lead {domain} to {app}"
    if not rivals:
        return CreateDomainRecord(
            what=what, why="the zone has no record of that name", zone_id=zone_id, domain=domain, record=record
        )
    if any(_leads_here(server, one) and (one.comment == comment or not _is_ours(server, one)) for one in rivals):
        return None  # as it is to be, or made by hand: then it is its maker's
    old = tuple(one.id for one in rivals)
    if all(_is_ours(server, one) for one in rivals):
        why = "its record is of an earlier tunnel or app"
    elif domain in facts.replace:
        why = f"--replace was given; it replaces {', '.join(_shown(one) for one in rivals)}"
    else:
        return foreign(server, domain, app, rivals)
    return ReplaceDomainRecords(what=what, why=why, zone_id=zone_id, domain=domain, record=record, old=old)


def _deletions(facts: RecordsFacts) -> Iterator[Step]:
    server = facts.server
    wanted, kept = {str(domain) for domain in facts.wanted}, {str(server.webhook_host)}
    for one in facts.records:
        app, name = app_of(one.comment, server.id), _name(one)
        if app is None or app in facts.unknown or name in wanted | kept or name in facts.unread:
            continue
        if one.type == "CNAME" and _target(one) == tunnel_target(server.tunnel_id):
            what = f"delete the record of {name}"
            why = f"{app} does not have that domain any more"
            yield DeleteDomainRecord(what=what, why=why, zone_id=facts.zone.id, name=name, record_id=one.id)


def _is_ours(server: Server, record: DnsRecord) -> bool:
    """Return whether a record is this server's: its comment says so, and nobody has led it elsewhere."""
    return record.type == "CNAME" and is_ours(record.comment, server.id) and _target(record).endswith(TUNNELS)


def _leads_here(server: Server, record: DnsRecord) -> bool:
    """Return whether requests to a record's name come through the tunnel, whoever made it. Without Cloudflare's proxy none do."""
    return record.type == "CNAME" and _target(record) == tunnel_target(server.tunnel_id) and record.proxied


def _name(record: DnsRecord) -> str:
    return record.name.lower().rstrip(".")


def _target(record: DnsRecord) -> str:
    return record.content.lower().rstrip(".")


def _shown(record: DnsRecord) -> str:
    return f"{record.type} {record.content[:80]}"
