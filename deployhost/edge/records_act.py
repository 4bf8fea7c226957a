"""Has the records of one zone as they are wanted: read, plan, act."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from deployhost.edge.account import DnsRecord, EdgeAccount
from deployhost.edge.ownership import comment_start
from deployhost.edge.records_plan import (
    CreateDomainRecord,
    DeleteDomainRecord,
    RecordsFacts,
    RecordsPlan,
    Refusal,
    ReplaceDomainRecords,
    ours,
    plan_records,
)
from deployhost.edge.zones_plan import domain_or_none
from deployhost.errors import Conflict, DeployhostError, ProviderRefused
from deployhost.model import AppName, Domain
from deployhost.steps import Acts, carry_out

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ZoneOutcome:
    """How it went in a zone: records of ours by name, domains that get none, names whose record could not be seen to.

    `stopped` is the error after which Cloudflare was not asked any more.
    """

    found: Mapping[str, AppName]
    refused: Mapping[Domain, Refusal] = field(default_factory=dict)
    failed: Mapping[str, DeployhostError] = field(default_factory=dict)
    stopped: DeployhostError | None = None

    def names_of(self, app: AppName) -> list[Domain]:
        """Return the names of an app's records."""
        names = (domain_or_none(name) for name, whose in self.found.items() if whose == app)
        return sorted(name for name in names if name is not None)


def see_to_zone(
    account: EdgeAccount, facts: RecordsFacts, unknown: Callable[[Collection[AppName]], Collection[AppName]]
) -> ZoneOutcome:
    """Have a zone as the facts want it, whatever records they have, and return how that went.

    What changed between the look and the act is looked at once more. A call whose outcome is unknown ends the work: the next
    run begins with a look. Raise what the look raises.
    """
    outcome, stale = _seen_to(account, facts, unknown)
    return _seen_to(account, facts, unknown)[0] if stale else outcome


def _seen_to(
    account: EdgeAccount, facts: RecordsFacts, unknown: Callable[[Collection[AppName]], Collection[AppName]]
) -> tuple[ZoneOutcome, bool]:
    records = _read(account, facts)
    found = ours(facts.server, records)
    facts = replace(facts, records=records, unknown=unknown(set(found.values())))
    return _carried_out(account, facts, plan_records(facts), found)


def _read(account: EdgeAccount, facts: RecordsFacts) -> Collection[DnsRecord]:
    """Return the records of ours in a zone, and all of each wanted name that has none of ours."""
    records = {one.id: one for one in account.records(facts.zone.id, comment_starts=comment_start(facts.server.id))}
    there = ours(facts.server, records.values())
    for domain in facts.wanted:
        if domain not in there:
            records.update((one.id, one) for one in account.records(facts.zone.id, name=domain))
    return records.values()


def _carried_out(
    account: EdgeAccount, facts: RecordsFacts, plan: RecordsPlan, found: dict[str, AppName]
) -> tuple[ZoneOutcome, bool]:
    """Return how it went, and whether the zone was not any more as it had been seen."""
    acts, stale = _acts(account), False
    failed: dict[str, DeployhostError] = {}
    stopped: DeployhostError | None = None
    for step in plan.steps:
        name = step.name if isinstance(step, DeleteDomainRecord) else getattr(step, "domain", "")
        if stopped is not None:
            failed[name] = stopped
            continue
        try:
            carry_out(step, acts)
        except (Conflict, ProviderRefused) as error:
            failed[name], stale = error, True
        except DeployhostError as error:
            failed[name] = stopped = error
        else:
            log.info("%s: %s", step.what, step.why)
            found.pop(name, None)
            if not isinstance(step, DeleteDomainRecord):
                found[name] = facts.wanted[Domain(name)]
    return ZoneOutcome(found=found, refused=plan.refused, failed=failed, stopped=stopped), stale and stopped is None


def _acts(account: EdgeAccount) -> Acts:
    def create(step: CreateDomainRecord) -> None:
        account.create_record(step.zone_id, step.record)

    def put_in_place(step: ReplaceDomainRecords) -> None:
        account.replace_records(step.zone_id, step.old, step.record)

    def delete(step: DeleteDomainRecord) -> None:
        account.delete_record(step.zone_id, step.record_id)

    return {CreateDomainRecord: create, ReplaceDomainRecords: put_in_place, DeleteDomainRecord: delete}
