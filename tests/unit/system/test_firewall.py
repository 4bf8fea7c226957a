"""What iptables is asked."""

from typing import Any

import pytest

from deployhost.system import process
from deployhost.system.firewall import Family, Firewall
from deployhost.system.process import Completed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bytes | None]]:
    found: list[tuple[list[str], bytes | None]] = []

    def run(argv: list[str], *, timeout: float, stdin: bytes | None = None) -> Completed:
        found.append((argv, stdin))
        return Completed(0, "-P FORWARD   DROP\n-A FORWARD -j  DOCKER-USER \n", "")

    monkeypatch.setattr(process, "run", run)
    return found


def test_rules(asked: list[Any]) -> None:
    assert Firewall().rules(Family.IPV6) == ("-P FORWARD DROP", "-A FORWARD -j DOCKER-USER")
    assert asked == [(["ip6tables", "-w", "5", "-S"], None)]


def test_restore_is_one_stroke_that_leaves_the_rest(asked: list[Any]) -> None:
    Firewall().restore(Family.IPV4, "-N OURS\n")
    assert asked == [(["iptables-restore", "-w", "5", "--noflush"], b"*filter\n-N OURS\nCOMMIT\n")]
