"""Which steps join a server to Cloudflare: none where all is right, and nothing of anybody else's is touched."""

from dataclasses import replace

import pytest

from deployhost.edge import connect_steps as steps
from deployhost.edge.account import DnsRecord, FoundZone, IngressRule, Tunnel
from deployhost.edge.connect_plan import (
    EdgeFacts,
    WantedEdge,
    candidates,
    check_zone,
    plan_connect,
    rules_for,
    webhook_host_of,
)
from deployhost.edge.ownership import app_comment, tunnel_target, webhook_comment
from deployhost.edge.zones_plan import Zone
from deployhost.errors import Conflict, InvalidRequest, NotFound
from deployhost.model import AppName, Domain, Secret
from tests.unit.edge.test_connection import ONE

HOST = ONE.webhook_host
RULES = rules_for(HOST, "/run/deployhost/webhook.sock", 80)
TUNNEL = Tunnel(id=ONE.tunnel_id, name="deployhost-0123456789")
RECORD = DnsRecord(
    id="r1",
    type="CNAME",
    name=HOST,
    content=tunnel_target(ONE.tunnel_id),
    proxied=True,
    comment=webhook_comment(ONE.server_id),
)
WANTED = WantedEdge(connection=ONE, rules=RULES, server_yml="/etc/deployhost/server.yml")
RIGHT = EdgeFacts(
    server_id=ONE.server_id,
    server_id_kept=True,
    saved=ONE,
    saved_tunnel_token=Secret("joins"),
    tunnel=TUNNEL,
    joins=Secret("joins"),
    ingress=RULES,
    at_host=(RECORD,),
    ours=(("zone-1", RECORD),),
)
NOTHING = replace(
    RIGHT,
    server_id_kept=False,
    saved=None,
    saved_tunnel_token=None,
    tunnel=None,
    joins=None,
    ingress=(),
    at_host=(),
    ours=(),
)


def words(facts: EdgeFacts, wanted: WantedEdge = WANTED) -> list[str]:
    return [step.word for step in plan_connect(facts, wanted)]


def test_the_rules() -> None:
    assert (
        IngressRule(hostname=HOST, path="^/webhook/[0-9a-z]+$", service="unix:/run/deployhost/webhook.sock"),
        IngressRule(service="http://127.0.0.1:80"),
    ) == RULES


def test_where_all_is_right_there_is_nothing_to_do() -> None:
    assert words(RIGHT) == []


def test_where_there_is_nothing() -> None:
    assert words(NOTHING) == ["KeepServerId", "CreateTunnel", "SetIngress", "SetWebhookRecord"]


def test_a_tunnel_of_our_name_is_adopted() -> None:
    facts = replace(NOTHING, server_id_kept=True, tunnel=TUNNEL, joins=Secret("joins"))
    assert words(facts) == ["SaveConnection", "SaveTunnelToken", "SetIngress", "SetWebhookRecord"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"saved": replace(ONE, token=Secret("another"))}, ["SaveConnection"]),
        ({"saved": replace(ONE, zones=())}, ["SaveConnection"]),
        ({"joins": Secret("rotated")}, ["SaveTunnelToken"]),
        ({"ingress": rules_for(HOST, "/run/deployhost/webhook.sock", 8080)}, ["SetIngress"]),
        ({"ingress": (*RULES[:1], IngressRule(hostname="x.example.com", service="http://127.0.0.1:1"), RULES[1])}, ["SetIngress"]),
        ({"at_host": ()}, ["SetWebhookRecord"]),
        ({"at_host": (replace(RECORD, content=tunnel_target("gone")),)}, ["SetWebhookRecord"]),
        ({"at_host": (replace(RECORD, proxied=False),)}, ["SetWebhookRecord"]),
        ({"at_host": (replace(RECORD, comment=""),)}, []),
        ({"at_host": (RECORD, replace(RECORD, id="t", type="TXT", content="x", comment=""))}, []),
        ({"ours": (("zone-1", RECORD), ("zone-1", replace(RECORD, id="r2", name="old.example.com")))}, ["DeleteRecord"]),
        ({"ours": (("zone-1", RECORD), ("zone-1", replace(RECORD, id="r2", name="old.example.com", content="elsewhere.net")))}, []),
    ],
)  # fmt: skip
def test_what_is_not_right_is_put_right(change: dict[str, object], expected: list[str]) -> None:
    assert words(replace(RIGHT, **change)) == expected  # type: ignore[arg-type]


def test_our_old_record_is_replaced() -> None:
    (step,) = plan_connect(replace(RIGHT, at_host=(replace(RECORD, content=tunnel_target("gone")),)), WANTED)
    assert isinstance(step, steps.SetWebhookRecord)
    assert step.old == ("r1",)


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, type="A", content="192.0.2.1", comment=""),
        replace(RECORD, content="elsewhere.example.net", comment=""),
        replace(RECORD, content="elsewhere.example.net"),
        replace(RECORD, content=tunnel_target("of-another-server"), comment=""),
        replace(RECORD, content=tunnel_target("gone"), comment=webhook_comment("ffffffffff")),
        replace(RECORD, content=tunnel_target("gone"), comment=app_comment(ONE.server_id, AppName("shop"))),
    ],
)
def test_somebody_elses_record_is_refused(record: DnsRecord) -> None:
    for facts in (RIGHT, NOTHING):
        with pytest.raises(Conflict, match="has a record already"):
            plan_connect(replace(facts, at_host=(record,)), WANTED)


def test_a_tunnel_with_a_configuration_of_its_own_is_somebody_elses() -> None:
    with pytest.raises(Conflict, match="somebody else made it"):
        plan_connect(replace(RIGHT, tunnel=replace(TUNNEL, remote=False)), WANTED)


def test_no_step_shows_a_token() -> None:
    for facts in (NOTHING, replace(RIGHT, joins=Secret("rotated-token")), replace(RIGHT, saved=None)):
        for step in plan_connect(facts, WANTED):
            assert "token-" not in str(step.to_json())
            assert ONE.token.reveal() not in repr(step)
            assert "rotated-token" not in repr(step)


def zone(name: str, account: str = ONE.account_id, *, active: bool = True) -> FoundZone:
    return FoundZone(id=f"id-{name}", name=Domain(name), account_id=account, account_name=account, active=active)


def test_which_zones_may_be_chosen() -> None:
    zones = [zone("b.org"), zone("a.org"), zone("c.org", "other"), zone("d.org", active=False)]
    assert [one.name for one in candidates(zones, None)] == ["a.org", "b.org", "c.org"]
    assert [one.name for one in candidates(zones, ONE)] == ["a.org", "b.org"]
    assert check_zone(Domain("c.org"), zones, None) == zones[2]
    with pytest.raises(Conflict, match="in the account other"):
        check_zone(Domain("c.org"), zones, ONE)
    with pytest.raises(InvalidRequest, match="does not serve the zone"):
        check_zone(Domain("d.org"), zones, ONE)
    with pytest.raises(NotFound, match=r"it sees a\.org, b\.org"):
        check_zone(Domain("e.org"), zones, ONE)


def test_the_webhooks_host() -> None:
    chosen = zone("example.com")
    zones = [Zone(chosen.name, chosen.id), Zone(Domain("example.org"), "2")]
    assert webhook_host_of(None, "0123456789", chosen, zones) == "deployhost-0123456789.example.com"
    assert webhook_host_of(Domain("hooks.example.org"), "0123456789", chosen, zones) == "hooks.example.org"
    with pytest.raises(InvalidRequest, match="in no zone"):
        webhook_host_of(Domain("hooks.example.net"), "0123456789", chosen, zones)
    with pytest.raises(InvalidRequest, match="only one level below"):
        webhook_host_of(Domain("a.hooks.example.org"), "0123456789", chosen, zones)
