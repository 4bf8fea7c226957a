"""Apps kept apart on the real engine, with the real packet filter: who can connect to whom.

Run explicitly: `pytest tests/contract`. It needs Docker and root; it makes a network and a proxy of its own.
"""

import itertools
import os
import socket
import time
from collections.abc import Iterator

import pytest

from deployhost.build.registries import Reference
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import recipe_for
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, ProcessName
from deployhost.system.bridge import Bridges
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, ContainerSpec
from deployhost.system.firewall import Family, Firewall
from deployhost.system.process import run
from deployhost.traffic.isolation import Isolation
from tests.real.containers import exec_run

NETWORK, PROXY, CHAIN, IMAGE = "xisolated", "xisolated-proxy", "XISOLATED", "xisolated:python"
SERVE = ("python3", "-m", "http.server", "8080")
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 8080), 3)"
A, B, C = AppName("xisolated-a"), AppName("xisolated-b"), AppName("xisolated-c")
WORKER = ProcessName("worker")


class Net:
    """A network of its own with containers that serve; `may_reach` is what apps.yml would say."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        self.made: list[str] = []
        self.bind = "0.0.0.0"
        self.may_reach: dict[AppName, tuple[AppName, ...]] = {}
        self.firewall = Firewall()
        self.isolation = Isolation(
            docker, self.firewall, Bridges(), lambda: self.may_reach, network=NETWORK, proxy=PROXY, chain=CHAIN
        )
        self._numbers = itertools.count()

    @property
    def bridge(self) -> str:
        network = self.docker.network(NETWORK)
        assert network is not None
        return network.bridge

    def app(self, app: AppName, process: ProcessName = WEB, *, ready: bool = True) -> Container:
        return self.start(
            f"{app}-{process}-{next(self._numbers)}",
            labels=contract.role_labels(app, process),
            aliases=contract.aliases(app, process),
            restart=contract.RESTART if ready else "no",
            cap_drop=("ALL",),
        )

    def proxy(self) -> Container:
        return self.start(PROXY, labels={}, aliases=(), restart="no", cap_drop=(), mac=contract.PROXY_MAC)

    def start(
        self,
        name: str,
        *,
        labels: dict[str, str],
        aliases: tuple[str, ...],
        restart: str,
        cap_drop: tuple[str, ...],
        mac: str | None = None,
    ) -> Container:
        made = self.docker.create(
            ContainerSpec(
                name=name,
                image=IMAGE,
                command=(*SERVE, "--bind", self.bind),
                network=NETWORK,
                labels=labels,
                aliases=aliases,
                restart=restart,
                cap_drop=cap_drop,
                mac=mac,
                init=True,
            )
        )
        self.made.append(made)
        self.docker.start(made)
        return self.listening(made)

    def listening(self, container: str) -> Container:
        wait = "import socket, time\nwhile socket.socket().connect_ex(('127.0.0.1', 8080)): time.sleep(0.02)"
        assert exec_run(self.docker, container, ["python3", "-c", wait])[0] == 0
        return self.docker.inspect(container)

    def connects6(self, source: Container, target: Container) -> bool:
        return exec_run(self.docker, source.id, ["python3", "-c", CONNECT, target.ip6s[NETWORK]])[0] == 0

    def connects(self, source: Container, target: Container | str) -> bool:
        host = target if isinstance(target, str) else target.ips[NETWORK]
        return exec_run(self.docker, source.id, ["python3", "-c", CONNECT, host])[0] == 0


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    engine = Docker()
    recipe = recipe_for(Reference.parse("python:3.13-slim"))
    assert recipe is not None
    StandIns(engine, tmp_path_factory.mktemp("bases"), os.environ).make(recipe, IMAGE, print)
    yield engine
    engine.remove_image(IMAGE)


@pytest.fixture
def net6(docker: Docker) -> Iterator[Net]:
    run(["docker", "network", "create", "--ipv6", "--subnet", "fd00:64:68::/64", NETWORK], timeout=30)
    made = Net(docker)
    made.bind = "::"
    yield made
    for container in made.made:
        docker.remove(container, force=True)
    made.firewall.forget(CHAIN)
    docker.remove_network(NETWORK)
    assert not [rule for family in Family for rule in made.firewall.rules(family) if CHAIN in rule]


@pytest.fixture
def net(docker: Docker) -> Iterator[Net]:
    docker.create_network(NETWORK)
    made = Net(docker)
    yield made
    for container in made.made:
        docker.remove(container, force=True)
    made.firewall.forget(CHAIN)
    docker.remove_network(NETWORK)
    assert not [rule for rule in made.firewall.rules(Family.IPV4) if CHAIN in rule]


def test_apps_reach_nobody_and_the_proxy_everybody(net: Net) -> None:
    proxy, a, b = net.proxy(), net.app(A), net.app(B)
    assert net.connects(a, b)  # what Docker allows by itself: without this the rest would prove nothing
    assert net.isolation.apply()
    assert not net.isolation.apply()
    assert net.isolation.problem == ""
    for target in (b, proxy, B, f"web.{B}", b.short_id, b.name):
        assert not net.connects(a, target), target
    assert not net.connects(b, a)
    for target in (a, b, A, f"web.{B}", a.short_id):
        assert net.connects(proxy, target), target
    late = net.app(C)  # no rule knows it yet
    assert not net.connects(a, late)
    assert not net.connects(late, a)
    assert net.connects(proxy, late)


def test_may_reach_opens_one_direction_to_one_app(net: Net) -> None:
    net.proxy()
    a, b, c = net.app(A), net.app(B), net.app(C)
    worker = net.app(B, WORKER)
    net.may_reach = {A: (B,), B: (), C: ()}
    assert net.isolation.apply()
    for target in (b, worker, B, f"web.{B}", f"{WORKER}.{B}"):
        assert net.connects(a, target), target
    for source, target in ((b, a), (worker, a), (c, b), (c, a), (a, c), (c, worker)):
        assert not net.connects(source, target), f"{source.name} to {target.name}"
    assert net.connects(b, worker)  # the processes of one app
    net.may_reach = {A: (), B: (), C: ()}
    assert net.isolation.apply()
    assert not net.connects(a, b)


def test_an_address_that_is_given_away_takes_no_rights_along(net: Net) -> None:
    a, b = net.app(A), net.app(B)
    net.may_reach = {A: (B,)}
    net.isolation.apply()
    assert net.connects(a, b)
    net.docker.remove(b.id, force=True)
    heir = net.app(C)
    assert heir.ips[NETWORK] == b.ips[NETWORK]
    assert not net.connects(a, heir)


def test_what_is_not_ready_is_not_asked(net: Net) -> None:
    """While a new release boots, the name leads to the old one only: the refusal makes the caller take the next address."""
    net.may_reach = {A: (B,)}
    a, old, new = net.app(A), net.app(B), net.app(B, ready=False)
    net.isolation.apply()
    assert not net.connects(a, new)
    assert all(net.connects(a, B) for _ in range(8))
    net.docker.set_restart(new.id, contract.RESTART)
    net.isolation.joined(B)
    assert net.connects(a, new)
    net.docker.stop(old.id, 0)
    assert all(net.connects(a, B) for _ in range(4))
    assert exec_run(
        net.docker, a.id, ["python3", "-c", "import socket; print(socket.gethostbyname_ex('xisolated-b')[2])"]
    )[1].strip() == str([new.ips[NETWORK]])


def test_it_mends_what_others_took_away(net: Net) -> None:
    proxy, a, b = net.proxy(), net.app(A), net.app(B)
    net.isolation.apply()
    for damage in (f"-F {CHAIN}\n", f"-D DOCKER-USER -i {net.bridge} -o {net.bridge} -j {CHAIN}\n"):
        net.firewall.restore(Family.IPV4, damage)
        assert net.connects(a, b)
        assert net.isolation.apply()
        assert not net.connects(a, b)
        assert net.connects(proxy, a)


def test_the_proxy_reaches_everybody_as_soon_as_it_is_restarted(net: Net) -> None:
    proxy, a, b = net.proxy(), net.app(A), net.app(B)
    net.isolation.apply()
    net.docker.stop(proxy.id, 0)
    taken = net.app(C)  # it gets the proxy's address
    assert taken.ips[NETWORK] == proxy.ips[NETWORK]
    net.docker.start(proxy.id)
    again = net.listening(proxy.id)
    assert again.macs[NETWORK] == contract.PROXY_MAC
    assert net.connects(again, a)
    assert not net.connects(taken, b)
    assert not net.isolation.apply()


def test_the_host_finds_the_proxy_at_an_address_that_an_app_had(net: Net) -> None:
    """By the kernel's defaults the host would send to the app's MAC address for 40 s, though nobody is there any more."""
    net.app(B)  # a bridge whose last port goes would forget all addresses
    net.isolation.apply()
    before = net.app(A)
    socket.create_connection((before.ips[NETWORK], 8080), 3).close()
    net.docker.remove(before.id, force=True)
    proxy = net.proxy()
    assert proxy.ips[NETWORK] == before.ips[NETWORK]
    began = time.monotonic()
    while True:
        try:
            socket.create_connection((proxy.ips[NETWORK], 8080), 0.5).close()
            break
        except TimeoutError:
            assert time.monotonic() - began < 8, "it is still looked for where the app was"


def test_ipv6_is_no_way_around(net6: Net) -> None:
    proxy, a, b, c = net6.proxy(), net6.app(A), net6.app(B), net6.app(C)
    assert net6.connects6(a, b)
    net6.may_reach = {A: (B,)}
    assert net6.isolation.apply()
    assert not net6.isolation.apply()
    assert net6.connects6(a, b)
    assert net6.connects6(proxy, c)
    for source, target in ((b, a), (a, c), (c, a)):
        assert not net6.connects6(source, target), f"{source.name} to {target.name}"
        assert not net6.connects(source, target), f"{source.name} to {target.name}"
