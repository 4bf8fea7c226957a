"""The looks at the account on Cloudflare's double, asked with the SDK: a zone that comes, a port that moves, a token that ends, a pause."""

from dataclasses import replace

import pytest

from deployhost.edge import connection
from deployhost.edge.account_plan import LOOK, SOON
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.model import Secret
from tests.doubles.fixtures import SDK, CloudflareAccount
from tests.doubles.serve import Fault
from tests.fakes.assembled import Server
from tests.unit.edge.test_connect import Recording

ZONES = "/client/v4/zones"
pytestmark = pytest.mark.usefixtures("warm_asking")


def test_what_changes_there_and_here(server: Server, cloudflare_account: CloudflareAccount) -> None:
    double, paths = cloudflare_account.double, server.paths
    token = double.state.add_token(cloudflare_account.account, expires_on="2099-05-01T00:00:00Z")
    accounts = CloudflareAccounts(sdk=SDK)
    Connecting(paths=paths, accounts=accounts).run(EdgeRequest(token=Secret(token.value)), Recording())
    saved = connection.load(paths)
    assert saved is not None
    assert saved.expires_on == "2099-05-01T00:00:00+00:00"
    server.add("shop", text="domains: [shop.example.org]")
    daemon = server.start()
    daemon.cloudflare.accounts = accounts  # type: ignore[attr-defined]
    double.record.forget()

    daemon.account_care.follow()
    assert {call.method for call in double.record.calls} == {"GET"}
    assert daemon.account_care.findings() == ()
    assert connection.load(paths) == saved, "nothing has changed"

    zone = double.state.add_zone("example.org", cloudflare_account.account)
    paths.server_yml.write_text("http_port: 8080\n")
    assert server.engine.proxy is not None
    server.engine.proxy = replace(server.engine.proxy, bindings=((80, "127.0.0.1", 8080),))
    double.record.fail(Fault("GET", ZONES, status=429, retry_after=300))
    daemon.clock.sleep(SOON)
    daemon.account_care.follow()
    [found] = daemon.account_care.findings()
    assert found.what == "the tunnel does not lead to http://127.0.0.1:8080 yet"
    assert "a pause of 300 s" in found.why
    double.record.forget()
    daemon.clock.sleep(290)
    daemon.account_care.follow()
    daemon.records.follow()
    assert double.record.calls == []

    daemon.clock.sleep(10)
    daemon.account_care.follow()
    daemon.records.follow()
    (tunnel,) = double.state.tunnels.values()
    assert tunnel.config is not None
    assert tunnel.config["ingress"][-1]["service"] == "http://127.0.0.1:8080"
    assert [one["name"] for one in zone.records.values()] == ["shop.example.org"]
    assert daemon.account_care.findings() == ()

    double.state.tokens.pop(token.value)
    daemon.clock.sleep(LOOK)
    daemon.account_care.follow()
    [refused] = daemon.account_care.findings()
    assert refused.fix == "deployhost connect cloudflare --token FILE"
