"""Apps kept apart: which rules are wanted, and that they are put right and left alone."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from deployhost.errors import InvalidConfig
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, ProcessName
from deployhost.system.bridge import Bridges
from deployhost.system.docker_model import ContainerSpec
from deployhost.system.firewall import Family
from deployhost.traffic import isolation
from deployhost.traffic.isolation import Isolation
from deployhost.traffic.isolation_plan import ASKS, CHAIN, Wanted, change, passed_by
from tests.fakes.docker import Behaviour, Engine, FakeDocker
from tests.fakes.firewall import BRIDGE, DOCKERS, FakeFirewall

A, B, C = AppName("a"), AppName("b"), AppName("c")
JUMP = f"-A DOCKER-USER -i {BRIDGE} -o {BRIDGE} -j {CHAIN}"


class FakeBridges(Bridges):
    """Every process is plugged into a port that is named after it."""

    def filter(self, bridge: str, family: Family) -> bool:
        assert bridge == BRIDGE
        return False

    def expire_neighbours_soon(self, bridge: str) -> None:
        assert bridge == BRIDGE

    def ports(self, bridge: str, pids: Iterable[int]) -> dict[int, str]:
        assert bridge == BRIDGE
        return {pid: f"veth{pid}" for pid in pids}


class Host:
    """An engine with containers of apps, and what apps.yml says of them."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.docker = FakeDocker(self.engine)
        self.firewall = FakeFirewall()
        self.may_reach: Mapping[AppName, tuple[AppName, ...]] = {}
        self.broken = False
        self.isolation = Isolation(self.docker, self.firewall, FakeBridges(), self._read)
        self.image = self.engine.add_image(Behaviour(), "image:1")

    def _read(self) -> Mapping[AppName, tuple[AppName, ...]]:
        if self.broken:
            raise InvalidConfig("apps.yml is broken")
        return self.may_reach

    def run(self, app: AppName, process: ProcessName = WEB, *, ready: bool = True, name: str = "") -> str:
        """Have a container of an app run, and return its port of the bridge."""
        spec = ContainerSpec(
            name=name or f"{app}-{process}-{len(self.engine.containers)}",
            image="image:1",
            labels=contract.role_labels(app, process),
            network=contract.NETWORK,
            restart=contract.RESTART if ready else "no",
        )
        made = self.docker.create(spec)
        self.docker.start(made)
        return f"veth{self.engine.containers[made].pid}"


@pytest.fixture
def host() -> Host:
    return Host()


def test_nobody_reaches_anybody_but_the_proxy(host: Host) -> None:
    host.run(A)
    host.run(B)
    assert host.isolation.apply()
    assert host.firewall.tables[Family.IPV4] == [
        *DOCKERS[:3],
        JUMP,
        DOCKERS[3],
        f"-N {CHAIN}",
        f"-A {CHAIN} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        f"-A {CHAIN} -m mac --mac-source 02:64:68:00:00:01 -j RETURN",
        f"-A {CHAIN} -p tcp -j REJECT --reject-with tcp-reset",
        f"-A {CHAIN} -j REJECT --reject-with icmp-port-unreachable",
    ]
    assert not host.isolation.apply()
    assert host.firewall.changes == 1


def test_may_reach_is_one_direction_and_for_ready_containers(host: Host) -> None:
    a, old, new = host.run(A), host.run(B), host.run(B, ready=False)
    worker, other = host.run(B, ProcessName("worker")), host.run(C)
    host.may_reach = {A: (B,), B: (), C: ()}
    host.isolation.apply()
    inside = {(one, two) for one in (old, new, worker) for two in (old, new, worker) if one != two}
    assert host.firewall.pairs() == {(a, old), (a, worker)} | inside
    assert not any(other in pair for pair in host.firewall.pairs())


def test_an_app_whose_name_begins_like_another_is_another(host: Host) -> None:
    long = AppName("b-web")
    a, b, _ = host.run(A), host.run(B), host.run(long)
    host.may_reach = {A: (B,), B: (), long: ()}
    host.isolation.apply()
    assert host.firewall.pairs() == {(a, b)}


def test_only_who_takes_part_costs_anything(host: Host) -> None:
    host.isolation.apply()
    host.run(C)
    host.isolation.joined(C)
    assert host.firewall.changes == 1
    host.may_reach = {A: (B,), C: ()}
    a, b = host.run(A), host.run(B)
    host.isolation.joined(B)
    assert host.firewall.pairs() == {(a, b)}
    host.run(C, ProcessName("worker"))
    host.isolation.joined(C)
    assert len(host.firewall.pairs()) == 3
    host.may_reach = {A: (), B: (), C: ()}
    host.isolation.joined(A)
    assert (a, b) not in host.firewall.pairs()


def test_it_follows_what_changes_and_asks_for_nothing_else(host: Host) -> None:
    """A container that the engine has started again is plugged into another port of the bridge."""
    a, b = host.run(A), host.run(B)
    host.may_reach = {A: (B,)}
    assert host.isolation.follow()
    host.firewall.asked = 0
    assert not host.isolation.follow()
    assert host.firewall.asked == 0
    restarted = next(one for one in host.engine.running if f"veth{one.pid}" == b)
    host.engine.containers[restarted.id] = replace(restarted, pid=restarted.pid + 1000)
    assert host.isolation.follow()
    assert host.firewall.pairs() == {(a, f"veth{restarted.pid + 1000}")}
    host.may_reach = {A: ()}
    assert host.isolation.follow()
    assert host.firewall.pairs() == set()
    host.firewall.restore(Family.IPV4, f"-F {CHAIN}\n")
    assert not host.isolation.follow(), "what others did is for `apply`"
    assert host.isolation.apply()


def test_what_could_not_be_done_is_tried_again(host: Host) -> None:
    host.firewall.missing = True
    assert not host.isolation.follow()
    host.firewall.missing = False
    assert host.isolation.follow()


def test_it_mends_what_others_did(host: Host) -> None:
    host.run(A)
    host.isolation.apply()
    right = host.firewall.tables[Family.IPV4]
    for damage in (
        f"-F {CHAIN}\n",
        f"-D{JUMP[2:]}\n",
        f"{JUMP}\n",
        "-I DOCKER-USER 1 -j ACCEPT\n-D DOCKER-USER -j RETURN\n",
        f"-A FORWARD -i br-old -o br-old -j {CHAIN}\n",
    ):
        host.firewall.restore(Family.IPV4, damage)
        assert host.isolation.apply(), damage
        now = host.firewall.tables[Family.IPV4]
        assert [rule for rule in now if CHAIN in rule.split()] == [rule for rule in right if CHAIN in rule.split()]
        assert next(rule for rule in now if rule.startswith("-A DOCKER-USER")) == JUMP
        assert not host.isolation.apply(), damage


def forward(host: Host) -> list[str]:
    return [rule for rule in host.firewall.tables[Family.IPV4] if rule.startswith("-A FORWARD ")]


@pytest.mark.parametrize(
    "damage",
    [
        "-F FORWARD\n",
        f"-F FORWARD\n-F DOCKER-USER\n-F {CHAIN}\n",
        "-F FORWARD\n-A FORWARD -j ACCEPT\n-A FORWARD -j DOCKER-USER\n",
        f"-F FORWARD\n-A FORWARD -o {BRIDGE} -j ACCEPT\n-A FORWARD -j DOCKER-USER\n",
        "-F FORWARD\n-A FORWARD -i br-+ -j ACCEPT\n-A FORWARD -j DOCKER-USER\n",
        "-F FORWARD\n-A FORWARD ! -i eth0 -o br-+ -j ACCEPT\n-A FORWARD -j DOCKER-USER\n",
        "-F FORWARD\n-A FORWARD -s 172.16.0.0/12 -j RETURN\n-A FORWARD -j DOCKER-USER\n",
        (
            "-F FORWARD\n:MINE - [0:0]\n-A MINE -p icmp -j ACCEPT\n:OUTER - [0:0]\n-A OUTER -j MINE\n"
            "-A FORWARD -j OUTER\n-A FORWARD -j DOCKER-USER\n"
        ),
        "-F FORWARD\n:MINE - [0:0]\n-A MINE -p tcp -j DROP\n-A FORWARD -g MINE\n-A FORWARD -j DOCKER-USER\n",
    ],
)
def test_forward_that_does_not_ask(host: Host, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """Emptied by a person or a firewall's program: our rules are there, and nobody asks them."""
    host.run(A)
    assert host.isolation.keep() == ()
    host.firewall.restore(Family.IPV4, damage)
    theirs = [rule for rule in forward(host) if rule != ASKS]
    assert host.isolation.keep() == (isolation.ASKED_AGAIN,)
    assert isolation.ASKED_AGAIN in caplog.text
    assert forward(host) == [ASKS, *theirs]
    now = host.firewall.tables[Family.IPV4]
    assert next(rule for rule in now if rule.startswith("-A DOCKER-USER")) == JUMP
    assert f"-A {CHAIN} -p tcp -j REJECT --reject-with tcp-reset" in now
    assert host.isolation.keep() == (), "it is told once"
    assert not host.isolation.apply()


@pytest.mark.parametrize(
    "before",
    [
        "-A FORWARD -i virbr0 -o virbr0 -j ACCEPT\n",
        "-A FORWARD -o virbr0 -j ACCEPT\n",
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
        "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n",
        ":MINE - [0:0]\n-A MINE -i eth0 -j ACCEPT\n-A MINE -j RETURN\n-A FORWARD -j MINE\n",
    ],
)
def test_what_may_stand_before_docker_user(host: Host, before: str) -> None:
    """Nobody's order is fought over that lets nothing new through from one app to another."""
    host.isolation.apply()
    host.firewall.restore(Family.IPV4, f"-F FORWARD\n{before}-A FORWARD -j DOCKER-USER\n")
    assert not host.isolation.apply()
    assert host.isolation.keep() == ()


def test_forward_that_can_not_be_mended(host: Host) -> None:
    host.isolation.apply()
    host.firewall.restore(Family.IPV4, "-F FORWARD\n")
    host.firewall.refuses = True
    told = "apps can reach each other: iptables-restore failed"
    assert host.isolation.keep() == ()
    assert host.isolation.problem == told


def test_ipv6_is_asked_as_well() -> None:
    rules = ["-N DOCKER-USER", "-A FORWARD -i br-x -j ACCEPT", "-A FORWARD -j ACCEPT", "-A DOCKER-USER -j RETURN"]
    assert "-I FORWARD 1 -j DOCKER-USER" in change(Wanted(BRIDGE, ()), rules, v6=True).splitlines()
    assert not passed_by(Wanted(BRIDGE, ()), ["-A FORWARD -j ACCEPT"]), "there ours is the first of FORWARD itself"


def test_rules_about_other_networks_may_come_first(host: Host) -> None:
    host.isolation.apply()
    host.firewall.restore(Family.IPV4, "-I DOCKER-USER 1 -i br-other -o br-other -j ACCEPT\n")
    assert not host.isolation.apply()
    host.firewall.restore(Family.IPV4, f"-I DOCKER-USER 1 -i {BRIDGE} -j ACCEPT\n")
    assert host.isolation.apply()


def test_without_a_packet_filter_apps_are_served_all_the_same(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.firewall.missing = True
    assert not host.isolation.apply()
    assert not host.isolation.apply()
    assert host.isolation.problem == "apps can reach each other: iptables is not installed"
    assert [record.getMessage() for record in caplog.records] == [host.isolation.problem]
    host.firewall.missing = False
    assert host.isolation.apply()
    assert host.isolation.problem == ""


def test_a_broken_apps_yml_leaves_what_was_allowed(host: Host) -> None:
    a, b = host.run(A), host.run(B)
    host.may_reach = {A: (B,)}
    host.isolation.apply()
    host.broken = True
    assert not host.isolation.apply()
    assert host.firewall.pairs() == {(a, b)}


def test_a_proxy_that_somebody_else_made_is_let_through_as_well(host: Host) -> None:
    proxy = host.docker.create(ContainerSpec(name=contract.PROXY_CONTAINER, image="image:1", network=contract.NETWORK))

    def known() -> list[str]:
        host.isolation.apply()
        return [rule.split()[5] for rule in host.firewall.tables[Family.IPV4] if "--mac-source" in rule]

    assert known() == [contract.PROXY_MAC]
    for address in ("02:42:ac:12:00:02", ""):  # it runs, and then it does not
        host.engine.containers[proxy] = replace(host.engine.containers[proxy], macs={contract.NETWORK: address})
        assert known() == [contract.PROXY_MAC, "02:42:ac:12:00:02"]


def test_a_tree_beside_the_servers_leaves_the_packet_filter_alone(host: Host) -> None:
    beside = Isolation(host.docker, host.firewall, FakeBridges(), lambda: {A: (B,)}, active=False)
    assert not beside.apply()
    beside.joined(A)
    assert host.firewall.changes == 0


def test_no_network_no_rules(host: Host) -> None:
    host.engine.networks.clear()
    assert not host.isolation.apply()
    assert host.firewall.changes == 0


def test_removal_leaves_what_was_there_before(host: Host) -> None:
    host.run(A)
    host.isolation.apply()
    host.firewall.forget(CHAIN)
    assert host.firewall.tables[Family.IPV4] == list(DOCKERS)
    changes = host.firewall.changes
    host.firewall.forget(CHAIN)
    assert host.firewall.changes == changes
    FakeFirewall(missing=True).forget(CHAIN)


def test_ipv6_where_docker_keeps_no_chain() -> None:
    """Who has an address is asked with packets that pass the filter, and Docker of old leaves IPv6 alone."""
    lines = change(Wanted(BRIDGE, (contract.PROXY_MAC,)), ["-P FORWARD ACCEPT"], v6=True).splitlines()
    assert f"-I FORWARD 1 -i {BRIDGE} -o {BRIDGE} -j {CHAIN}" in lines
    assert f"-A {CHAIN} -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j RETURN" in lines
    assert lines[-2] == f"-A {CHAIN} -j REJECT --reject-with icmp6-port-unreachable"
