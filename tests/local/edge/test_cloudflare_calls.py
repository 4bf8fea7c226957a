"""Each method of an account at Cloudflare: with the SDK, over TLS, on Cloudflare's double; and the fake of unit tests does the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from deployhost.edge.account import EdgeAccount, IngressRule, WantedRecord
from deployhost.edge.asking import CloudflareAccounts
from deployhost.errors import Conflict, ProviderRefused
from deployhost.model import Domain, Secret
from tests.doubles.fixtures import SDK, CloudflareAccount
from tests.fakes.cloudflare import ACCOUNT, TOKEN, FakeCloudflare

RULES = (
    IngressRule(hostname="hook.example.com", path="^/webhook/[0-9a-z]+$", service="unix:/run/webhook.sock"),
    IngressRule(service="http://127.0.0.1:80"),
)
HOST, WWW = Domain("shop.example.com"), Domain("www.example.com")
TARGET = "0000.cfargotunnel.com"
WANTED = WantedRecord(name=HOST, target=TARGET, comment="deployhost 0123456789 app shop")
NOBODYS = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Where:
    """An open account, its id, that of its zone example.com, and what adds somebody's A record there."""

    account: EdgeAccount
    id: str
    zone: str
    add: Callable[[str], object]


@pytest.fixture(params=["double", "fake"])
def where(request: pytest.FixtureRequest) -> Iterator[Where]:
    if request.param == "fake":
        cloud = FakeCloudflare()
        zone = cloud.zone("example.com")
        with cloud.opened(Secret(TOKEN)) as account:
            yield Where(account, ACCOUNT, zone.id, lambda name: cloud.record(zone.id, name, "192.0.2.1", kind="A"))
        return
    made: CloudflareAccount = request.getfixturevalue("cloudflare_account")
    with CloudflareAccounts(sdk=SDK).opened(Secret(made.token.value)) as account:
        state = made.double.state
        yield Where(
            account, made.account.id, made.zone.id, lambda name: state.record(made.zone, "A", name, "192.0.2.1")
        )


def test_a_tunnels_life(where: Where) -> None:
    account = where.account
    assert account.verify().status == "active"
    (zone,) = account.zones()
    assert (zone.name, zone.id, zone.account_id, zone.active) == ("example.com", where.zone, where.id, True)
    assert account.tunnels(where.id, "deployhost-0123456789") == ()
    made, token = account.create_tunnel(where.id, "deployhost-0123456789")
    assert token.reveal()
    assert made.remote
    assert account.tunnel(where.id, made.id) == made
    assert account.tunnels(where.id, made.name) == (made,)
    assert account.tunnel_token(where.id, made.id) == token
    assert account.ingress(where.id, made.id) == ()
    account.put_ingress(where.id, made.id, RULES)
    assert account.ingress(where.id, made.id) == RULES
    with pytest.raises(Conflict, match="already have a tunnel"):
        account.create_tunnel(where.id, made.name)
    assert account.delete_tunnel(where.id, made.id) is True
    gone = account.tunnel(where.id, made.id)
    assert gone is None or gone.deleted
    assert account.tunnels(where.id, made.name) == ()
    assert account.tunnel(where.id, NOBODYS) is None
    assert account.delete_tunnel(where.id, NOBODYS) is False
    again, _ = account.create_tunnel(where.id, made.name)
    assert again.id != made.id


def test_records(where: Where) -> None:
    account, zone = where.account, where.zone
    where.add(WWW)
    made = account.create_record(zone, WANTED)
    assert (made.type, made.name, made.content, made.proxied, made.comment) == (
        "CNAME",
        HOST,
        TARGET,
        True,
        WANTED.comment,
    )
    assert account.records(zone, name=HOST) == (made,)
    assert account.records(zone, comment_starts="deployhost 0123456789 ") == (made,)
    assert account.records(zone, comment_starts="deployhost ffffffffff ") == ()
    assert {one.name for one in account.records(zone)} == {HOST, WWW}
    with pytest.raises(Conflict):
        account.create_record(zone, WANTED)
    (foreign,) = account.records(zone, name=WWW)
    assert (foreign.type, foreign.content, foreign.comment) == ("A", "192.0.2.1", "")
    with pytest.raises(Conflict):
        account.replace_records(zone, [foreign.id], WANTED)
    assert foreign in account.records(zone), "both or neither"
    taken = account.replace_records(zone, [foreign.id], WantedRecord(name=WWW, target=TARGET, comment=WANTED.comment))
    assert account.records(zone, name=WWW) == (taken,)
    assert account.delete_record(zone, made.id) is True
    assert account.delete_record(zone, made.id) is False
    with pytest.raises(ProviderRefused):
        account.replace_records(zone, [made.id], WANTED)
    assert account.records(zone, name=HOST) == ()


def test_many_zones(cloudflare_account: CloudflareAccount) -> None:
    state = cloudflare_account.double.state
    for number in range(99):
        state.add_zone(f"zone-{number}.test", cloudflare_account.account)
    state.add_zone("bücher.test", cloudflare_account.account)
    with CloudflareAccounts(sdk=SDK).opened(Secret(cloudflare_account.token.value)) as account:
        assert len(account.zones()) == 100, "and none that is no name of ours"
    calls = [call for call in cloudflare_account.double.record.calls if call.path.endswith("/zones")]
    assert len(calls) == 3
