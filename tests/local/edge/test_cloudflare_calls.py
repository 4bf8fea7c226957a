"""Each method of an account at Cloudflare: with the SDK, over TLS, on Cloudflare's double; and the fake of unit tests does the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from deployhost.edge.account import EdgeAccount, IngressRule, WantedRecord
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.cloudflare_calls import READS
from deployhost.errors import Conflict, ProviderRefused, ProviderUnavailable
from deployhost.model import Domain, Secret
from tests.doubles.fixtures import SDK, CloudflareAccount
from tests.doubles.serve import Fault
from tests.fakes.cloudflare import ACCOUNT, TOKEN, FakeCloudflare

pytestmark = pytest.mark.usefixtures("warm_asking")
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


@pytest.mark.parametrize(("zones", "at_once"), [(0, 50), (50, 50), (120, 50), (45, 20), (40, 20)])
def test_a_list_is_whole_however_little_cloudflare_gives_at_once(zones: int, at_once: int) -> None:
    def page(number: int) -> SimpleNamespace:
        shown = range(zones)[number * at_once : (number + 1) * at_once]
        account = SimpleNamespace(id="a", name="")
        found = [
            SimpleNamespace(id=str(one), name=f"z{one}.example", account=account, status="active") for one in shown
        ]
        info = SimpleNamespace(per_page=at_once)
        return SimpleNamespace(result=found, result_info=info, get_next_page=lambda: page(number + 1))

    client = SimpleNamespace(zones=SimpleNamespace(list=lambda per_page: page(0)))
    assert [one["id"] for one in READS["zones"](client, {})] == [str(one) for one in range(zones)]


def test_a_fault_in_the_middle_of_a_list(cloudflare_account: CloudflareAccount) -> None:
    """A list is whole, or it is none: once more from its beginning, then an error."""
    double = cloudflare_account.double
    for number in range(60):
        double.state.add_zone(f"z{number}.example", cloudflare_account.account)
    for times in (1, 2):
        double.record.fail(Fault("GET", "/client/v4/zones", status=500, skip=1, times=times))
        double.record.fail(Fault("GET", "/client/v4/zones", status=500, skip=2 if times == 2 else 9, times=1))
        with CloudflareAccounts(sdk=SDK).opened(Secret(cloudflare_account.token.value)) as account:
            if times == 1:
                assert len({zone.id for zone in account.zones()}) == len(account.zones()) == 61
            else:
                with pytest.raises(ProviderUnavailable):
                    account.zones()
        double.record.mend()
