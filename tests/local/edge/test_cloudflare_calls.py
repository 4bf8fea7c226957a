"""Each method that Cloudflare is asked by, with the SDK, over TLS, on Cloudflare's double."""

from collections.abc import Iterator

import pytest

from deployhost.edge.account import EdgeAccount, IngressRule, WantedRecord
from deployhost.edge.asking import CloudflareAccounts
from deployhost.errors import Conflict
from deployhost.model import Domain, Secret
from tests.doubles.fixtures import CloudflareAccount

RULES = (
    IngressRule(hostname="hook.example.com", path="^/webhook/[0-9a-z]+$", service="unix:/run/webhook.sock"),
    IngressRule(service="http://127.0.0.1:80"),
)
HOST = Domain("shop.example.com")
TARGET = "0000.cfargotunnel.com"
WANTED = WantedRecord(name=HOST, target=TARGET, comment="deployhost 0123456789 app shop")


@pytest.fixture
def account(cloudflare_account: CloudflareAccount) -> Iterator[EdgeAccount]:
    with CloudflareAccounts().opened(Secret(cloudflare_account.token.value)) as account:
        yield account


def test_a_tunnels_life(account: EdgeAccount, cloudflare_account: CloudflareAccount) -> None:
    where, state = cloudflare_account.account.id, cloudflare_account.double.state
    assert account.verify().status == "active"
    (zone,) = account.zones()
    assert (zone.name, zone.id, zone.account_id, zone.account_name, zone.active) == (
        "example.com", cloudflare_account.zone.id, where, "Example", True,
    )  # fmt: skip
    assert account.tunnels(where, "deployhost-0123456789") == ()
    made, token = account.create_tunnel(where, "deployhost-0123456789")
    assert token.reveal() == state.tunnels[made.id].token
    assert made.remote
    assert account.tunnel(where, made.id) == made
    assert account.tunnels(where, made.name) == (made,)
    assert account.tunnel_token(where, made.id) == token
    assert account.ingress(where, made.id) == ()
    account.put_ingress(where, made.id, RULES)
    assert account.ingress(where, made.id) == RULES
    with pytest.raises(Conflict, match="already have a tunnel"):
        account.create_tunnel(where, made.name)
    assert account.delete_tunnel(where, made.id) is True
    gone = account.tunnel(where, made.id)
    assert gone is None or gone.deleted
    assert account.tunnels(where, made.name) == ()
    assert account.tunnel(where, "00000000-0000-4000-8000-000000000000") is None
    assert account.delete_tunnel(where, "00000000-0000-4000-8000-000000000000") is False


def test_records(account: EdgeAccount, cloudflare_account: CloudflareAccount) -> None:
    state, zone = cloudflare_account.double.state, cloudflare_account.zone
    state.record(zone, "A", "www.example.com", "192.0.2.1")
    made = account.create_record(zone.id, WANTED)
    assert (made.type, made.name, made.content, made.proxied, made.comment) == (
        "CNAME",
        HOST,
        TARGET,
        True,
        WANTED.comment,
    )
    assert account.records(zone.id, name=HOST) == (made,)
    assert account.records(zone.id, comment_starts="deployhost 0123456789 ") == (made,)
    assert account.records(zone.id, comment_starts="deployhost ffffffffff ") == ()
    assert {one.name for one in account.records(zone.id)} == {HOST, "www.example.com"}
    with pytest.raises(Conflict):
        account.create_record(zone.id, WANTED)
    (foreign,) = account.records(zone.id, name=Domain("www.example.com"))
    assert foreign.comment == ""
    with pytest.raises(Conflict):
        account.replace_records(zone.id, [foreign.id], WANTED)
    assert foreign in account.records(zone.id), "both or neither"
    www = WantedRecord(name=Domain("www.example.com"), target=TARGET, comment=WANTED.comment)
    taken = account.replace_records(zone.id, [foreign.id], www)
    assert account.records(zone.id, name=Domain("www.example.com")) == (taken,)
    assert account.delete_record(zone.id, made.id) is True
    assert account.delete_record(zone.id, made.id) is False


def test_many_zones_and_records(account: EdgeAccount, cloudflare_account: CloudflareAccount) -> None:
    state = cloudflare_account.double.state
    for number in range(99):
        state.add_zone(f"zone-{number}.test", cloudflare_account.account)
    state.add_zone("bücher.test", cloudflare_account.account)
    assert len(account.zones()) == 100, "and none that is no name of ours"
    calls = [call for call in cloudflare_account.double.record.calls if call.path.endswith("/zones")]
    assert len(calls) == 3
