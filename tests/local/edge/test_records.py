"""The records of domains on Cloudflare's double, asked with the SDK: each way in which a call can fail, at each call."""

import contextlib
from collections.abc import Iterator

import pytest

from deployhost.edge import connection, records
from deployhost.edge.account import EdgeAccount
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import app_comment, tunnel_target
from deployhost.edge.zones_plan import Zone
from deployhost.errors import Conflict, ConnectionRefused, ProviderUnavailable
from deployhost.model import AppName, Domain, Secret
from deployhost.steps import Recorder, Step
from tests.doubles.cloudflare.state import ALL_SCOPES, DNS_EDIT, Json
from tests.doubles.fixtures import SDK, CloudflareAccount
from tests.doubles.serve import Fault
from tests.fakes.assembled import Assembled, Server

pytestmark = pytest.mark.usefixtures("warm_asking")
SHOP, SERVER_ID, TUNNEL = AppName("shop"), "0123456789", "11111111-1111-4111-8111-111111111111"
NEW, GIVEN, OLD, TAKEN = (Domain(f"{name}.example.com") for name in ("new", "given", "old", "taken"))


class OneProcess:
    """Opens an account in one process, whatever is opened: each takes a second to start."""

    def __init__(self) -> None:
        self.timeout = 10.0
        self._stack = contextlib.ExitStack()
        self._accounts: dict[str, EdgeAccount] = {}

    def ready(self, recorder: Recorder, *, dry_run: bool) -> contextlib.AbstractContextManager[tuple[Step, ...]]:
        return SDK.ready(recorder, dry_run=dry_run)

    @contextlib.contextmanager
    def opened(self, token: Secret) -> Iterator[EdgeAccount]:
        if token.reveal() not in self._accounts:
            opened = CloudflareAccounts(sdk=SDK, timeout=self.timeout).opened(token)
            self._accounts[token.reveal()] = self._stack.enter_context(opened)
        yield self._accounts[token.reveal()]

    def close(self) -> None:
        self._stack.close()


class Given:
    """A server whose zone has a record to create, two foreign ones to replace by one, one of ours to delete, and foreign ones."""

    def __init__(self, server: Server, account: CloudflareAccount, accounts: OneProcess) -> None:
        self.server, self.account, self.accounts = server, account, accounts
        state, zone = account.double.state, account.zone
        self.ours: Json = {"content": tunnel_target(TUNNEL), "proxied": True, "comment": app_comment(SERVER_ID, SHOP)}
        for address in ("203.0.113.7", "203.0.113.8"):
            state.record(zone, "A", GIVEN, address)
        state.record(zone, "CNAME", OLD, **self.ours)
        state.record(zone, "A", TAKEN, "203.0.113.9", comment="mine")
        state.record(zone, "MX", GIVEN, "mail.example.com")
        self.foreign = [one for one in zone.records.values() if one["name"] == TAKEN or one["type"] == "MX"]
        server.add("shop", text=f"domains: [{NEW}, {GIVEN}, {TAKEN}]")
        self.connect(account.token.value)
        self.daemon: Assembled = server.start()
        self.daemon.records.cloudflare = accounts

    def connect(self, token: str) -> None:
        connection.save(
            self.server.paths,
            CloudflareConnection(
                server_id=SERVER_ID,
                token=Secret(token),
                account_id=self.account.account.id,
                account_name="Example",
                zones=(Zone(Domain("example.com"), self.account.zone.id),),
                webhook_zone=Domain("example.com"),
                webhook_host=Domain("hook.example.com"),
                tunnel_id=TUNNEL,
            ),
        )

    def at(self, name: str) -> list[Json]:
        return [one for one in self.account.zone.records.values() if one["name"] == name and one["type"] != "MX"]

    def safe(self) -> None:
        """Nothing foreign changed, and no name has two records of ours."""
        there = list(self.account.zone.records.values())
        assert [one for one in self.foreign if one not in there] == []
        ours = [one["name"] for one in there if (one["comment"] or "").startswith("deployhost")]
        assert len(ours) == len(set(ours))

    def done(self) -> bool:
        self.safe()
        settled = all(
            [(one["type"], one["content"], one["proxied"], one["ttl"], one["comment"]) for one in self.at(name)]
            == [("CNAME", self.ours["content"], True, 1, self.ours["comment"])]
            for name in (NEW, GIVEN)
        )
        return settled and self.at(OLD) == []


@pytest.fixture
def accounts() -> Iterator[OneProcess]:
    made = OneProcess()
    yield made
    made.close()


@pytest.fixture
def given(server: Server, cloudflare_account: CloudflareAccount, accounts: OneProcess) -> Given:
    return Given(server, cloudflare_account, accounts)


RECORDS = r"/client/v4/zones/[0-9a-f]+/dns_records"
CALLS = [("GET", RECORDS), ("POST", RECORDS), ("POST", f"{RECORDS}/batch"), ("DELETE", f"{RECORDS}/[0-9a-f]+")]
FAULTS = {
    "401": {"status": 401},
    "403": {"status": 403},
    "429": {"status": 429, "retry_after": 300},
    "500": {"status": 500, "times": 2},
    "503 and done": {"status": 503, "done": True, "times": 2},
    "hang": {"hang": True},
    "hang and done": {"hang": True, "done": True},
    "dropped": {"drop": True, "times": 2},
    "dropped and done": {"drop": True, "done": True, "times": 2},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_fails_is_tried_again_and_never_done_twice(given: Given, fault: str) -> None:
    records_of, record = given.daemon.records, given.account.double.record
    given.accounts.timeout = 1.0 if "hang" in fault else 10.0
    for method, path in CALLS:
        record.fail(Fault(method, path, **FAULTS[fault]))  # type: ignore[arg-type]
    records_of.settle([GIVEN], replace=True)
    rounds = 0
    while not given.done() or rounds < len(CALLS):
        given.safe()
        given.daemon.clock.sleep(300 if fault == "429" else records.RETRY)
        records_of.follow()
        rounds += 1
        assert rounds < 3 * len(CALLS)
    record.forget()
    records_of.check()
    assert {call.method for call in record.calls} == {"GET"}, "a second run changes nothing"
    [finding] = records_of.findings()
    assert finding.fix == f"deployhost domains add shop {TAKEN} --replace"


def test_a_token_that_may_not_write(given: Given) -> None:
    """What it may not do stays wanted; with a better token it is done."""
    state, account = given.account.double.state, given.account.account
    reader = state.add_token(account, scopes=(ALL_SCOPES - {DNS_EDIT}) | {"DNS Read"})
    given.connect(reader.value)
    with pytest.raises(Conflict):
        given.daemon.records.admit(SHOP, [TAKEN])
    given.daemon.records.settle([GIVEN, NEW], replace=True)
    whys = {state.why for state in given.daemon.records.states(SHOP, [GIVEN, NEW])}
    assert len(whys) == 1
    assert "lacks the right" in whys.pop()
    given.safe()
    given.connect(given.account.token.value)
    given.daemon.records.follow()
    assert given.done()


def test_a_token_that_is_worth_nothing(given: Given) -> None:
    given.connect("x" * 40)
    assert isinstance(given.daemon.records.admit(SHOP, [NEW]), ConnectionRefused)
    given.account.double.record.fail(Fault("GET", RECORDS, hang=True))
    given.accounts.timeout = 1.0
    given.connect(given.account.token.value)
    assert isinstance(given.daemon.records.admit(SHOP, [NEW]), ProviderUnavailable)


def test_a_zone_that_is_full(given: Given) -> None:
    given.account.zone.records_allowed = len(given.account.zone.records) - 1
    given.daemon.records.settle([NEW])
    [state] = given.daemon.records.states(SHOP, [NEW])
    assert state.why.startswith("the zone has as many records as its plan at Cloudflare allows")
    given.account.zone.records_allowed = 200
    given.daemon.clock.sleep(records.RETRY)
    given.daemon.records.follow()
    assert len(given.at(NEW)) == 1
