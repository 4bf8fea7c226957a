"""Which rules keep a bridge's containers away from the host, and what of it stays open."""

import ipaddress
from dataclasses import replace

import pytest

from deployhost.system.firewall import Family
from deployhost.traffic import host_plan
from deployhost.traffic.host_plan import HostWanted, change, door, jumps, public
from deployhost.traffic.isolation_plan import Wanted
from deployhost.traffic.isolation_plan import change as isolation_change
from tests.fakes.firewall import BRIDGE, FakeFirewall

WANTED = HostWanted(BRIDGE, public=("192.0.2.2",), opened=(5432,), endpoints=(("172.17.0.1", 3128),))
AWAY = f"-i {BRIDGE} ! -o {BRIDGE}"


def table(firewall: FakeFirewall, family: Family = Family.IPV4) -> list[str]:
    return firewall.tables[family]


def bring(firewall: FakeFirewall, wanted: HostWanted, family: Family = Family.IPV4) -> str:
    lines = change(wanted, firewall.rules(family))
    if lines:
        firewall.restore(family, lines)
    return lines


def test_the_rules_of_a_bridge() -> None:
    firewall = FakeFirewall()
    assert bring(firewall, WANTED)
    assert bring(firewall, WANTED) == ""
    chain = [rule.removeprefix("-A DEPLOYHOST-HOST ") for rule in table(firewall) if "-A DEPLOYHOST-HOST " in rule]
    assert chain == [
        "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-p icmp -j RETURN",
        "-p udp -m udp --dport 53 -j RETURN",
        "-p tcp -m tcp --dport 53 -j RETURN",
        "-m mark --mark 0x20000000/0x20000000 -j RETURN",
        "-p tcp -m conntrack --ctorigdst 172.17.0.1 --ctorigdstport 3128 -j RETURN",
        "-m conntrack --ctorigdst 169.254.0.0/16 -j DEPLOYHOST-REFUSE",
        "-m conntrack --ctorigdst 168.63.129.16 -j DEPLOYHOST-REFUSE",
        "-m conntrack --ctorigdst 100.100.100.200 -j DEPLOYHOST-REFUSE",
        "-m conntrack --ctorigdst 192.0.0.192 -j DEPLOYHOST-REFUSE",
        "-p tcp -m conntrack --ctorigdst 192.0.2.2 --ctorigdstport 80 -j RETURN",
        "-p tcp -m conntrack --ctorigdst 192.0.2.2 --ctorigdstport 443 -j RETURN",
        "-p udp -m conntrack --ctorigdst 192.0.2.2 --ctorigdstport 443 -j RETURN",
        "-p tcp -m conntrack --ctorigdstport 5432 -j DROP",
        "-p udp -m conntrack --ctorigdstport 5432 -j DROP",
        "-j DEPLOYHOST-REFUSE",
    ]
    for parent, asked in (("INPUT", 1), ("DOCKER-USER", 5), ("FORWARD", 0)):
        assert (
            len([one for one in table(firewall) if one.startswith(f"-A {parent} -") and "DEPLOYHOST" in one]) == asked
        )
    assert f"-A DOCKER-USER -d 169.254.0.0/16 {AWAY} -j DEPLOYHOST-HOST" in table(firewall)
    assert f"-A DOCKER-USER {AWAY} -m conntrack --ctstate DNAT -j DEPLOYHOST-HOST" in table(firewall)


def test_ipv6_has_the_same_where_docker_has_no_chain_for_it() -> None:
    firewall, wanted = FakeFirewall(), replace(WANTED, v6=True, public=("2001:db8::1",), endpoints=())
    assert bring(firewall, wanted, Family.IPV6)
    assert bring(firewall, wanted, Family.IPV6) == ""
    rules = table(firewall, Family.IPV6)
    assert "-A DEPLOYHOST-HOST -p ipv6-icmp -j RETURN" in rules, "neighbours are found"
    assert f"-A FORWARD -d fd00:ec2::/32 {AWAY} -j DEPLOYHOST-HOST" in rules
    assert f"-A FORWARD -d fd00:42::42/128 {AWAY} -j DEPLOYHOST-HOST" in rules
    assert "-A DEPLOYHOST-HOST -m conntrack --ctorigdst fd00:ec2::/32 -j DEPLOYHOST-REFUSE" in rules, (
        "as iptables prints it"
    )
    assert "-A DEPLOYHOST-HOST -m conntrack --ctorigdst fd00:42::42 -j DEPLOYHOST-REFUSE" in rules
    assert "-A DEPLOYHOST-REFUSE -j REJECT --reject-with icmp6-port-unreachable" in rules


def test_builds_are_kept_away_while_there_are_any() -> None:
    firewall, builds = FakeFirewall(), HostWanted("docker0", chain=host_plan.BUILDS)
    before = list(table(firewall))
    bring(firewall, replace(builds, asked=False))
    assert not [rule for rule in table(firewall) if rule.endswith(host_plan.BUILDS) and rule.startswith("-A")]
    bring(firewall, builds)
    assert set(jumps(builds, table(firewall))) <= set(table(firewall))
    bring(firewall, replace(builds, asked=False))
    assert not set(jumps(builds, table(firewall))) & set(table(firewall))
    firewall.forget(*host_plan.CHAINS)
    assert table(firewall) == before


@pytest.mark.parametrize(
    "damage",
    [
        "-F INPUT\n",
        "-F DEPLOYHOST-REFUSE\n",
        "-F DEPLOYHOST-HOST\n",
        "-I INPUT 1 -p tcp -j ACCEPT\n",
        f"-I DOCKER-USER 1 -i {BRIDGE} -j ACCEPT\n",
        ":MINE - [0:0]\n-A MINE -j ACCEPT\n-I INPUT 1 -j MINE\n",
        "-A INPUT -i br-old -j DEPLOYHOST-HOST\n",
    ],
)
def test_what_others_did_is_mended(damage: str) -> None:
    firewall = FakeFirewall()
    bring(firewall, WANTED)
    firewall.restore(Family.IPV4, damage)
    assert bring(firewall, WANTED)
    assert bring(firewall, WANTED) == ""
    first = next(rule for rule in table(firewall) if rule.startswith("-A INPUT"))
    assert first == f"-A INPUT -i {BRIDGE} -j DEPLOYHOST-HOST"
    assert "-A INPUT -i br-old -j DEPLOYHOST-HOST" not in table(firewall)


def test_both_kinds_of_isolation_leave_each_other_alone() -> None:
    firewall, apart = FakeFirewall(), Wanted(BRIDGE, ())
    for _ in range(2):
        bring(firewall, WANTED)
        if lines := isolation_change(apart, firewall.rules(Family.IPV4)):
            firewall.restore(Family.IPV4, lines)
    assert bring(firewall, WANTED) == isolation_change(apart, firewall.rules(Family.IPV4)) == ""


def test_without_netfilters_log_nothing_is_told() -> None:
    assert not [line for line in change(replace(WANTED, tells=False), ()).splitlines() if "NFLOG" in line]
    assert "--nflog-group 6468" in change(WANTED, ())


def test_which_addresses_are_public() -> None:
    local = [
        (interface, ipaddress.ip_address(address))
        for interface, address in (
            ("lo", "127.0.0.1"),
            ("lo", "9.9.9.9"),
            ("eth0", "10.0.0.5"),
            ("eth0", "fe80::1"),
            ("eth0", "fd00::2"),
            ("eth1", "192.168.0.5"),
            ("docker0", "172.17.0.1"),
            (BRIDGE, "172.18.0.1"),
        )
    ]
    assert public(local, {"eth0"}, v6=False) == ("9.9.9.9", "10.0.0.5")
    assert public(local, {"eth0"}, v6=True) == ("fd00::2",)


def test_what_lies_at_an_address() -> None:
    local = {"172.18.0.1", "127.0.0.1", "fe80::1"}
    assert door("172.18.0.1", 5432, local) == "host:5432"
    assert door("169.254.169.254", 80, local) == door("fd00:ec2::254", 80, local) == "host:metadata"
    assert door("fd00:ec2::23", 80, local) == door("fd00:a9fe:a9fe::1", 80, local) == "host:metadata"
    assert door("127.0.0.1", 80, local) is door("8.8.8.8", 80, local) is door("172.18.0.1", 0, local) is None
