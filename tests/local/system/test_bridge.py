"""How the commands that change the kernel's settings and its packet filter are called."""

import os
from pathlib import Path

import pytest

from deployhost.errors import DeployhostError
from deployhost.system import netlink
from deployhost.system.bridge import Bridges
from deployhost.system.firewall import Family, Firewall


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    (tmp_path / "br-1/bridge").mkdir(parents=True)
    (tmp_path / "br-1/bridge/nf_call_iptables").write_text("0\n")
    (tmp_path / "br-1/brif/veth7").mkdir(parents=True)
    (tmp_path / "veth7").mkdir()
    (tmp_path / "veth7/ifindex").write_text("7\n")
    return tmp_path


def test_a_kernel_without_the_module_says_so(sys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeployhostError):
        Bridges(sys, sys / "nowhere").filter("br-1", Family.IPV4)


def test_the_firewall_is_asked_and_changed_by_argv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("iptables", "ip6tables-restore"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$0 $*" "-A  X   -j Y" | tee {tmp_path}/{name}.out\ncat >>{tmp_path}/in\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    firewall = Firewall()
    assert firewall.rules(Family.IPV4) == (f"{tmp_path}/iptables -w 5 -S", "-A X -j Y")
    firewall.restore(Family.IPV6, "-F X\n")
    assert (tmp_path / "in").read_text() == "*filter\n-F X\nCOMMIT\n"
    assert "-w 5 --noflush" in (tmp_path / "ip6tables-restore.out").read_text()


def test_a_read_only_sysfs_is_no_reason(sys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: the kernel is asked by rtnetlink then."""
    (sys / "br-1").rename(sys / "lo")
    (sys / "bridge").mkdir()

    def refuse(self: Path, _text: str) -> int:
        raise OSError(30, "Read-only file system", str(self))

    asked: list[bytes] = []
    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(netlink, "change", lambda _kind, payload: asked.append(payload))
    assert Bridges(sys, sys).filter("lo", Family.IPV4)
    assert b"bridge" in asked[0]
    monkeypatch.setattr(netlink, "change", lambda _kind, _payload: refuse(sys, ""))
    with pytest.raises(DeployhostError, match="nf_call_iptables can't be set: Read-only file system"):
        Bridges(sys, sys).filter("lo", Family.IPV4)
