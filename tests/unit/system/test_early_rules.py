"""Rules that boot loads before there are containers, on a packet filter in memory."""

from pathlib import Path

from deployhost.system.early_rules import as_text, load
from deployhost.system.firewall import Family
from tests.fakes.firewall import FakeFirewall

CHAIN = "DEPLOYHOST-HOST"
LINES = f":{CHAIN} - [0:0]\n-A {CHAIN} -j DROP\n-I DOCKER-USER 1 -i br0 -j {CHAIN}\n"


def test_rules_of_somebody_stay(tmp_path: Path) -> None:
    """A chain for the engine may be there before the engine: iptables-persistent loads what its owner saved."""
    file, firewall = tmp_path / "early-rules.json", FakeFirewall()
    file.write_text(as_text(CHAIN, {Family.IPV4: LINES, Family.IPV6: LINES}))
    firewall.tables[Family.IPV4] = ["-N DOCKER-USER", "-A DOCKER-USER -s 192.0.2.1 -j DROP"]
    assert load(file, firewall) == []
    assert firewall.tables[Family.IPV4][1:3] == [
        f"-A DOCKER-USER -i br0 -j {CHAIN}",
        "-A DOCKER-USER -s 192.0.2.1 -j DROP",
    ]
    assert "-N DOCKER-USER" in firewall.tables[Family.IPV6]
    changes = firewall.changes
    assert load(file, firewall) == []
    assert firewall.changes == changes, "the engine was restarted, and the rules are there"


def test_what_can_not_be_loaded_is_said(tmp_path: Path) -> None:
    file = tmp_path / "early-rules.json"
    assert load(file, FakeFirewall()) == [], "nothing was noted yet"
    for text in ("", "[]", '{"rules": 1}', '{"rules": {"nft": ""}}', '{"rules": []}'):
        file.write_text(text)
        assert [problem.partition(":")[0] for problem in load(file, FakeFirewall())] == [f"{file} can't be read"], text
    file.write_text(as_text(CHAIN, {Family.IPV4: LINES, Family.IPV6: LINES}))
    assert load(file, FakeFirewall(missing=True)) == ["iptables is not installed", "ip6tables is not installed"]
    firewall = FakeFirewall()
    firewall.refuses = True
    assert len(load(file, firewall)) == 2
