"""Which records go: ours by their comment that lead to our tunnel. The rest is in test_disconnect.py, with what carries it out."""

from dataclasses import replace

import pytest

from deployhost.edge.account import DnsRecord
from deployhost.edge.ownership import app_comment, tunnel_target, webhook_comment
from deployhost.model import AppName
from deployhost.server.plan_disconnect import DisconnectFacts, ours, plan_disconnect
from tests.unit.edge.test_connection import ONE

RECORD = DnsRecord(
    id="r",
    type="CNAME",
    name="shop.example.com",
    content=tunnel_target(ONE.tunnel_id),
    proxied=True,
    comment=app_comment(ONE.server_id, AppName("shop")),
)


@pytest.mark.parametrize(
    ("record", "goes"),
    [
        (RECORD, True),
        (replace(RECORD, comment=webhook_comment(ONE.server_id)), True),
        (replace(RECORD, proxied=False), True),
        (replace(RECORD, comment=""), False),
        (replace(RECORD, comment=app_comment("ffffffffff", AppName("shop"))), False),
        (replace(RECORD, comment=f"deployhost {ONE.server_id} mine"), False),
        (replace(RECORD, content=tunnel_target("another")), False),
        (replace(RECORD, type="TXT"), False),
    ],
)
def test_which_records_go(record: DnsRecord, goes: bool) -> None:
    facts = DisconnectFacts(saved=ONE, records=(("zone-1", record),))
    assert ours(facts) == ((("zone-1", record),) if goes else ())
    words = [step.word for step in plan_disconnect(facts)]
    assert words == ["SetConnectionAside", *(["DeleteRecord"] if goes else []), "ForgetConnection"]
