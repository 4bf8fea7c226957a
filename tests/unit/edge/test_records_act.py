"""The work in one zone: it is looked at, planned and done; what changed meanwhile is looked at once more."""

from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from deployhost.edge.records_act import see_to_zone
from deployhost.edge.records_plan import RecordsFacts, Server
from deployhost.edge.zones_plan import Zone
from deployhost.errors import Conflict, ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import AppName, Domain, Secret
from tests.fakes.assembled import Server as Machine
from tests.fakes.cloudflare import TOKEN
from tests.fakes.joined import SERVER_ID, WEBHOOK, Joined

SHOP = AppName("shop")


@pytest.fixture
def joined(server: Machine) -> Joined:
    return Joined(server)


def facts(joined: Joined, *names: str, given_up: tuple[str, ...] = ()) -> RecordsFacts:
    zone = Zone(joined.zone.name, joined.zone.id)
    return RecordsFacts(
        server=Server(id=SERVER_ID, tunnel_id=joined.tunnel_id, webhook_host=WEBHOOK, zones=(zone,)),
        zone=zone,
        wanted={Domain(name): SHOP for name in names},
        records=(),
        replace=frozenset(map(Domain, given_up)),
    )


def none(_apps: Collection[AppName]) -> tuple[AppName, ...]:
    return ()


def fail(joined: Joined, *errors: tuple[str, Callable[[], BaseException]]) -> None:
    """Have calls fail, each the first time."""
    left = dict(errors)

    def fault(name: str) -> None:
        if name in left:
            error = left.pop(name)
            raise error()

    joined.cloud.fault = fault


def test_what_is_wanted_is_there(joined: Joined) -> None:
    joined.ours("old.example.com")
    joined.ours("b.example.com", target="earlier.cfargotunnel.com")
    mine = joined.foreign("c.example.com")
    with joined.cloud.opened(Secret(TOKEN)) as account:
        outcome = see_to_zone(account, facts(joined, "a.example.com", "b.example.com", "c.example.com"), none)
        assert (outcome.failed, set(outcome.refused), outcome.stopped) == ({}, {"c.example.com"}, None)
        assert outcome.found == {"a.example.com": SHOP, "b.example.com": SHOP}
        assert outcome.names_of(SHOP) == ["a.example.com", "b.example.com"]
        assert joined.leads("a.example.com")
        assert joined.leads("b.example.com")
        assert joined.cloud.all_records[joined.zone.id][mine.id] == mine
        assert joined.at("old.example.com") == []
        joined.calls()
        see_to_zone(account, facts(joined, "a.example.com", "b.example.com"), none)
    assert joined.calls() == ["records"], "one look is enough where all is well"


def test_a_record_that_somebody_made_meanwhile(joined: Joined) -> None:
    """It is looked at again, and is theirs."""

    def fault(name: str) -> None:
        if name == "create_record" and not joined.at("a.example.com"):
            joined.foreign("a.example.com")

    joined.cloud.fault = fault
    with joined.cloud.opened(Secret(TOKEN)) as account:
        outcome = see_to_zone(account, facts(joined, "a.example.com"), none)
    assert (outcome.failed, set(outcome.refused)) == ({}, {"a.example.com"})
    assert len(joined.at("a.example.com")) == 1


def test_a_record_that_somebody_deleted_meanwhile(joined: Joined) -> None:
    mine = joined.foreign("a.example.com")

    def fault(name: str) -> None:
        if name == "replace_records":
            joined.cloud.all_records[joined.zone.id].pop(mine.id, None)

    joined.cloud.fault = fault
    with joined.cloud.opened(Secret(TOKEN)) as account:
        outcome = see_to_zone(account, facts(joined, "a.example.com", given_up=("a.example.com",)), none)
    assert outcome.failed == {}
    assert joined.leads("a.example.com")


def test_a_call_whose_outcome_is_unknown_is_not_repeated(joined: Joined) -> None:
    fail(joined, ("create_record done", lambda: ProviderUnavailable("late")))
    wanted = facts(joined, "a.example.com", "b.example.com")
    with joined.cloud.opened(Secret(TOKEN)) as account:
        outcome = see_to_zone(account, wanted, none)
        assert isinstance(outcome.stopped, ProviderUnavailable)
        assert set(outcome.failed) == {"a.example.com", "b.example.com"}
        assert joined.changes() == ["create_record"], "nor is anything else asked"
        outcome = see_to_zone(account, wanted, none)
    assert outcome.failed == {}
    assert joined.changes() == ["create_record"], "the first was done"
    assert joined.leads("a.example.com")
    assert joined.leads("b.example.com")


@pytest.mark.parametrize(
    ("error", "asked", "failed"),
    [
        (ProviderRefused("no room"), 3, set()),
        (Conflict("taken"), 3, set()),
        (ConnectionRefused("no right"), 1, {"a.example.com", "b.example.com"}),
    ],
)
def test_what_one_record_fails_with(joined: Joined, error: DeployhostError, asked: int, failed: set[str]) -> None:
    """What Cloudflare says of one record is not the others', and is tried once more; a right that is missing is for all."""
    fail(joined, ("create_record", lambda: error))
    with joined.cloud.opened(Secret(TOKEN)) as account:
        outcome = see_to_zone(account, facts(joined, "a.example.com", "b.example.com"), none)
    assert set(outcome.failed) == failed
    assert joined.changes() == ["create_record"] * asked


def test_what_lasts_is_told(joined: Joined) -> None:
    def fault(name: str) -> None:
        if name == "create_record":
            raise ProviderRefused("no room")

    joined.cloud.fault = fault
    with joined.cloud.opened(Secret(TOKEN)) as account:
        outcome = see_to_zone(account, facts(joined, "a.example.com"), none)
    assert (str(outcome.failed["a.example.com"]), outcome.stopped) == ("no room", None)


def test_a_look_that_fails_is_raised(joined: Joined) -> None:
    fail(joined, ("records", lambda: ProviderUnavailable("late")))
    with joined.cloud.opened(Secret(TOKEN)) as account, pytest.raises(ProviderUnavailable):
        see_to_zone(account, facts(joined, "a.example.com"), none)


def test_who_is_unknown_is_asked_of_those_that_have_records(joined: Joined) -> None:
    joined.ours("a.example.com")
    joined.ours("b.example.com", app="blog")
    asked: list[set[AppName]] = []

    def unknown(apps: Collection[AppName]) -> Collection[AppName]:
        asked.append(set(apps))
        return {AppName("blog")}

    with joined.cloud.opened(Secret(TOKEN)) as account:
        see_to_zone(account, replace(facts(joined), wanted={}), unknown)
    assert asked == [{SHOP, "blog"}]
    assert joined.at("a.example.com") == []
    assert joined.leads("b.example.com", "blog")
