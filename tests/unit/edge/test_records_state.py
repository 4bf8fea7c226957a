"""How it stands with domains, and what of it is a finding."""

from typing import Any

import pytest

from deployhost.edge.records_act import ZoneOutcome
from deployhost.edge.records_plan import Refusal, Server
from deployhost.edge.records_state import DomainState, Known, Standing, ZoneSeen
from deployhost.edge.records_wish import Wish
from deployhost.edge.zones_plan import Zone
from deployhost.errors import Conflict, ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import AppName, Domain
from deployhost.steps import sentence

SHOP = AppName("shop")
ZONE = Zone(Domain("example.com"), "zone-1")
SERVER = Server(id="0123456789", tunnel_id="tunnel", webhook_host=Domain("hook.example.com"), zones=(ZONE,))
WWW, OTHER, OUT = Domain("www.example.com"), Domain("b.example.com"), Domain("www.example.org")
LATE = ProviderUnavailable("Cloudflare did not answer in time", hint="deployhost connect cloudflare")
NO_ROOM = ProviderRefused("Cloudflare refused a request (HTTP 400)", details=("Cloudflare: no room", "x"))
TAKEN = Refusal(domain=WWW, what="www.example.com does not lead to shop", why="A 203.0.113.7", fix="x", error=Conflict)


def known(problem: DeployhostError | None = None, present: tuple[Domain, ...] = (), **outcome: Any) -> Known:
    seen = ZoneSeen(
        key=(),
        again_at=0.0,
        outcome=ZoneOutcome(**{"found": {}, **outcome}),
        present=frozenset(present),
        problem=problem,
    )
    return Known(server=SERVER, zones={ZONE.id: seen})


def wish(*domains: Domain) -> Wish:
    return Wish(wanted=dict.fromkeys(domains, SHOP), listed=frozenset({SHOP}), broken=frozenset(), removed=frozenset())


def standing(found: DomainState) -> tuple[Standing, str, str]:
    return found.standing, found.why, found.fix


NOT_YET = "Cloudflare has not been asked yet"


@pytest.mark.parametrize(
    ("what", "domain", "expected"),
    [
        (Known(server=None, zones={}), WWW, (Standing.ELSEWHERE, "Cloudflare is not connected", "")),
        (known(), OUT, (Standing.ELSEWHERE, "no connected zone covers it", "")),
        (Known(server=SERVER, zones={}), WWW, (Standing.WAITING, NOT_YET, "")),
        (known(), WWW, (Standing.WAITING, NOT_YET, "")),
        (known(present=(WWW,)), WWW, (Standing.PRESENT, "", "")),
        (known(LATE, present=(WWW,)), WWW, (Standing.PRESENT, "", "")),
        (known(LATE), WWW, (Standing.WAITING, LATE.message, LATE.hint)),
        (known(failed={WWW: LATE}), WWW, (Standing.WAITING, LATE.message, LATE.hint)),
        (
            known(failed={WWW: NO_ROOM}),
            WWW,
            (Standing.WAITING, "Cloudflare refused a request (HTTP 400) (Cloudflare: no room)", ""),
        ),
        (known(refused={WWW: TAKEN}), WWW, (Standing.REFUSED, f"{TAKEN.what}: {TAKEN.why}", "x")),
    ],
)
def test_one_domain(what: Known, domain: Domain, expected: tuple[Standing, str, str]) -> None:
    assert standing(what.state(SHOP, domain)) == expected


def test_what_can_have_no_record_is_known_without_a_look() -> None:
    for server in (known(), Known(server=SERVER, zones={})):
        found = server.state(SHOP, Domain("a.b.example.com"))
        assert (found.standing, found.fix) == (Standing.REFUSED, "deployhost domains remove shop a.b.example.com")


AGAIN = "deployhost tries again each minute"


@pytest.mark.parametrize(
    ("what", "wanted", "expected"),
    [
        (Known(server=None, zones={}), [WWW], []),
        (Known(server=SERVER, zones={}), [WWW, OUT], []),
        (known(present=(WWW,)), [WWW, OUT], []),
        (known(refused={WWW: TAKEN}), [WWW], ["www.example.com does not lead to shop; A 203.0.113.7: x"]),
        (
            known(failed={WWW: LATE}, present=(OTHER,)),
            [WWW, OTHER],
            [f"www.example.com has no DNS record yet; {LATE.message}; {AGAIN}: {LATE.hint}"],
        ),
        (
            known(LATE),
            [WWW, OTHER, *(Domain(f"{one}.example.com") for one in "cde")],
            [f"www.example.com, b.example.com, c.example.com and 2 more have no DNS records yet; {LATE.message}; {AGAIN}: {LATE.hint}"],
        ),
        (known(LATE, present=(WWW,)), [WWW], [f"the DNS records in example.com can't be checked; {LATE.message}: {LATE.hint}"]),
        (known(LATE), [], []),
        (
            known(failed={OTHER: ConnectionRefused("the token lacks a right", hint="x")}, found={OTHER: SHOP}),
            [],
            ["the DNS record of b.example.com, which no app uses any more, can't be deleted; the token lacks a right: x"],
        ),
    ],
)  # fmt: skip
def test_findings(what: Known, wanted: list[Domain], expected: list[str]) -> None:
    assert [sentence(one) for one in what.findings(wish(*wanted))] == expected


def test_a_domain_in_the_wrong_place_is_a_finding_without_a_look() -> None:
    [one] = Known(server=SERVER, zones={}).findings(wish(Domain("hook.example.com")))
    assert one.what == "hook.example.com is the address of this server's webhook"
