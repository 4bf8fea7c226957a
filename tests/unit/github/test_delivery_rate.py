"""Deliveries cause few looks, whatever they name; another branch or app has a count of its own."""

from deployhost.github.delivery_rate import MOST, MOST_KEYS, PERIOD, DeliveryRate
from deployhost.model import AppName, Branch
from tests.fakes.assembled import FakeClock, Server

SHOP, BLOG, MAIN = AppName("shop"), AppName("blog"), Branch("main")


def test_so_many_within_a_period(server: Server) -> None:
    clock = FakeClock(server)
    rate = DeliveryRate(clock=clock)
    taken = 0
    for _ in range(600):
        clock.sleep(1)
        taken += rate.allows(SHOP, MAIN)
    assert taken == MOST * 600 / PERIOD
    assert rate.allows(SHOP, None)
    assert rate.allows(SHOP, Branch("other"))
    assert rate.allows(BLOG, MAIN)


def test_names_without_end_are_forgotten_again(server: Server) -> None:
    clock = FakeClock(server)
    rate = DeliveryRate(clock=clock)
    assert all(rate.allows(SHOP, Branch(f"b{number}")) for number in range(MOST_KEYS))
    assert not rate.allows(SHOP, Branch("one-more"))
    assert rate.allows(SHOP, Branch("b0"))
    clock.sleep(PERIOD + 1)
    assert rate.allows(SHOP, Branch("one-more"))
