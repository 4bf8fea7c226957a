"""The process that asks Cloudflare, with the SDK, over TLS, on Cloudflare's double: each method, and each way to fail."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from deployhost.edge.account import EdgeAccount, WantedRecord
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.rights import RECORDS, TUNNELS, ZONES
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import Domain, Secret
from tests.doubles.cloudflare.state import ALL_SCOPES, DNS_EDIT, TUNNEL_EDIT, ZONE_READ, Token
from tests.doubles.fixtures import SDK, CloudflareAccount
from tests.doubles.serve import Fault

pytestmark = pytest.mark.usefixtures("warm_asking")
HOST = Domain("shop.example.com")
TARGET = "0000.cfargotunnel.com"
WANTED = WantedRecord(name=HOST, target=TARGET, comment="deployhost 0123456789 app shop")
SHORT = 0.3  # seconds


class Open(Protocol):
    """Opens an account by a token; `timeout` is for one request."""

    def __call__(self, token: Token, timeout: float = 10.0) -> EdgeAccount: ...


@pytest.fixture
def opened(cloudflare_account: CloudflareAccount) -> Iterator[Open]:
    """Return what opens an account by a token."""
    contexts = []

    def open_account(token: Token, timeout: float = 10.0) -> EdgeAccount:
        context = CloudflareAccounts(sdk=SDK, timeout=timeout).opened(Secret(token.value))
        contexts.append(context)
        return context.__enter__()

    yield open_account
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture
def account(opened: Open, cloudflare_account: CloudflareAccount) -> EdgeAccount:
    return opened(cloudflare_account.token)


def test_a_token_of_an_account(opened: Open, cloudflare_account: CloudflareAccount) -> None:
    where = cloudflare_account.account
    account = opened(
        cloudflare_account.double.state.add_token(where, of_account=True, expires_on="2030-05-01T00:00:00Z")
    )
    assert account.zones()[0].account_id == where.id
    state = account.verify(where.id)
    assert (state.status, state.expires_on[:10]) == ("active", "2030-05-01")
    with pytest.raises(ConnectionRefused, match="refuses the token"):
        account.verify()


def test_tokens_that_are_worth_nothing(opened: Open, cloudflare_account: CloudflareAccount) -> None:
    state, where = cloudflare_account.double.state, cloudflare_account.account
    assert opened(state.add_token(where, status="disabled")).verify().status == "disabled"
    assert opened(state.add_token(where, expires_on="2020-01-01T00:00:00Z")).verify().status == "expired"
    for token, said in (
        (state.add_token(where, addresses=frozenset({"192.0.2.1"})), "other addresses"),
        (Token("x" * 40, ALL_SCOPES, frozenset({where.id})), "not valid"),
        (Token("cfat_" + "x" * 40, ALL_SCOPES, frozenset({where.id})), "not valid"),
        (Token("short", ALL_SCOPES, frozenset({where.id})), "not valid"),
    ):
        account = opened(token)
        for ask in (account.verify, account.zones):
            with pytest.raises(ConnectionRefused, match=said) as told:
                ask()
            assert token.value not in str(told.value.to_json())


def test_rights_that_are_missing(opened: Open, cloudflare_account: CloudflareAccount) -> None:
    state, where, zone = cloudflare_account.double.state, cloudflare_account.account, cloudflare_account.zone
    without = {
        scope: opened(state.add_token(where, scopes=ALL_SCOPES - {scope}))
        for scope in (TUNNEL_EDIT, DNS_EDIT, ZONE_READ)
    }
    with pytest.raises(ConnectionRefused, match=re.escape(str(TUNNELS))):
        without[TUNNEL_EDIT].create_tunnel(where.id, "deployhost-0123456789")
    with pytest.raises(ConnectionRefused, match=re.escape(str(RECORDS))):
        without[DNS_EDIT].create_record(zone.id, WANTED)
    with pytest.raises(ConnectionRefused, match=re.escape(str(ZONES))):
        without[ZONE_READ].zones()


FAULTS = (
    (Fault("*", ".*", status=429, retry_after=120, times=None), "120 s"),
    (Fault("*", ".*", status=500, times=None), "HTTP 500"),
    (Fault("*", ".*", status=503, times=None), "HTTP 503"),
    (Fault("*", ".*", drop=True, times=None), "can't be reached"),
    (Fault("*", ".*", status=200, body=b"<html>", times=None), "can't be understood"),
    (Fault("*", ".*", status=200, body=b"[1]", times=None), "can't be understood"),
    (Fault("*", ".*", status=200, body=b'{"success": true, "result": null}', times=None), "can't be understood"),
    (Fault("*", ".*", status=200, body=b"[" * 100_000, times=None), "can't be understood"),
    (Fault("*", ".*", status=200, body=b'{"result": {"id": [1], "status": 1, "name": 5}}', times=None), "can't be understood"),
    (Fault("*", ".*", status=503, body=b'{"success": false, "errors": 1}', times=None), "a fault of its own"),
)  # fmt: skip


def test_what_fails_on_the_way(account: EdgeAccount, opened: Open, cloudflare_account: CloudflareAccount) -> None:
    where, zone, record = cloudflare_account.account.id, cloudflare_account.zone.id, cloudflare_account.double.record

    def asked(account: EdgeAccount) -> tuple[Callable[[], object], ...]:
        return (
            account.verify,
            lambda: account.create_tunnel(where, "t"),
            lambda: account.create_record(zone, WANTED),
        )

    record.fail(Fault("*", ".*", hang=True, times=None))
    for ask in asked(opened(cloudflare_account.token, SHORT)):
        with pytest.raises(ProviderUnavailable, match="in time"):
            ask()
    record.mend()
    for fault, said in FAULTS:
        record.fail(fault)
        for ask in asked(account):
            with pytest.raises(ProviderUnavailable, match=said):
                ask()
        record.mend()
        assert account.verify().status == "active", "the process is fine"


def test_no_zone_without_an_id(account: EdgeAccount, cloudflare_account: CloudflareAccount) -> None:
    """What is no id would stand in the connection's file, which nobody could read again."""
    zone = b'{"id": [1], "name": "example.com", "status": "active", "account": {"id": "a", "name": "A"}}'
    cloudflare_account.double.record.fail(Fault("GET", ".*/zones.*", status=200, body=b'{"result": [%s]}' % zone))
    with pytest.raises(ProviderUnavailable, match="can't be understood"):
        account.zones()


def test_a_question_is_asked_again_once_and_a_change_is_not(
    account: EdgeAccount, cloudflare_account: CloudflareAccount
) -> None:
    where, double = cloudflare_account.account.id, cloudflare_account.double
    double.record.fail(Fault("GET", ".*", status=502), Fault("POST", ".*", drop=True, done=True))
    assert account.verify().status == "active"
    with pytest.raises(ProviderUnavailable):
        account.create_tunnel(where, "deployhost-0123456789")
    assert len([call for call in double.record.calls if call.method == "POST"]) == 1
    assert len(account.tunnels(where, "deployhost-0123456789")) == 1, "it was done all the same"


def test_it_waits_for_nobody_for_ever(cloudflare_account: CloudflareAccount) -> None:
    cloudflare_account.double.record.fail(Fault("*", ".*", delay=5, times=None))
    with (
        CloudflareAccounts(sdk=SDK, timeout=60, seconds=1.5).opened(Secret(cloudflare_account.token.value)) as account,
        pytest.raises(ProviderUnavailable, match="in time"),
    ):
        account.verify()


def test_whom_it_trusts(cloudflare_account: CloudflareAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.pem"
    nobody.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(nobody))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with (
        CloudflareAccounts(sdk=SDK).opened(Secret(cloudflare_account.token.value)) as account,
        pytest.raises(ProviderUnavailable, match="can't be reached") as told,
    ):
        account.verify()
    assert "certificate" in told.value.details[0].lower()
    assert cloudflare_account.double.record.calls == []


def test_a_zones_limit(account: EdgeAccount, cloudflare_account: CloudflareAccount) -> None:
    zone = cloudflare_account.zone
    zone.records_allowed = 0
    with pytest.raises(ProviderRefused, match="as many records") as told:
        account.create_record(zone.id, WANTED)
    assert isinstance(told.value, DeployhostError)
