"""When the account is looked at for new zones, which zones a connection has then, and what is said of its token."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deployhost.edge.account import FoundZone, IngressRule
from deployhost.edge.account_plan import LOOK, SOON, AccountSeen, due_for_zones, findings, with_zones
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.zones_plan import Zone
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import Domain, Secret

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CONNECTION = CloudflareConnection(
    server_id="0123456789",
    token=Secret("token"),
    account_id="a",
    account_name="Example",
    zones=(Zone(Domain("example.com"), "1"), Zone(Domain("example.org"), "2")),
    webhook_zone=Domain("example.com"),
    webhook_host=Domain("hook.example.com"),
    tunnel_id="t",
)
OLD, NEW = ((IngressRule(service=f"http://127.0.0.1:{port}"),) for port in (80, 8080))
SEEN = AccountSeen(connection=CONNECTION, at=0.0, again_at=LOOK, rules=OLD)


def zone(name: str, id_: str, account: str = "a", *, active: bool = True) -> FoundZone:
    return FoundZone(id=id_, name=Domain(name), account_id=account, account_name="", active=active)


def test_the_pauses_grow() -> None:
    """A domain without a zone is looked for at once, but not more than every few minutes, then less and less."""
    at, looks = 1000.0, []
    newest = at + 10  # just after a look
    for _ in range(8):
        due = due_for_zones(replace(SEEN, at=at), newest)
        looks.append(due - at)
        at = due
    assert looks == [SOON, SOON, 350, 700, 1400, 2800, LOOK, LOOK]
    assert due_for_zones(SEEN, None) == LOOK


def test_zones_come_and_stay() -> None:
    found = [
        zone("example.com", "1"),
        zone("example.org", "3"),
        zone("new.example", "4"),
        zone("pending.example", "5", active=False),
        zone("other.example", "6", account="b"),
    ]
    assert [(one.name, one.id) for one in with_zones(CONNECTION, found)] == [
        ("example.com", "1"),
        ("example.org", "3"),
        ("new.example", "4"),
    ]
    assert with_zones(CONNECTION, found[:1]) == CONNECTION.zones, "one that is not seen now is not given up"


@pytest.mark.parametrize(
    ("left", "said", "severity"),
    [
        (timedelta(days=22), None, ""),
        (timedelta(days=20), "expires on 2026-12-20 (in 20 days)", "warning"),
        (timedelta(days=1, hours=3), "expires on 2026-12-01 (in a day)", "warning"),
        (timedelta(hours=3), "expires on 2026-11-30 (within a day)", "warning"),
        (timedelta(hours=-3), "expired on 2026-11-30", "error"),
    ],
)
def test_a_token_that_ends(left: timedelta, said: str | None, severity: str) -> None:
    connection = replace(CONNECTION, expires_on=(NOW + left).isoformat())
    found = list(findings(connection, None, NEW, NOW.timestamp()))
    assert [(one.severity, one.fix) for one in found] == (
        [(severity, "deployhost connect cloudflare --token FILE")] if said else []
    )
    assert all(said in one.what for one in found if said)


@pytest.mark.parametrize("date", ["", "soon", "2026-12-01T00:00:00", "2026-12-01"])
def test_a_date_that_is_none_says_nothing(date: str) -> None:
    assert list(findings(replace(CONNECTION, expires_on=date), None, NEW, NOW.timestamp())) == []


def test_a_refused_token_is_told_once() -> None:
    seen = replace(SEEN, problem=ConnectionRefused("Cloudflare refuses the token: it has expired"))
    expired = replace(CONNECTION, expires_on="2026-11-01T00:00:00Z")
    [found] = findings(expired, seen, OLD, NOW.timestamp())
    assert (found.what, found.severity) == ("Cloudflare refuses the token: it has expired", "error")
    another = replace(CONNECTION, token=Secret("another"))
    assert list(findings(another, seen, OLD, NOW.timestamp())) == [], "that was another token"


def test_a_refusal_that_is_not_the_tokens() -> None:
    """As of a tunnel that somebody deleted there."""
    problem = ProviderRefused("Cloudflare refused a request (HTTP 404)", details=("Cloudflare: Tunnel not found",))
    seen = replace(SEEN, problem=problem)
    soon = replace(CONNECTION, expires_on=(NOW + timedelta(days=3)).isoformat())
    expiring, refused = findings(soon, seen, OLD, NOW.timestamp())
    assert refused.what == "the account at Cloudflare can't be looked at"
    assert refused.why == "Cloudflare refused a request (HTTP 404) (Cloudflare: Tunnel not found)"
    assert refused.fix == "deployhost connect cloudflare"
    assert "(in 3 days)" in expiring.what


@pytest.mark.parametrize(
    ("rules", "problem", "wanted", "said"),
    [
        (OLD, ProviderUnavailable("away"), NEW, "the tunnel does not lead to http://127.0.0.1:8080 yet"),
        (None, ProviderUnavailable("away"), NEW, "it is not known whether the tunnel leads to http://127.0.0.1:8080"),
        (NEW, ProviderUnavailable("away"), NEW, ""),
        (OLD, None, NEW, ""),
        (OLD, ProviderUnavailable("away"), None, ""),
    ],
)
def test_what_is_pending(
    rules: tuple[IngressRule, ...] | None,
    problem: DeployhostError | None,
    wanted: tuple[IngressRule, ...] | None,
    said: str,
) -> None:
    found = list(findings(CONNECTION, replace(SEEN, rules=rules, problem=problem), wanted, NOW.timestamp()))
    assert [one.what for one in found] == ([said] if said else [])
