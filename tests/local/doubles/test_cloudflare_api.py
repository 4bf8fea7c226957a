"""Cloudflare's API double, asked by the SDK itself over TLS: what it does, and each refusal."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import cloudflare
import httpx
import pytest
from cloudflare import Cloudflare

from tests.doubles.cloudflare.state import ALL_SCOPES, DNS_EDIT, TUNNEL_EDIT, ZONE_READ, Token
from tests.doubles.fixtures import CloudflareAccount
from tests.doubles.serve import Fault

TARGET = "cfargotunnel.com"
RULES: list[Any] = [
    {"hostname": "hook.example.com", "path": "^/webhook/[0-9a-z]+$", "service": "unix:/run/webhook.sock"},
    {"service": "http://127.0.0.1:80"},
]
Client = Callable[[Token], Cloudflare]


@pytest.fixture
def client() -> Iterator[Client]:
    made: list[Cloudflare] = []

    def make(token: Token) -> Cloudflare:
        made.append(Cloudflare(api_token=token.value, max_retries=0, timeout=5))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def sdk(client: Client, cloudflare_account: CloudflareAccount) -> Cloudflare:
    return client(cloudflare_account.token)


def refused(ask: Callable[[], object]) -> tuple[int, int | None]:
    """Return the status and the code of a refusal."""
    with pytest.raises(cloudflare.APIStatusError) as caught:
        ask()
    return caught.value.status_code, caught.value.errors[0].code


def cname(sdk: Cloudflare, zone_id: str, name: str, content: str = f"tunnel.{TARGET}", **more: Any) -> Any:
    return sdk.dns.records.create(
        zone_id=zone_id, type="CNAME", name=name, ttl=1, content=content, proxied=True, **more
    )


class TestTokens:
    def test_a_users_token_is_verified_and_lists_its_zones_page_by_page(
        self, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        double = cloudflare_account.double
        for number in range(25):
            double.state.add_zone(f"zone-{number}.test", cloudflare_account.account)
        double.state.add_zone("foreign.test", double.state.add_account("Other"))
        verified = sdk.user.tokens.verify()
        assert verified is not None
        assert verified.status == "active"
        zones = list(sdk.zones.list())
        assert len(zones) == 26
        assert {zone.account.id for zone in zones} == {cloudflare_account.account.id}
        assert [zone.name for zone in sdk.zones.list(name="example.com")] == ["example.com"]
        assert [account.name for account in sdk.accounts.list()] == ["Example"]

    def test_an_accounts_token_is_refused_where_users_are_asked(
        self, client: Client, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        account = cloudflare_account.account
        token = cloudflare_account.double.state.add_token(account, of_account=True)
        assert token.value.startswith("cfat_")
        of_account = client(token)
        verified = of_account.accounts.tokens.verify(account_id=account.id)
        assert verified is not None
        assert verified.status == "active"
        assert refused(of_account.user.tokens.verify) == (401, 1000)
        assert refused(lambda: list(of_account.accounts.list())) == (401, 1001)
        assert [zone.account.id for zone in of_account.zones.list()] == [account.id]
        assert refused(lambda: sdk.accounts.tokens.verify(account_id=account.id)) == (401, 1000)

    def test_unknown_expired_and_bound_to_other_addresses(
        self, client: Client, cloudflare_account: CloudflareAccount
    ) -> None:
        state, account = cloudflare_account.double.state, cloudflare_account.account
        unknown = client(Token("x" * 40, ALL_SCOPES, frozenset()))
        assert refused(unknown.user.tokens.verify) == (401, 1000)
        assert refused(lambda: list(unknown.zones.list())) == (403, 9109)
        expired = client(state.add_token(account, expires_on="2026-01-01T00:00:00Z"))
        verified = expired.user.tokens.verify()
        assert verified is not None
        assert verified.status == "expired"
        assert refused(lambda: list(expired.zones.list())) == (403, 9109)
        elsewhere = client(state.add_token(account, addresses=frozenset({"192.0.2.1"})))
        assert refused(elsewhere.user.tokens.verify) == (403, 9109)
        assert refused(client(Token("short", ALL_SCOPES, frozenset())).user.tokens.verify) == (400, 6003)

    def test_whoever_asks_too_often_waits(self, sdk: Cloudflare, cloudflare_account: CloudflareAccount) -> None:
        cloudflare_account.double.state.requests_allowed = 3
        for _ in range(3):
            sdk.user.tokens.verify()
        for _ in range(2):
            with pytest.raises(cloudflare.RateLimitError) as caught:
                sdk.user.tokens.verify()
            assert caught.value.response.headers["retry-after"] == "300"

    @pytest.mark.parametrize("missing", sorted(ALL_SCOPES))
    def test_a_missing_scope_shows_at_the_call_that_needs_it(
        self, client: Client, cloudflare_account: CloudflareAccount, missing: str
    ) -> None:
        account, zone = cloudflare_account.account, cloudflare_account.zone
        sdk = client(cloudflare_account.double.state.add_token(account, scopes=ALL_SCOPES - {missing}))
        calls: dict[str, Callable[[], object]] = {
            TUNNEL_EDIT: lambda: sdk.zero_trust.tunnels.cloudflared.create(account_id=account.id, name="one"),
            DNS_EDIT: lambda: cname(sdk, zone.id, "www.example.com"),
            ZONE_READ: lambda: list(sdk.zones.list()),
        }
        assert refused(calls.pop(missing)) == (403, 0 if missing == ZONE_READ else 10000)
        for call in calls.values():
            call()

    def test_any_of_three_scopes_writes_tunnels_and_another_account_is_refused(
        self, client: Client, cloudflare_account: CloudflareAccount
    ) -> None:
        state, account = cloudflare_account.double.state, cloudflare_account.account
        sdk = client(state.add_token(account, scopes=frozenset({"Cloudflare One Connectors Write"})))
        sdk.zero_trust.tunnels.cloudflared.create(account_id=account.id, name="one")
        other = state.add_account("Other")
        assert refused(lambda: list(sdk.zero_trust.tunnels.cloudflared.list(account_id=other.id))) == (403, 10000)


class TestTunnels:
    def test_a_tunnel_from_its_creation_to_its_end(
        self, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        account = cloudflare_account.account.id
        tunnels = sdk.zero_trust.tunnels.cloudflared
        made = tunnels.create(account_id=account, name="one", config_src="cloudflare")
        assert made.id is not None
        assert (made.status, made.remote_config) == ("inactive", True)
        token = tunnels.token.get(made.id, account_id=account)
        assert made.model_extra == {"token": token}
        content = json.loads(base64.b64decode(token))
        assert (content["a"], content["t"], len(base64.b64decode(content["s"]))) == (account, made.id, 32)
        before = tunnels.configurations.get(made.id, account_id=account)
        assert before is not None
        assert before.config is None
        tunnels.configurations.update(made.id, account_id=account, config={"ingress": RULES})
        after = tunnels.configurations.get(made.id, account_id=account)
        assert after is not None
        assert after.config is not None
        assert after.config.ingress is not None
        assert after.version == 1
        assert [rule.service for rule in after.config.ingress] == [rule["service"] for rule in RULES]
        assert getattr(after.config.ingress[-1], "hostname", None) is None
        assert [one.id for one in tunnels.list(account_id=account, name="one", is_deleted=False)] == [made.id]
        assert list(tunnels.connections.get(made.id, account_id=account)) == []
        tunnels.delete(made.id, account_id=account)
        assert list(tunnels.list(account_id=account, is_deleted=False)) == []
        assert tunnels.get(made.id, account_id=account).deleted_at is not None
        assert refused(lambda: tunnels.token.get(str(made.id), account_id=account)) == (404, 1003)
        tunnels.create(account_id=account, name="one")

    def test_what_is_refused_about_tunnels(self, sdk: Cloudflare, cloudflare_account: CloudflareAccount) -> None:
        account = cloudflare_account.account.id
        tunnels = sdk.zero_trust.tunnels.cloudflared
        made = tunnels.create(account_id=account, name="one")
        assert refused(lambda: tunnels.create(account_id=account, name="one")) == (409, 1013)
        assert refused(lambda: tunnels.get("0" * 8, account_id=account)) == (404, 1003)
        bad: list[list[Any]] = [
            [],
            RULES[:1],
            [*RULES, *RULES],
            [{"hostname": "a.*.test", "service": "http://a"}, *RULES],
            [{"path": "(", "service": "http://a"}, *RULES],
            [{"service": "127.0.0.1:80"}],
            [{"service": "http://127.0.0.1/path"}],
        ]
        for rules in bad:
            ask = lambda rules=rules: tunnels.configurations.update(  # noqa: E731
                str(made.id), account_id=account, config={"ingress": rules}
            )
            assert refused(ask) == (400, 1056)

    def test_lists_may_leave_a_tunnel_out(
        self, client: Client, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        account = cloudflare_account.account
        made = sdk.zero_trust.tunnels.cloudflared.create(account_id=account.id, name="one")
        granular = client(cloudflare_account.double.state.add_token(account, listed_tunnels=frozenset()))
        assert list(granular.zero_trust.tunnels.cloudflared.list(account_id=account.id)) == []
        assert granular.zero_trust.tunnels.cloudflared.get(str(made.id), account_id=account.id).name == "one"


class TestRecords:
    def test_a_record_from_its_creation_to_its_end(
        self, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        zone = cloudflare_account.zone.id
        records = sdk.dns.records
        made = cname(sdk, zone, "WWW.example.com", comment="ours: blog")
        assert (made.name, made.proxied, made.comment) == ("www.example.com", True, "ours: blog")
        assert cname(sdk, zone, "*").name == "*.example.com"
        found = list(records.list(zone_id=zone, name={"exact": "www.example.com"}))
        assert [one.id for one in found] == [made.id]
        assert [one.id for one in records.list(zone_id=zone, comment={"startswith": "OURS"})] == [made.id]
        assert list(records.list(zone_id=zone, content={"exact": "else"})) == []
        edited = records.edit(made.id, zone_id=zone, type="CNAME", name=made.name, ttl=1, content="other.test")
        assert edited is not None
        assert (edited.content, edited.comment) == ("other.test", "ours: blog")
        replaced = records.update(made.id, zone_id=zone, type="A", name=made.name, ttl=60, content="192.0.2.1")
        assert replaced is not None
        assert (replaced.id, replaced.type, replaced.comment) == (made.id, "A", None)
        assert records.delete(made.id, zone_id=zone) is not None
        assert refused(lambda: records.delete(made.id, zone_id=zone)) == (404, 81044)

    def test_what_is_refused_about_records(self, sdk: Cloudflare, cloudflare_account: CloudflareAccount) -> None:
        zone, state = cloudflare_account.zone, cloudflare_account.double.state
        state.record(zone, "A", "a.example.com", "192.0.2.1")
        cname(sdk, zone.id, "c.example.com")
        assert refused(lambda: cname(sdk, zone.id, "a.example.com")) == (400, 81053)
        assert refused(lambda: cname(sdk, zone.id, "c.example.com", "other.test")) == (400, 81053)
        assert refused(lambda: cname(sdk, zone.id, "c.example.com")) == (400, 81057)
        address = {"zone_id": zone.id, "type": "A", "ttl": 1, "content": "192.0.2.1"}
        create: Any = sdk.dns.records.create
        assert refused(lambda: create(name="c.example.com", **address)) == (400, 81054)
        assert refused(lambda: create(name="a.example.com", **address)) == (400, 81058)
        assert refused(lambda: cname(sdk, zone.id, "d.example.com", comment="x" * 101)) == (400, 9313)
        assert refused(lambda: cname(sdk, zone.id, "d.example.com", tags=["a:b"])) == (400, 1004)
        zone.records_allowed = 2
        assert refused(lambda: cname(sdk, zone.id, "d.example.com")) == (400, 81045)
        assert len(zone.records) == 2

    def test_a_batch_does_all_of_it_or_nothing(self, sdk: Cloudflare, cloudflare_account: CloudflareAccount) -> None:
        zone = cloudflare_account.zone
        old = cname(sdk, zone.id, "old.example.com")
        new: Any = {
            "type": "CNAME",
            "name": "new.example.com",
            "ttl": 1,
            "content": f"tunnel.{TARGET}",
            "proxied": True,
        }
        batch: Any = sdk.dns.records.batch
        assert refused(lambda: batch(zone_id=zone.id, deletes=[{"id": old.id}], posts=[new, new])) == (400, 81057)
        assert [record["name"] for record in zone.records.values()] == ["old.example.com"]
        done = batch(zone_id=zone.id, deletes=[{"id": old.id}], posts=[new])
        assert [record.name for record in done.posts] == ["new.example.com"]
        assert [record["name"] for record in zone.records.values()] == ["new.example.com"]


class TestJudging:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/zones?pge=2", None),
            ("GET", "/zones/ZONE/settings", None),
            ("PUT", "/zones", None),
            ("POST", "/zones/ZONE/dns_records", {"type": "CNAME", "name": "a", "ttl": 1, "coment": "x"}),
            ("POST", "/zones/ZONE/dns_records", {"type": "CNAME", "name": "a", "ttl": 1, "proxied": "true"}),
            ("POST", "/zones/ZONE/dns_records", {"type": "CNAME", "name": "a"}),
            ("POST", "/accounts/ACCOUNT/cfd_tunnel", {"name": "a", "config_src": "remote"}),
            ("PUT", "/accounts/ACCOUNT/cfd_tunnel/1/configurations", {"config": {"ingress": [{"origin_request": {}}]}}),
        ],
    )
    def test_what_the_sdk_would_not_send_is_a_violation(
        self, cloudflare_account: CloudflareAccount, method: str, path: str, body: Any
    ) -> None:
        double = cloudflare_account.double
        url = path.replace("ZONE", cloudflare_account.zone.id).replace("ACCOUNT", cloudflare_account.account.id)
        headers = {"Authorization": f"Bearer {cloudflare_account.token.value}"}
        answer = httpx.request(method, f"{double.base_url}{url}", json=body, headers=headers)
        assert answer.status_code == 500
        assert len(double.record.violations) == 1
        double.record.forget()

    def test_faults_have_the_shape_of_the_apis_errors(
        self, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        record = cloudflare_account.double.record
        record.fail(Fault("GET", "/client/v4/zones", status=429, retry_after=5), Fault("GET", ".*", status=503))
        with pytest.raises(cloudflare.RateLimitError) as caught:
            list(sdk.zones.list())
        assert caught.value.response.headers["retry-after"] == "5"
        assert refused(sdk.user.tokens.verify) == (503, 503)
        assert len(list(sdk.zones.list())) == 1

    def test_a_record_that_was_created_before_the_connection_broke(
        self, sdk: Cloudflare, cloudflare_account: CloudflareAccount
    ) -> None:
        zone = cloudflare_account.zone
        cloudflare_account.double.record.fail(Fault("POST", ".*/dns_records", drop=True, done=True))
        with pytest.raises(cloudflare.APIConnectionError):
            cname(sdk, zone.id, "www.example.com")
        assert [record["name"] for record in zone.records.values()] == ["www.example.com"]
