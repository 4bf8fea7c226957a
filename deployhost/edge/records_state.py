"""How it stands with the domains' records, by what was seen of the zones: per domain, and as findings. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployhost.edge.records_act import ZoneOutcome
from deployhost.edge.records_plan import Refusal, Server, impossible
from deployhost.edge.records_wish import Wish
from deployhost.edge.zones_plan import zone_of
from deployhost.errors import DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import AppName, Domain
from deployhost.steps import Finding, Severity


class Standing(StrEnum):
    """Whether a domain leads to this server by a record in a zone of the connection."""

    PRESENT = "present"
    WAITING = "waiting"  # it is tried again by itself
    REFUSED = "refused"  # only a person can end that
    ELSEWHERE = "elsewhere"  # no zone of a connection covers it: its DNS is its owner's


@dataclass(frozen=True, kw_only=True)
class DomainState:
    """How it stands with a domain, why, and the command that mends it, or ""."""

    domain: Domain
    standing: Standing
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class ZoneSeen:
    """What is known of a zone: what `key` was when it was seen to, how that went, and when (monotonic) it is to be done again.

    `present` are the domains whose record is as it is to be. `problem` is why the zone could not be looked at; the rest is older then.
    """

    key: object
    again_at: float
    outcome: ZoneOutcome
    present: frozenset[Domain] = frozenset()
    problem: DeployhostError | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known: `server` is None where Cloudflare is not connected; `zones` are those that were looked at, by id."""

    server: Server | None
    zones: Mapping[str, ZoneSeen]

    def state(self, app: AppName, domain: Domain) -> DomainState:
        """Return how it stands with a domain that an app has in apps.yml."""
        zone = None if self.server is None else zone_of(self.server.zones, domain)
        if self.server is None or zone is None:
            why = "Cloudflare is not connected" if self.server is None else "no connected zone covers it"
            return DomainState(domain=domain, standing=Standing.ELSEWHERE, why=why)
        refusal, seen = self._refusal(self.server, app, domain), self.zones.get(zone.id)
        if refusal is not None:
            why = f"{refusal.what}: {refusal.why}"
            return DomainState(domain=domain, standing=Standing.REFUSED, why=why, fix=refusal.fix)
        if seen is not None and domain in seen.present:
            return DomainState(domain=domain, standing=Standing.PRESENT)
        error = self.trouble(domain)
        if error is None:
            return DomainState(domain=domain, standing=Standing.WAITING, why="Cloudflare has not been asked yet")
        return DomainState(domain=domain, standing=Standing.WAITING, why=why_of(error), fix=error.hint)

    def trouble(self, domain: Domain) -> DeployhostError | None:
        """Return what went wrong with a domain's record or its whole zone the last time, or None."""
        zone = None if self.server is None else zone_of(self.server.zones, domain)
        seen = None if zone is None else self.zones.get(zone.id)
        return None if seen is None else seen.outcome.failed.get(domain) or seen.problem

    def findings(self, wish: Wish) -> Iterator[Finding]:
        """Yield what is wrong."""
        if self.server is None:
            return
        waiting: dict[tuple[str, str, str], list[Domain]] = {}
        for domain, app in wish.wanted.items():
            zone, state = zone_of(self.server.zones, domain), self.state(app, domain)
            refusal = self._refusal(self.server, app, domain)
            if refusal is not None:
                yield refusal.finding()
            elif state.standing is Standing.WAITING and zone is not None and zone.id in self.zones:
                again = "after that" if pause_of(self.trouble(domain)) else "each minute"
                waiting.setdefault((state.why, state.fix, again), []).append(domain)
        for (why, fix, again), domains in waiting.items():
            what = f"{_listed(domains)} {'has no DNS record' if len(domains) == 1 else 'have no DNS records'} yet"
            yield Finding(Severity.ERROR, what, f"{why}; deployhost tries again {again}", fix)
        yield from self._of_zones(self.server, wish)

    def _of_zones(self, server: Server, wish: Wish) -> Iterator[Finding]:
        wanted = {str(domain) for domain in wish.wanted}
        for zone in server.zones:
            seen = self.zones.get(zone.id)
            if seen is None:
                continue
            for name in sorted(set(seen.outcome.failed) - wanted):
                error = seen.outcome.failed[name]
                what = f"the DNS record of {name}, which no app uses any more, can't be deleted"
                yield Finding(Severity.WARNING, what, why_of(error), error.hint)
            if seen.problem is not None and (seen.present or seen.outcome.found):
                what = f"the DNS records in {zone.name} can't be checked"
                yield Finding(Severity.WARNING, what, why_of(seen.problem), seen.problem.hint)

    def _refusal(self, server: Server, app: AppName, domain: Domain) -> Refusal | None:
        zone = zone_of(server.zones, domain)
        seen = None if zone is None else self.zones.get(zone.id)
        return impossible(server, domain, app) or (None if seen is None else seen.outcome.refused.get(domain))


def why_of(error: DeployhostError) -> str:
    """Return an error in one line, with what Cloudflare said where the message is about any refusal."""
    said = error.details[0] if isinstance(error, ProviderRefused) and error.details else ""
    return f"{error.message} ({said})" if said else error.message


def pause_of(error: DeployhostError | None) -> float:
    """Return for how many seconds Cloudflare is to be left alone after an error."""
    return error.retry_after if isinstance(error, ProviderUnavailable) else 0.0


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
