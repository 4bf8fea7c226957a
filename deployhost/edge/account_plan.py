"""When the account at Cloudflare is looked at, what that changes here, and what is wrong with it. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from deployhost.edge.account import FoundZone, IngressRule
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.records_state import why_of
from deployhost.edge.refusals import AGAIN
from deployhost.edge.zones_plan import Zone
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderUnavailable
from deployhost.steps import Finding, Severity

LOOK = 3600.0  # seconds until an account in which all is well is looked at again
SOON = 180.0  # seconds until it is looked at for a zone of a domain that none covers
RETRY, REFUSED = 60.0, 300.0  # seconds until what failed is tried again, and what Cloudflare refused
DAY = 86400.0
EXPIRES_SOON = 21 * DAY
NEW_TOKEN = f"{AGAIN} --token FILE"
UNTIL_THEN = "what there is keeps serving, but no domain gets or loses a DNS record"


@dataclass(frozen=True, kw_only=True)
class AccountSeen:
    """The last look at an account: of which `connection` (its token, tunnel and account), when (monotonic), what was found.

    `rules` are those of the tunnel, None if they are not known. `problem` is what ended the look; it is repeated at `again_at`.
    """

    connection: CloudflareConnection
    at: float
    again_at: float
    rules: tuple[IngressRule, ...] | None = None
    problem: DeployhostError | None = None

    def is_of(self, connection: CloudflareConnection) -> bool:
        """Return whether it was a look at that account, with that token."""
        mine, other = self.connection, connection
        return (mine.token, mine.account_id, mine.tunnel_id) == (other.token, other.account_id, other.tunnel_id)


def due_for_zones(seen: AccountSeen, newest: float | None) -> float:
    """Return when to look for a zone of the domains that none covers; `newest` is since when one of them is wanted.

    Whoever wants a domain may add its zone a little later: the pauses grow with the time that has passed.
    """
    if newest is None:
        return seen.at + LOOK
    return seen.at + min(LOOK, max(SOON, seen.at - newest))


def with_zones(connection: CloudflareConnection, found: Iterable[FoundZone]) -> tuple[Zone, ...]:
    """Return the zones of a connection with those that its account has by now.

    One that is not seen any more stays: what of ours is in it has to be deleted one day, and set-up says what is wrong.
    """
    served = {one.name: one.id for one in found if one.active and one.account_id == connection.account_id}
    known = {zone.name: zone.id for zone in connection.zones}
    return tuple(sorted(Zone(name, id_) for name, id_ in {**known, **served}.items()))


def findings(
    connection: CloudflareConnection, seen: AccountSeen | None, wanted: Sequence[IngressRule] | None, now: float
) -> Iterator[Finding]:
    """Yield what is wrong; `wanted` are the rules that the tunnel is to have, None if nobody can tell; `now` is in unix seconds."""
    problem = seen.problem if seen is not None and seen.is_of(connection) else None
    if isinstance(problem, ConnectionRefused):
        yield Finding(Severity.ERROR, problem.message, UNTIL_THEN, NEW_TOKEN)
    else:
        yield from _expiry(connection.expires_on, now)
        if problem is not None and not isinstance(problem, ProviderUnavailable):
            what = "the account at Cloudflare can't be looked at"
            yield Finding(Severity.WARNING, what, why_of(problem), problem.hint or AGAIN)
    if seen is not None and problem is not None and wanted is not None and seen.rules != tuple(wanted):
        yield _pending(wanted[-1].service, problem, known=seen.rules is not None)


def _expiry(date: str, now: float) -> Iterator[Finding]:
    ends = _seconds(date)
    if ends is None or ends - now > EXPIRES_SOON:
        return
    if ends <= now:
        yield Finding(Severity.ERROR, f"the token for Cloudflare expired on {date[:10]}", UNTIL_THEN, NEW_TOKEN)
        return
    days = (ends - now) / DAY
    left = f"in {days:.0f} days" if days >= 1.5 else "in a day" if days >= 1 else "within a day"
    what = f"the token for Cloudflare expires on {date[:10]} ({left})"
    yield Finding(Severity.WARNING, what, "from then on no domain gets or loses a DNS record", NEW_TOKEN)


def _pending(where: str, problem: DeployhostError, *, known: bool) -> Finding:
    if not known:
        what = f"it is not known whether the tunnel leads to {where}"
        return Finding(Severity.WARNING, what, problem.message, problem.hint)
    why = f"{problem.message}; deployhost tries again by itself"
    return Finding(Severity.ERROR, f"the tunnel does not lead to {where} yet", why, problem.hint)


def _seconds(text: str) -> float | None:
    """Return a date of Cloudflare's in unix seconds, or None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.timestamp()
