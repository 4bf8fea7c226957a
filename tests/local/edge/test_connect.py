"""Joining a server to Cloudflare's double by the SDK's own process: answers that are lost, and refusals, on the wire."""

from pathlib import Path

import pytest

from deployhost.edge import connection
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.edge.ownership import tunnel_target
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderUnavailable
from deployhost.model import Secret
from deployhost.paths import Paths
from tests.doubles.cloudflare.state import ALL_SCOPES, DNS_EDIT, TUNNEL_EDIT, ZONE_READ
from tests.doubles.fixtures import SDK, CloudflareAccount
from tests.doubles.serve import Fault
from tests.unit.edge.test_connect import Recording

pytestmark = pytest.mark.usefixtures("warm_asking")
TUNNELS, CONFIG, RECORDS = r".*/cfd_tunnel", r".*/configurations", r".*/dns_records"


def connect(paths: Paths, token: str) -> list[str]:
    recording = Recording()
    work = Connecting(paths=paths, accounts=CloudflareAccounts(sdk=SDK, timeout=1))
    work.run(EdgeRequest(token=Secret(token)), recording)
    return recording.words


def joined(paths: Paths, account: CloudflareAccount) -> None:
    """Check that there is one tunnel and one record, and that the files fit them."""
    saved = connection.load(paths)
    assert saved is not None
    (tunnel,) = account.double.state.tunnels.values()
    assert (tunnel.id, tunnel.deleted_at) == (saved.tunnel_id, None)
    assert connection.tunnel_token(paths) == Secret(tunnel.token)
    assert tunnel.config is not None
    assert [rule["service"] for rule in tunnel.config["ingress"]] == [
        f"unix:{paths.webhook_socket}",
        "http://127.0.0.1:80",
    ]
    records = [one for one in account.zone.records.values() if one["comment"]]
    assert [(one["name"], one["content"], one["proxied"]) for one in records] == [
        (saved.webhook_host, tunnel_target(tunnel.id), True)
    ]
    assert len(account.zone.records) == 2


@pytest.fixture
def foreign(cloudflare_account: CloudflareAccount) -> None:
    cloudflare_account.double.state.record(cloudflare_account.zone, "A", "www.example.com", "192.0.2.1")


@pytest.mark.usefixtures("foreign")
def test_answers_that_are_lost(cloudflare_account: CloudflareAccount, tmp_path: Path) -> None:
    """Each change was made, nobody was told of it, and the next run finds it."""
    paths, token, record = Paths(tmp_path), cloudflare_account.token.value, cloudflare_account.double.record
    for method, path in (("POST", TUNNELS), ("PUT", CONFIG), ("POST", RECORDS)):
        record.fail(Fault(method, path, drop=True, done=True))
        with pytest.raises(ProviderUnavailable):
            connect(paths, token)
        record.mend()
    connect(paths, token)
    joined(paths, cloudflare_account)
    assert connect(paths, token) == []


@pytest.mark.usefixtures("foreign")
def test_changes_that_are_refused(cloudflare_account: CloudflareAccount, tmp_path: Path) -> None:
    paths, token, record = Paths(tmp_path), cloudflare_account.token.value, cloudflare_account.double.record
    refusals: list[tuple[Fault, type[DeployhostError]]] = [
        (Fault("POST", TUNNELS, status=401), ConnectionRefused),
        (Fault("POST", TUNNELS, status=429, retry_after=60), ProviderUnavailable),
        (Fault("PUT", CONFIG, status=503), ProviderUnavailable),
        (Fault("POST", RECORDS, status=403), ConnectionRefused),
        (Fault("POST", RECORDS, hang=True), ProviderUnavailable),
    ]
    for fault, kind in refusals:
        record.fail(fault)
        with pytest.raises(kind):
            connect(paths, token)
        record.mend()
    connect(paths, token)
    joined(paths, cloudflare_account)


@pytest.mark.parametrize("scope", [ZONE_READ, TUNNEL_EDIT, DNS_EDIT])
def test_rights_that_are_missing(cloudflare_account: CloudflareAccount, tmp_path: Path, scope: str) -> None:
    token = cloudflare_account.double.state.add_token(cloudflare_account.account, scopes=ALL_SCOPES - {scope})
    with pytest.raises(ConnectionRefused) as told:
        connect(Paths(tmp_path), token.value)
    assert told.value.exit_code == 5
    assert any("https://dash.cloudflare.com" in line for line in told.value.details)
    assert cloudflare_account.double.state.tunnels == {}
    assert cloudflare_account.zone.records == {}
    assert connection.load(Paths(tmp_path)) is None


@pytest.mark.usefixtures("foreign")
def test_a_token_of_the_account(cloudflare_account: CloudflareAccount, tmp_path: Path) -> None:
    token = cloudflare_account.double.state.add_token(cloudflare_account.account, of_account=True)
    connect(Paths(tmp_path), token.value)
    joined(Paths(tmp_path), cloudflare_account)
