"""Which packets of a bridge get the mark that lets them through to the host."""

from deployhost.config.reachable import HostDoor
from deployhost.system.firewall import Family, Table
from deployhost.traffic import host_plan
from deployhost.traffic.host_doors_plan import Door, Doors, change
from tests.fakes.firewall import BRIDGE, FakeFirewall

MARKED = "-j MARK --set-xmark 0x20000000/0x20000000"
CHAIN = "-A DEPLOYHOST-HOST"


def test_nothing_is_made_where_nobody_may_reach_more() -> None:
    assert change(Doors(BRIDGE), ()) == ""


def test_each_is_known_by_its_port() -> None:
    firewall = FakeFirewall()
    doors = (Door("veth1", HostDoor("host:5432")), Door("veth2", HostDoor("host:metadata")))
    wanted = Doors(BRIDGE, doors=doors, others=("veth9",))
    firewall.restore(Family.IPV4, change(wanted, ()), Table.MANGLE)
    rules = firewall.mangle[Family.IPV4]
    assert change(wanted, rules) == ""
    assert f"-A PREROUTING -i {BRIDGE} -j {host_plan.APPS}" in rules
    assert [rule for rule in rules if rule.startswith(f"{CHAIN} ")] == [
        f"{CHAIN} -m physdev --physdev-in veth9 {MARKED}",
        f"{CHAIN} -d 169.254.0.0/16 -m physdev --physdev-in veth2 {MARKED}",
        f"{CHAIN} -d 169.254.0.0/16 -j RETURN",
        f"{CHAIN} -d 168.63.129.16/32 -m physdev --physdev-in veth2 {MARKED}",
        f"{CHAIN} -d 168.63.129.16/32 -j RETURN",
        f"{CHAIN} -d 100.100.100.200/32 -m physdev --physdev-in veth2 {MARKED}",
        f"{CHAIN} -d 100.100.100.200/32 -j RETURN",
        f"{CHAIN} -d 192.0.0.192/32 -m physdev --physdev-in veth2 {MARKED}",
        f"{CHAIN} -d 192.0.0.192/32 -j RETURN",
        f"{CHAIN} -p tcp -m physdev --physdev-in veth1 -m tcp --dport 5432 -m addrtype --dst-type LOCAL {MARKED}",
        f"{CHAIN} -p udp -m physdev --physdev-in veth1 -m udp --dport 5432 -m addrtype --dst-type LOCAL {MARKED}",
    ]
    firewall.restore(Family.IPV4, change(Doors(BRIDGE), rules), Table.MANGLE)
    assert not [rule for rule in firewall.mangle[Family.IPV4] if "physdev" in rule], (
        "what is closed again loses its mark"
    )
