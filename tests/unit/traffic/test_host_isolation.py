"""Apps and builds kept away from the host, on an engine and a packet filter in memory."""

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deployhost.config.reachable import HostDoor, Reachable
from deployhost.errors import FileProblem, InvalidConfig
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, Version
from deployhost.paths import Paths
from deployhost.system import early_rules, files
from deployhost.system.addresses import Address, HostAddresses
from deployhost.system.clock import until
from deployhost.system.docker_model import ContainerSpec, Network
from deployhost.system.firewall import Family
from deployhost.system.packet_log import Logged, PacketLog
from deployhost.traffic import host_plan
from deployhost.traffic.host_facts import HostReader
from deployhost.traffic.host_isolation import HostIsolation
from deployhost.traffic.host_refusals import HostRefusals
from tests.fakes.docker import Behaviour, Engine, FakeDocker
from tests.fakes.firewall import BRIDGE, FakeFirewall
from tests.unit.traffic.test_isolation import FakeBridges

A, B = AppName("shop"), AppName("blog")
POSTGRES, METADATA = HostDoor("host:5432"), HostDoor("host:metadata")
JUMP = f"-A INPUT -i {BRIDGE} -j {host_plan.APPS}"
BUILDS_JUMP = f"-A INPUT -i docker0 -j {host_plan.BUILDS}"


class TwoNetworks(FakeDocker):
    """An engine with the apps' network and its own."""

    def network(self, name: str) -> Network | None:
        return Network("bridge", "docker0") if name == "bridge" else super().network(name)


class FakeAddresses(HostAddresses):
    """A host with an address outside, and one on each bridge."""

    def local(self) -> list[tuple[str, Address]]:
        found = (("lo", "127.0.0.1"), ("eth0", "192.0.2.2"), (BRIDGE, "172.18.0.1"), ("docker0", "172.17.0.1"))
        return [(name, ipaddress.ip_address(address)) for name, address in found]

    def outward(self) -> frozenset[str]:
        return frozenset({"eth0"})


class NoPackets(PacketLog):
    """A log in which nothing is written."""

    def packets(self) -> Iterator[Logged]:
        yield from ()


class BothBridges(FakeBridges):
    """Ports of either bridge are named after the process."""

    def __init__(self, sys: Path) -> None:
        super().__init__(sys=sys)
        self.filtered: set[str] = set()
        self.broken = False

    def filter(self, bridge: str, family: Family) -> bool:
        if self.broken:
            raise FileProblem("nf_call_iptables can't be set", hint="ls")
        self.filtered.add(f"{bridge} {family}")
        return False

    def ports(self, bridge: str, pids: "list[int]") -> dict[int, str]:  # type: ignore[override]
        return {pid: f"veth{pid}" for pid in pids}


class Host:
    """The host, its containers, and what apps.yml says."""

    def __init__(self, root: Path) -> None:
        Paths(root).state.mkdir(parents=True)
        self.engine = Engine()
        self.docker = TwoNetworks(self.engine)
        self.firewall, self.bridges, self.now = FakeFirewall(), BothBridges(root), 0.0
        self.reached: Mapping[AppName, tuple[Reachable, ...] | None] = {A: (), B: ()}
        self.endpoints: tuple[tuple[str, int], ...] = ()
        self.broken = False
        reader = HostReader(self.docker, self.bridges, FakeAddresses(), self, lambda: self.endpoints)
        self.refusals = HostRefusals(self.docker, FakeAddresses(), NoPackets(1), lambda: self.now)
        self.isolation = HostIsolation(self.firewall, self.bridges, reader, self.refusals, Paths(root), let_go=0.0)
        self.image = self.engine.add_image(Behaviour(), "image:1")

    def may_reach(self) -> Mapping[AppName, tuple[Reachable, ...] | None]:
        if self.broken:
            raise InvalidConfig("apps.yml is broken")
        return self.reached

    def run(self, name: str, labels: Mapping[str, str] | None = None, network: str = contract.NETWORK) -> int:
        made = self.docker.create(
            ContainerSpec(name=name, image=self.image.id, network=network, labels=dict(labels or {}))
        )
        self.docker.start(made)
        return self.docker.inspect(made).pid

    def app(self, app: AppName) -> int:
        return self.run(contract.container_name(app, WEB, Version("a" * 40)), contract.role_labels(app, WEB))

    @property
    def rules(self) -> list[str]:
        return self.firewall.tables[Family.IPV4]

    def marked(self, family: Family = Family.IPV4) -> list[str]:
        return [rule.split("--physdev-in ")[1].split()[0] for rule in self.firewall.mangle[family] if "physdev" in rule]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.docker.create_network(contract.NETWORK)
    return made


def test_apps_are_kept_away_from_the_start(host: Host) -> None:
    host.app(A)
    assert host.isolation.apply()
    assert not host.isolation.apply()
    assert JUMP in host.rules
    assert f"-A INPUT -i {BRIDGE} -j {host_plan.APPS}" in host.firewall.tables[Family.IPV6]
    assert f"-A {host_plan.APPS} -p tcp -m conntrack --ctorigdst 192.0.2.2 --ctorigdstport 443 -j RETURN" in host.rules
    assert BUILDS_JUMP not in host.rules, "others' builds reach what they did"
    assert host.isolation.problem == ""
    assert (host.marked(), host.bridges.filtered) == ([], set())


def test_an_app_reaches_what_it_may_by_the_port_it_is_plugged_into(host: Host) -> None:
    a, b = host.app(A), host.app(B)
    host.reached = {A: (POSTGRES, B), B: (METADATA,)}
    host.isolation.apply()
    assert set(host.marked()) == {f"veth{a}", f"veth{b}"}
    assert f"-A {host_plan.APPS} -p tcp -m conntrack --ctorigdstport 5432 -j DROP" in host.rules
    assert f"{BRIDGE} iptables" in host.bridges.filtered
    host.reached = {A: None, B: ()}
    assert host.isolation.follow()
    assert set(host.marked()) == {f"veth{a}"}, "an entry that can't be read leaves things as they were"
    host.broken = True
    assert not host.isolation.follow()


def test_a_container_that_has_just_started_is_let_through_at_once(host: Host) -> None:
    host.reached = {A: (POSTGRES,), B: ()}
    host.isolation.apply()
    asked = host.firewall.asked
    host.app(B)
    host.isolation.joined(B)
    assert host.firewall.asked == asked
    a = host.app(A)
    host.isolation.joined(A)
    assert set(host.marked()) == {f"veth{a}"}


def test_what_is_not_ours_keeps_what_it_had(host: Host) -> None:
    stranger = host.run("their-database", {"service": "shop-db"})
    host.run(contract.PROXY_CONTAINER)
    host.run("odd", {"service": A})
    host.run("by-hand", {"deployhost.app": "gone"})
    host.run("kamals", {"service": "gone", "role": "web"})
    host.isolation.apply()
    assert set(host.marked()) == {f"veth{stranger}"}


def test_builds_are_kept_away_while_they_run(host: Host) -> None:
    beside = host.run("theirs", network="bridge")
    host.endpoints = (("172.17.0.1", 3128), ("127.0.0.1", 3141), ("192.0.2.99", 8080))
    host.isolation.apply()
    with host.isolation.building(A) as kept_away:
        kept_away()
        assert BUILDS_JUMP in host.rules
        assert host.marked() == [f"veth{beside}"]
        opened = [rule for rule in host.rules if host_plan.BUILDS in rule and "--ctorigdstport 3128" in rule]
        assert opened == [
            f"-A {host_plan.BUILDS} -p tcp -m conntrack --ctorigdst 172.17.0.1 --ctorigdstport 3128 -j RETURN"
        ]
        assert not [rule for rule in host.rules if "3141" in rule or "8080" in rule]
        with host.isolation.building(B) as kept_away_too:
            kept_away_too()
        assert BUILDS_JUMP in host.rules, "the first one still runs"
    assert until(lambda: BUILDS_JUMP not in host.rules, within=10, every=0.01)


def test_a_build_soon_after_another_changes_no_rules(host: Host) -> None:
    host.isolation.let_go = 3600.0
    host.isolation.apply()
    with host.isolation.building(A) as kept_away:
        kept_away()
    asked, changes = host.firewall.asked, host.firewall.changes
    with host.isolation.building(B) as kept_away:
        kept_away()
        assert BUILDS_JUMP in host.rules
    assert not host.isolation.follow()
    assert (host.firewall.asked, host.firewall.changes) == (asked, changes)
    host.isolation.let_go = 0.0
    assert until(lambda: BUILDS_JUMP not in host.rules, within=10, every=0.01)


def test_a_build_is_told_what_keeps_it_from_being_kept_away(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise RecursionError

    monkeypatch.setattr(host.isolation, "follow", broken)
    for _ in range(2):
        with host.isolation.building(A) as kept_away, pytest.raises(RecursionError):
            kept_away()


def test_a_build_costs_one_call_for_each_family(host: Host) -> None:
    host.isolation.apply()
    asked, changes = host.firewall.asked, host.firewall.changes
    with host.isolation.building(A) as kept_away:
        kept_away()
        assert (host.firewall.asked - asked, host.firewall.changes - changes) == (0, 2)
        assert not host.isolation.apply(), "that is all that is wanted"
    assert until(lambda: BUILDS_JUMP not in host.rules, within=10, every=0.01)
    host.firewall.restore(Family.IPV4, f"-F {host_plan.BUILDS}\n-X {host_plan.BUILDS}\n")
    with host.isolation.building(A) as kept_away:
        kept_away()
    assert until(lambda: BUILDS_JUMP not in host.rules, within=10, every=0.01)
    assert not host.isolation.apply()


def test_boot_begins_with_the_rules(host: Host) -> None:
    host.app(A)
    host.reached = {A: (POSTGRES,)}
    host.isolation.apply()
    file = host.isolation.paths.early_rules
    assert file.stat().st_mode & 0o777 == 0o600
    host.firewall.tables = {Family.IPV4: ["-A INPUT -j ACCEPT"], Family.IPV6: []}
    assert early_rules.load(file, host.firewall) == []
    asked = [rule for rule in host.rules if rule.startswith("-A INPUT ")]
    assert asked == [JUMP, "-A INPUT -j ACCEPT"], "before what lets everything through"
    assert [rule for rule in host.rules if rule.startswith("-A DOCKER-USER ") and rule.endswith(host_plan.APPS)]
    assert [rule for rule in host.rules if rule.startswith(f"-A {host_plan.REFUSE} ")] == [
        f"-A {host_plan.REFUSE} -j DROP"
    ], "whoever may reach more asks again"
    assert not early_rules.load(file, host.firewall)
    assert host.rules.count(JUMP) == 1
    assert host.isolation.apply()
    assert f"-A {host_plan.REFUSE} -j DROP" not in host.rules


def test_what_boot_begins_with_is_written_when_it_changes(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.isolation.apply()
    file = host.isolation.paths.early_rules
    file.unlink()
    host.isolation.follow()
    assert not file.exists()
    host.isolation.keep()
    assert file.exists()
    written = file.stat().st_mtime_ns
    host.isolation.keep()
    assert file.stat().st_mtime_ns == written

    def full(*_arguments: object, **_named: object) -> None:
        raise FileProblem("no space left on device", hint="df -h")

    monkeypatch.setattr(files, "write_atomically", full)
    host.app(A)
    host.reached = {A: (POSTGRES,)}
    assert host.isolation.apply()
    assert host.isolation.problem == "", "apps are kept away all the same"


def test_what_the_packet_filter_refuses_is_told(host: Host) -> None:
    host.firewall.refuses = True
    assert not host.isolation.apply()
    assert host.isolation.problem == "apps can reach this server itself: iptables-restore failed"
    host.firewall.refuses = False
    assert host.isolation.apply()
    assert host.isolation.problem == ""
    assert not [rule for rule in host.rules if "NFLOG" in rule], "what refused may have been netfilter's log"
    host.isolation.keep()
    assert [rule for rule in host.rules if "NFLOG" in rule], "it was something else"


def test_a_bridge_that_can_not_be_looked_into_keeps_apps_away_all_the_same(host: Host) -> None:
    host.app(A)
    host.reached = {A: (POSTGRES,)}
    host.bridges.broken = True
    assert host.isolation.apply()
    assert JUMP in host.rules
    assert host.isolation.problem == (
        "nothing of this server can be opened to single containers: nf_call_iptables can't be set"
    )
    host.bridges.broken = False
    host.isolation.follow()
    assert (host.isolation.problem, f"{BRIDGE} iptables" in host.bridges.filtered) == ("", True)


def test_a_tree_beside_the_real_one_changes_nothing(host: Host) -> None:
    host.isolation.active = False
    assert not host.isolation.apply()
    host.isolation.joined(A)
    with host.isolation.building(A) as kept_away:
        kept_away()
    assert host.firewall.changes == host.firewall.asked == 0


def test_a_server_without_the_network_has_nothing_to_keep(host: Host) -> None:
    host.engine.networks.clear()
    assert not host.isolation.apply()
    assert host.firewall.changes == 0
