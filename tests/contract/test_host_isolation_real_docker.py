"""Apps and builds kept away from the host they run on: real containers, real builds, the real packet filter and its log.

Run explicitly: `pytest tests/contract`. It needs Docker and root; it makes a network of its own, listens on addresses of this machine,
and adds a link-local address that stands for a cloud's metadata service.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.build.docker_cli import DockerCli
from deployhost.build.registries import Reference
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import recipe_for
from deployhost.config.reachable import HostDoor, Reachable
from deployhost.kamal import contract
from deployhost.model import WEB, AppName
from deployhost.paths import Paths
from deployhost.system.addresses import HostAddresses
from deployhost.system.bridge import Bridges
from deployhost.system.clock import until
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, ContainerSpec
from deployhost.system.firewall import Family, Firewall
from deployhost.system.packet_log import PacketLog
from deployhost.system.process import run
from deployhost.traffic.host_facts import HostReader
from deployhost.traffic.host_isolation import HostIsolation
from deployhost.traffic.host_refusals import HostRefusals
from tests.real.containers import exec_run

NETWORK, IMAGE = "xhost", "xhost:python"
CHAINS = ("XHOST", "XHOST-BUILDS", "XHOST-REFUSE")
GROUP = 6469  # of netfilter's log, to which one can listen at a time: the daemon of this machine does to its own
METADATA = "169.254.77.7"
A, B = AppName("xhost-a"), AppName("xhost-b")
VERSION = "a" * 40
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 4)"
ASK_DNS = (
    "import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(4)\n"
    "s.sendto(b'?', (sys.argv[1], 53))\nassert s.recv(9) == b'!'"
)


class Place:
    """A network of its own, what listens on the host, and what apps.yml would say."""

    def __init__(self, docker: Docker, refusals: HostRefusals, root: Path) -> None:
        self.docker = docker
        self.reached: dict[AppName, tuple[Reachable, ...]] = {A: (), B: ()}
        self.endpoints: list[tuple[str, int]] = []
        self.firewall, addresses = Firewall(), HostAddresses()
        self.reader = HostReader(
            docker, Bridges(), addresses, self, lambda: self.endpoints, network=NETWORK, chains=CHAINS, group=GROUP
        )
        self.refusals = refusals
        self.isolation = HostIsolation(self.firewall, Bridges(), self.reader, self.refusals, Paths(root), let_go=0.0)
        network = docker.network(NETWORK)
        assert network is not None
        local = addresses.local()
        self.gateway = next(str(one) for name, one in local if name == network.bridge and one.version == 4)
        self.outside = next(str(one) for name, one in local if name in addresses.outward() and one.version == 4)
        self.gateway6 = [
            str(one) for name, one in local if name == network.bridge and one.version == 6 and not one.is_link_local
        ]
        self.made: list[str] = []

    def may_reach(self) -> dict[AppName, tuple[Reachable, ...] | None]:
        return dict(self.reached)

    def app(self, app: AppName) -> Container:
        return self.start(contract.container_name(app, WEB, VERSION), contract.role_labels(app, WEB))  # type: ignore[arg-type]

    def start(self, name: str, labels: dict[str, str] | None = None, network: str = NETWORK) -> Container:
        spec = ContainerSpec(
            name=name, image=IMAGE, command=("sleep", "600"), network=network, labels=labels or {}, init=True
        )
        self.made.append(self.docker.create(spec))
        self.docker.start(self.made[-1])
        return self.docker.inspect(self.made[-1])

    def reaches(self, source: Container, host: str, port: int) -> bool:
        return exec_run(self.docker, source.id, ["python3", "-c", CONNECT, host, str(port)])[0] == 0

    def build(self, work: Path, host: str, port: int) -> str:
        """Build something that connects to the host, and return what that came to."""
        (work / "connect.py").write_text(
            "import socket, sys\ntry:\n    socket.create_connection((sys.argv[1], int(sys.argv[2])), 4)\n"
            "except OSError as error:\n    print('came to', type(error).__name__)\nelse:\n    print('came to', 'CONNECTED')\n"
        )
        (work / "Dockerfile").write_text(
            f"FROM {IMAGE}\nCOPY connect.py /\nRUN echo {time.time()} && python3 /connect.py {host} {port}\n"
        )
        cli = DockerCli().find()
        env = {**os.environ, "DOCKER_BUILDKIT": "1"}
        told = run([*cli.build, "--progress=plain", str(work)], timeout=120, env=env)
        lines = (told.stdout + told.stderr).splitlines()
        return next(line.split("came to ")[1] for line in lines if "came to " in line and "RUN" not in line)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    engine = Docker()
    recipe = recipe_for(Reference.parse("python:3.13-slim"))
    assert recipe is not None
    StandIns(engine, tmp_path_factory.mktemp("bases"), os.environ).make(recipe, IMAGE, print)
    yield engine
    engine.remove_image(IMAGE)


@pytest.fixture(scope="module")
def refusals(docker: Docker) -> HostRefusals:
    """Return what listens to the packet filter's log: one can at a time."""
    return HostRefusals(docker, HostAddresses(), PacketLog(GROUP), time.time)


@pytest.fixture
def place(docker: Docker, refusals: HostRefusals, tmp_path: Path) -> Iterator[Place]:
    run(["docker", "network", "create", "--ipv6", "--subnet", "fd00:64:69::/64", NETWORK], timeout=30)
    run(["ip", "address", "add", f"{METADATA}/32", "dev", "lo"], timeout=10)
    Paths(tmp_path).state.mkdir(parents=True)
    made = Place(docker, refusals, tmp_path)
    yield made
    for container in made.made:
        docker.remove(container, force=True)
    made.firewall.forget(*CHAINS)
    docker.remove_network(NETWORK)
    run(["ip", "address", "del", f"{METADATA}/32", "dev", "lo"], timeout=10)
    assert not [rule for family in Family for rule in made.firewall.rules(family) if CHAINS[0] in rule]


@contextlib.contextmanager
def listening(host: str, port: int = 0, family: int = socket.AF_INET) -> Iterator[int]:
    """Listen on an address of this machine, as one of its services would."""
    with socket.create_server((host, port), family=family) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def resolver(host: str) -> Iterator[None]:
    """Answer on port 53, as a resolver on the host would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
        answering.bind((host, 53))
        answering.settimeout(10)

        def answer() -> None:
            with contextlib.suppress(OSError):
                answering.sendto(b"!", answering.recvfrom(9)[1])

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join()


def test_an_app_reaches_of_the_host_what_it_may(place: Place) -> None:
    a, b, stranger = place.app(A), place.app(B), place.start("xhost-stranger")
    with listening("0.0.0.0") as port, listening(place.outside, 443):
        closed = [(place.gateway, port), (place.outside, port), (METADATA, port)]
        for host, number in closed:
            assert place.reaches(a, host, number)  # without this the rest would prove nothing
        assert place.isolation.apply()
        assert not place.isolation.apply()
        assert place.isolation.problem == ""
        for host, number in closed:
            assert not place.reaches(a, host, number), host
            assert place.reaches(stranger, host, number), "what is not ours keeps what it had"
        assert place.reaches(a, place.outside, 443), "an app may call its own domain"
        with resolver(place.gateway):
            assert exec_run(place.docker, a.id, ["python3", "-c", ASK_DNS, place.gateway])[0] == 0
        assert {one.what for one in place.refusals.findings()} == {
            f"{A} was refused port {port} of this server",
            f"{A} was refused the cloud's metadata service",
        }
        place.reached[A] = (HostDoor(f"host:{port}"),)
        assert place.isolation.follow()
        assert place.reaches(a, place.gateway, port)
        assert not place.reaches(b, place.gateway, port)
        assert not place.reaches(a, METADATA, port)
        assert [one.what for one in place.refusals.findings()] != []
        place.reached[A] = (HostDoor("host:metadata"),)
        assert place.isolation.follow()
        assert place.reaches(a, METADATA, port)
        assert not place.reaches(a, place.gateway, port)
        place.firewall.restore(Family.IPV4, "-F XHOST\n")
        assert place.reaches(b, place.gateway, port)
        assert place.isolation.apply()
        assert not place.reaches(b, place.gateway, port)


def test_ipv6_is_no_way_around(place: Place) -> None:
    a = place.app(A)
    (gateway,) = place.gateway6
    with listening("::", family=socket.AF_INET6) as port:
        assert place.reaches(a, gateway, port)
        place.isolation.apply()
        assert not place.isolation.apply()
        assert not place.reaches(a, gateway, port)
        place.reached[A] = (HostDoor(f"host:{port}"),)
        place.isolation.apply()
        assert place.reaches(a, gateway, port)


def test_a_build_reaches_the_host_only_where_its_settings_send_builds(place: Place, tmp_path: Path) -> None:
    network = place.docker.network("bridge")
    assert network is not None
    bridge = next(str(one) for name, one in HostAddresses().local() if name == network.bridge and one.version == 4)
    place.isolation.apply()
    with listening("0.0.0.0") as port, listening(bridge) as proxy:
        assert place.build(tmp_path, bridge, port) == "CONNECTED"  # a build that is not ours
        before = place.start("xhost-before", network="bridge")
        place.endpoints = [(bridge, proxy), ("127.0.0.1", port)]
        with place.isolation.building(A) as kept_away:
            kept_away()
            assert place.build(tmp_path, bridge, port) == "ConnectionRefusedError"
            assert place.build(tmp_path, METADATA, port) == "ConnectionRefusedError"
            assert place.build(tmp_path, bridge, proxy) == "CONNECTED"
            assert place.reaches(before, bridge, port)
            beside = place.start("xhost-beside", network="bridge")
            opened = until(lambda: place.reaches(beside, bridge, port), within=10, every=0.2)
            assert opened, "what is not ours keeps what it had"
        assert f"a build of {A} was refused port {port} of this server" in {
            one.what for one in place.refusals.findings()
        }
        again = until(lambda: place.build(tmp_path, bridge, port) == "CONNECTED", within=10, every=0.2)
        assert again, "other builds reach what they did"
