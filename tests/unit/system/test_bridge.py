"""Bridges: what is switched on, and which port a process is plugged into."""

import socket
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.system import netns
from deployhost.system.bridge import Bridges
from deployhost.system.firewall import Family


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    (tmp_path / "br-1/bridge").mkdir(parents=True)
    (tmp_path / "br-1/bridge/nf_call_iptables").write_text("0\n")
    (tmp_path / "br-1/brif/veth7").mkdir(parents=True)
    (tmp_path / "veth7").mkdir()
    (tmp_path / "veth7/ifindex").write_text("7\n")
    (tmp_path / "bridge").mkdir()
    return tmp_path


def test_filtering_is_switched_on_once(sys: Path) -> None:
    bridges = Bridges(sys, sys)
    assert bridges.filter("br-1", Family.IPV4)
    assert (sys / "br-1/bridge/nf_call_iptables").read_text() == "1\n"
    assert not bridges.filter("br-1", Family.IPV4)
    with pytest.raises(FileProblem):
        bridges.filter("br-2", Family.IPV4)


def test_neighbours_expire_soon_on_that_bridge_alone(sys: Path) -> None:
    for name in ("ipv4/neigh/br-1", "ipv4/neigh/default"):
        (sys / name).mkdir(parents=True)
        (sys / name / "base_reachable_time_ms").write_text("30000\n")
        (sys / name / "ucast_solicit").write_text("3\n")
    bridges = Bridges(sys, sys)
    bridges.expire_neighbours_soon("br-1")
    assert (sys / "ipv4/neigh/br-1/base_reachable_time_ms").read_text() == "1000\n"
    assert (sys / "ipv4/neigh/br-1/ucast_solicit").read_text() == "1\n"
    assert (sys / "ipv4/neigh/default/base_reachable_time_ms").read_text() == "30000\n"
    bridges.expire_neighbours_soon("br-2")  # one that is gone, or settings that can't be written


def test_ports_by_the_other_end(sys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "peers_in", lambda pid: {100: {7, 9}, 200: {9}}.get(pid, set()))
    assert Bridges(sys, sys).ports("br-1", [100, 200, 300]) == {100: "veth7"}
    assert Bridges(sys, sys).ports("br-2", [100]) == {}


def test_peers_of_a_process_that_is_gone() -> None:
    assert netns.peers_in(2**22 + 1) == set()


def test_peers_as_the_kernel_writes_them() -> None:
    """Two links, the second of which has another end (IFLA_LINK = 42), then the end of the list."""

    def message(kind: int, body: bytes) -> bytes:
        return (16 + len(body)).to_bytes(4, "little") + kind.to_bytes(2, "little") + bytes(10) + body

    def attribute(kind: int, value: bytes) -> bytes:
        raw = (4 + len(value)).to_bytes(2, "little") + kind.to_bytes(2, "little") + value
        return raw + bytes(-len(raw) % 4)

    name = attribute(3, b"eth0\0")
    links = message(16, bytes(16) + attribute(3, b"lo\0")) + message(
        16, bytes(16) + name + attribute(5, (42).to_bytes(4, "little"))
    )
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, kernels:
        kernels.send(links)
        kernels.send(message(3, bytes(4)))
        assert list(netns._peers(ours)) == [42]
