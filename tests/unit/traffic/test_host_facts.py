"""What is read of containers for the rules about the host."""

from pathlib import Path

from deployhost.kamal import contract
from deployhost.traffic.host_plan import HostWanted
from tests.unit.traffic.test_host_isolation import Host


def test_the_ports_of_builds_are_those_of_the_engines_own_bridge(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.docker.create_network(contract.NETWORK)
    reader = host.isolation.host_reader
    assert reader.ports_of_builds() == frozenset()
    wanted = [one for one in reader.read(building=True) if isinstance(one, HostWanted)]
    assert [(one.bridge, one.v6, one.asked) for one in wanted] == [
        ("br-000000000001", False, True),
        ("docker0", False, True),
        ("br-000000000001", True, True),
        ("docker0", True, True),
    ]
    assert reader.ports_of_builds() == frozenset(), "it went away"
    (tmp_path / "docker0/brif/veth7").mkdir(parents=True)
    assert reader.ports_of_builds() == {"veth7"}


def test_a_name_that_nobody_knows_is_left_out(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.docker.create_network(contract.NETWORK)
    host.endpoints = (("", 1), ("127.0.0.1", 3128))
    wanted = [one for one in host.isolation.host_reader.read(building=True) if isinstance(one, HostWanted)]
    assert [one.endpoints for one in wanted] == [(), (), (), ()]
