"""The account is looked at each hour, and when something changes here: the tunnel's rules, zones, the token's end."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from deployhost.edge import connection
from deployhost.edge.account import IngressRule
from deployhost.edge.account_plan import LOOK, REFUSED, RETRY, SOON
from deployhost.edge.connect_plan import rules_for
from deployhost.edge.records_state import Standing
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import AppName, Domain, Secret
from tests.fakes.assembled import Assembled, Server
from tests.fakes.cloudflare import TOKEN, FakeToken
from tests.fakes.joined import WEBHOOK, Joined
from tests.fakes.life import Crash, Life
from tests.fakes.sweep import effects

SHOP = AppName("shop")
A_LOOK = ["verify", "zones", "ingress"]


@pytest.fixture
def joined(server: Server) -> Joined:
    made = Joined(server)
    lead(made, 80)
    publish(server, 80)
    return made


def lead(joined: Joined, port: int) -> None:
    joined.cloud.all_tunnels[joined.tunnel_id].rules = rules(joined, port)


def rules(joined: Joined, port: int) -> tuple[IngressRule, ...]:
    return rules_for(WEBHOOK, str(joined.server.paths.webhook_socket), port)


def led_to(joined: Joined, port: int) -> bool:
    return joined.cloud.all_tunnels[joined.tunnel_id].rules == rules(joined, port)


def publish(server: Server, port: int) -> None:
    """Have kamal-proxy's container on a port, as set-up has it after it has replaced it."""
    assert server.engine.proxy is not None
    server.engine.proxy = replace(server.engine.proxy, bindings=((80, "127.0.0.1", port),))


def want_port(server: Server, port: int) -> None:
    server.paths.server_yml.write_text(f"http_port: {port}\n")


def fail(joined: Joined, *calls: str, error: Callable[[], BaseException]) -> None:
    def fault(name: str) -> None:
        if name in calls:
            raise error()

    joined.cloud.fault = fault


def away() -> DeployhostError:
    return ProviderUnavailable("Cloudflare can't be reached")


def well(joined: Joined) -> None:
    joined.cloud.fault = lambda _name: None


def tick(daemon: Assembled, seconds: float = 0.0) -> None:
    daemon.clock.sleep(seconds)
    daemon.account_care.follow()


def test_without_a_connection_nothing_is_asked(server: Server) -> None:
    daemon = server.start()
    tick(daemon)
    daemon.account_care.look()
    assert (server.cloudflare.opened_tokens, daemon.account_care.findings()) == ([], ())


def test_an_idle_hour_costs_one_look(server: Server, joined: Joined) -> None:
    daemon = server.start()
    tick(daemon)
    assert joined.calls() == A_LOOK
    for _ in range(59):
        tick(daemon, 60)
    assert joined.calls() == []
    tick(daemon, 60)
    assert joined.calls() == A_LOOK
    assert daemon.account_care.findings() == ()


def test_a_port_that_set_up_could_not_tell_cloudflare(server: Server, joined: Joined) -> None:
    """As after `setup --http-port 8080` while Cloudflare was away: the rule follows by itself, and `status` says so until then."""
    daemon = server.start()
    tick(daemon)
    want_port(server, 8080)
    publish(server, 8080)
    fail(joined, "verify", error=away)
    tick(daemon, 10)
    [found] = daemon.account_care.findings()
    assert found.what == "the tunnel does not lead to http://127.0.0.1:8080 yet"
    assert found.why == "Cloudflare can't be reached; deployhost tries again by itself"
    joined.calls()
    tick(daemon, RETRY - 1)
    assert joined.calls() == []
    well(joined)
    tick(daemon, 1)
    assert led_to(joined, 8080)
    assert daemon.account_care.findings() == ()
    joined.calls()
    tick(daemon, 60)
    assert joined.calls() == []


def test_the_tunnel_never_leads_to_where_nobody_answers(server: Server, joined: Joined) -> None:
    """A port that is only written down is set-up's to carry out."""
    daemon = server.start()
    tick(daemon)
    want_port(server, 8080)
    joined.calls()
    for _ in range(3):
        tick(daemon, LOOK)
    assert joined.changes() == ["ingress"] * 3
    assert led_to(joined, 80)
    fail(joined, "verify", error=away)
    tick(daemon, LOOK)
    assert daemon.account_care.findings() == (), "nor is it said to be on its way there"
    well(joined)
    server.paths.server_yml.write_text("http_port: [\n")
    tick(daemon, LOOK)
    server.paths.server_yml.write_text("http_port: 8080\n")
    server.engine.proxy = None
    tick(daemon, LOOK)
    assert led_to(joined, 80)


def test_rules_that_somebody_else_set(server: Server, joined: Joined) -> None:
    daemon = server.start()
    lead(joined, 8081)
    tick(daemon)
    assert led_to(joined, 80)


def test_a_zone_that_is_added_later(server: Server, joined: Joined) -> None:
    """The domains in it get their records without a person; one that was wanted before it was there is looked for sooner."""
    server.add("shop", text="domains: [shop.example.org]")
    daemon = server.start()
    tick(daemon)
    daemon.records.follow()
    assert daemon.records.states(SHOP, [Domain("shop.example.org")])[0].standing is Standing.ELSEWHERE
    zone = joined.cloud.zone("example.org")
    tick(daemon, SOON)
    daemon.records.follow()
    assert [one.name for one in joined.cloud.records_of(zone.id)] == ["shop.example.org"]
    assert daemon.records.public(SHOP, [Domain("shop.example.org")]) == ["shop.example.org"]
    joined.calls()
    tick(daemon, SOON)
    assert joined.calls() == [], "all are covered now"
    joined.cloud.zone("example.net")
    tick(daemon, LOOK)
    saved = connection.load(server.paths)
    assert saved is not None
    assert [one.name for one in saved.zones] == ["example.com", "example.net", "example.org"]


def test_a_domain_that_no_zone_covers_is_looked_for_at_once_but_gently(server: Server, joined: Joined) -> None:
    server.add("shop")
    daemon = server.start()
    tick(daemon)
    joined.calls()
    daemon.clock.sleep(1000)
    server.paths.apps_yml.write_text("apps:\n  shop:\n    domains: [shop.elsewhere.example]\n")
    tick(daemon)
    assert joined.calls() == A_LOOK
    for _ in range(24 * 60):
        tick(daemon, 60)
    assert len(joined.calls()) <= 3 * (24 + 7)


def test_the_end_of_a_token(server: Server, joined: Joined) -> None:
    """It is written down, so that it is known while Cloudflare is away too; a token that was given more time is seen."""
    joined.cloud.tokens[TOKEN] = FakeToken(expires_on="2025-06-20T00:00:00Z")  # the server's clock is at June 15
    daemon = server.start()
    tick(daemon)
    [found] = daemon.account_care.findings()
    assert found.what == "the token for Cloudflare expires on 2025-06-20 (in 4 days)"
    fail(joined, "verify", error=away)
    daemon = server.start()
    tick(daemon)
    assert found in daemon.account_care.findings()
    well(joined)
    joined.cloud.tokens[TOKEN] = FakeToken(expires_on="2026-06-20T00:00:00Z")
    tick(daemon, LOOK)
    assert daemon.account_care.findings() == ()


@pytest.mark.parametrize("token", [None, FakeToken(status="expired"), FakeToken(status="disabled")])
def test_a_token_that_is_refused(server: Server, joined: Joined, token: FakeToken | None) -> None:
    daemon = server.start()
    tick(daemon)
    joined.cloud.tokens = {} if token is None else {TOKEN: token}
    tick(daemon, LOOK)
    [found] = daemon.account_care.findings()
    assert (found.severity, found.fix) == ("error", "deployhost connect cloudflare --token FILE")
    joined.calls()
    tick(daemon, REFUSED - 1)
    assert joined.calls() == []
    joined.cloud.tokens = {"new": FakeToken()}
    connection.save(server.paths, replace(joined.connection, token=Secret("new")))
    assert daemon.account_care.findings() == ()
    tick(daemon)
    assert joined.calls() == A_LOOK


def test_an_accounts_own_token_is_verified_there(server: Server, joined: Joined) -> None:
    joined.cloud.tokens = {"cfat_1": FakeToken()}
    connection.save(server.paths, replace(joined.connection, token=Secret("cfat_1")))
    daemon = server.start()
    tick(daemon)
    assert daemon.account_care.findings() == ()
    assert joined.calls() == A_LOOK


def test_a_server_that_is_disconnected_during_a_look(server: Server, joined: Joined) -> None:
    """Nothing is written down any more, and nothing is changed at Cloudflare."""
    for call in A_LOOK:
        joined.write()
        lead(joined, 8081)
        joined.cloud.zone(f"{call}.example")
        daemon = server.start()

        def leave(name: str, at: str = call) -> None:
            if name == f"{at} done":
                connection.set_aside(server.paths)

        joined.cloud.fault = leave
        tick(daemon)
        assert connection.load(server.paths) is None
        assert led_to(joined, 8081)


def test_a_token_that_is_replaced_during_a_look(server: Server, joined: Joined) -> None:
    """What a person's command writes is never overwritten by what an older look saw."""
    joined.cloud.tokens["new"] = FakeToken()
    joined.cloud.zone("example.org")
    newer = replace(joined.connection, token=Secret("new"))

    def replace_it(name: str) -> None:
        if name == "zones done":
            connection.save(server.paths, newer)

    joined.cloud.fault = replace_it
    daemon = server.start()
    tick(daemon)
    assert connection.load(server.paths) == newer
    well(joined)
    tick(daemon)
    saved = connection.load(server.paths)
    assert saved is not None
    assert (saved.token, len(saved.zones)) == (Secret("new"), 2)


@pytest.mark.parametrize("error", [Crash, ConnectionRefused, ProviderRefused, ProviderUnavailable])
def test_whatever_breaks_at_every_call(server: Server, joined: Joined, error: type[BaseException]) -> None:
    """The account is as it was or as it is to be, and another look finishes."""
    joined.cloud.zone("example.org")
    want_port(server, 8080)
    publish(server, 8080)
    for number in effects():
        joined.write()
        lead(joined, 80)
        life = Life(number, error)
        joined.cloud.live(life)
        daemon = server.start()
        try:
            tick(daemon)
        except Crash:
            daemon = server.start()
        assert led_to(joined, 80) or led_to(joined, 8080)
        well(joined)
        tick(daemon, REFUSED)
        assert led_to(joined, 8080)
        saved = connection.load(server.paths)
        assert saved is not None
        assert len(saved.zones) == 2
        assert daemon.account_care.findings() == ()
        if not life.broke:
            break
    assert number >= 8
