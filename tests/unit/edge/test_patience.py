"""After too many requests Cloudflare is left alone for as long as it asks for."""

import pytest

from deployhost.edge.patience import PatientAccounts
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderUnavailable
from deployhost.model import Secret
from tests.fakes.assembled import FakeClock, Server
from tests.fakes.cloudflare import TOKEN, FakeCloudflare, FakeToken


def ask(accounts: PatientAccounts, token: str = TOKEN) -> None:
    with accounts.opened(Secret(token)) as account:
        account.zones()


def test_a_pause_is_kept(server: Server) -> None:
    """And it is a token's own: another account has limits of its own."""
    cloud, clock = FakeCloudflare(), FakeClock(server)
    cloud.tokens["another"] = FakeToken()
    accounts = PatientAccounts(accounts=cloud, clock=clock)

    def refuse(_name: str) -> None:
        raise ProviderUnavailable("too many", retry_after=120)

    cloud.fault = refuse
    with pytest.raises(ProviderUnavailable):
        ask(accounts)
    cloud.fault = lambda _name: None
    cloud.calls.clear()
    clock.sleep(119)
    with pytest.raises(ProviderUnavailable, match="for 1 s") as told:
        ask(accounts)
    assert (told.value.retry_after, cloud.calls) == (1, [])
    ask(accounts, "another")
    clock.sleep(1)
    ask(accounts)
    assert cloud.calls == ["zones", "zones"]


@pytest.mark.parametrize("error", [ProviderUnavailable("late"), ConnectionRefused("no")])
def test_nothing_else_is_a_pause(server: Server, error: DeployhostError) -> None:
    cloud = FakeCloudflare()
    accounts = PatientAccounts(accounts=cloud, clock=FakeClock(server))

    def fail(_name: str) -> None:
        raise error

    cloud.fault = fail
    for _ in range(2):
        with pytest.raises(type(error)):
            ask(accounts)
    assert cloud.calls == ["zones", "zones"]
