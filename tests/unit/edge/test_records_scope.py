"""A domain belongs to the zone with the longest name, and a zone is looked at again when something about it has changed."""

from dataclasses import replace

from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.records_scope import given_up_of, key_of, of_zone, server_of, share_of
from deployhost.edge.records_wish import Wish
from deployhost.edge.zones_plan import Zone
from deployhost.journal.given_up import GivenUpDomain
from deployhost.model import AppName, Domain, Secret

SHOP, BLOG = AppName("shop"), AppName("blog")
OUTER, INNER = Zone(Domain("example.com"), "1"), Zone(Domain("sub.example.com"), "2")
A, B, ELSEWHERE = Domain("a.example.com"), Domain("b.sub.example.com"), Domain("a.example.org")
CONNECTION = CloudflareConnection(
    server_id="0123456789",
    token=Secret("token"),
    account_id="a",
    account_name="Example",
    zones=(OUTER, INNER),
    webhook_zone=OUTER.name,
    webhook_host=Domain("hook.example.com"),
    tunnel_id="t",
)
NONE: frozenset[AppName] = frozenset()
WISH = Wish(wanted={A: SHOP, B: BLOG, ELSEWHERE: SHOP}, listed=frozenset({SHOP, BLOG}), broken=NONE, removed=NONE)


def test_which_domains_belong_to_which_zone() -> None:
    assert of_zone(CONNECTION, OUTER, WISH) == {A: SHOP}
    assert of_zone(CONNECTION, INNER, WISH) == {B: BLOG}
    given = given_up_of(CONNECTION, WISH, [B, A, ELSEWHERE, Domain("c.example.com")])
    assert given == [GivenUpDomain(B, BLOG, "2"), GivenUpDomain(A, SHOP, "1")]
    assert server_of(CONNECTION).zones == CONNECTION.zones


def test_what_has_a_zone_looked_at_again() -> None:
    def key(connection: CloudflareConnection = CONNECTION, wish: Wish = WISH, app: AppName = SHOP) -> object:
        return key_of(connection, OUTER, wish, {A: app})

    assert key() == key(wish=replace(WISH, wanted={A: SHOP})), "the domains of another zone"
    assert key() != key(wish=replace(WISH, wanted={A: BLOG}))
    assert key() != key(wish=replace(WISH, listed=frozenset({BLOG}))), "nobody knows any more what its app wants"
    assert key() != key(replace(CONNECTION, tunnel_id="another"))


def test_servers_and_zones_differ() -> None:
    shares = {share_of(replace(CONNECTION, server_id=f"{n:010}"), zone) for n in range(5) for zone in (OUTER, INNER)}
    assert len(shares) == 10
    assert all(0 <= share < 1 for share in shares)
