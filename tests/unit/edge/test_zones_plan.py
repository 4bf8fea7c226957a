"""Which zone a domain belongs to: the longest name, whole labels only."""

import pytest

from deployhost.edge.zones_plan import Zone, default_webhook_host, domain_or_none, too_deep, zone_of
from deployhost.model import Domain

COM, SHOP = Zone(Domain("example.com"), "1"), Zone(Domain("shop.example.com"), "2")


@pytest.mark.parametrize(
    ("domain", "zone"),
    [
        ("example.com", COM),
        ("www.example.com", COM),
        ("a.b.example.com", COM),
        ("shop.example.com", SHOP),
        ("www.shop.example.com", SHOP),
        ("myshop.example.com", COM),
        ("notexample.com", None),
        ("example.com.au", None),
        ("example.org", None),
    ],
)
def test_the_longest_name_wins(domain: str, zone: Zone | None) -> None:
    assert zone_of((COM, SHOP), Domain(domain)) == zone
    assert zone_of((SHOP, COM), Domain(domain)) == zone
    assert zone_of((), Domain(domain)) is None


def test_certificates_cover_one_level() -> None:
    assert not too_deep(COM, Domain("example.com"))
    assert not too_deep(COM, Domain("www.example.com"))
    assert too_deep(COM, Domain("a.b.example.com"))
    assert not too_deep(SHOP, Domain("a.shop.example.com"))


def test_the_webhooks_host() -> None:
    host = default_webhook_host("0123456789", COM)
    assert host == "deployhost-0123456789.example.com"
    assert zone_of((COM,), host) == COM
    assert not too_deep(COM, host)


def test_what_is_no_domain() -> None:
    assert domain_or_none("example.com") == Domain("example.com")
    assert domain_or_none("exämple.com") is None
