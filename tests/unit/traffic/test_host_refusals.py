"""What apps were refused of the host, as findings with the line that allows it."""

from pathlib import Path

import pytest

from deployhost.kamal import contract
from deployhost.model import AppName
from deployhost.system.packet_log import Logged
from deployhost.traffic import host_refusals
from tests.unit.traffic.test_host_isolation import POSTGRES, A, Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.docker.create_network(contract.NETWORK)
    made.isolation.apply()
    return made


def refused(host: Host, port: int, to: str = "172.18.0.1", source: str = "") -> None:
    (container,) = host.docker.listed({"service": A})
    host.refusals.note(Logged(source or container.ips[contract.NETWORK], to, "tcp", port), (AppName("blog"),))


def whats(host: Host) -> list[str]:
    return [one.what for one in host.refusals.findings()]


def test_a_refusal_is_told_once_with_the_line_to_add(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.app(A)
    for _ in range(3):
        refused(host, 5432)
    (found,) = host.refusals.findings()
    assert found.what == "shop was refused port 5432 of this server"
    assert "add host:5432 to its may_reach, as in `may_reach: [host:5432]`" in found.why
    assert caplog.text.count("was refused") == 1
    refused(host, 80, to="169.254.169.254")
    assert "shop was refused the cloud's metadata service" in whats(host)


def test_what_is_allowed_by_now_is_no_finding(host: Host) -> None:
    host.app(A)
    refused(host, 5432)
    host.reached = {A: (POSTGRES,)}
    assert whats(host) == []
    refused(host, 5432)
    assert whats(host) == []


def test_who_is_no_container_is_a_build(host: Host) -> None:
    host.app(A)
    refused(host, 5432, source="172.17.0.9")
    assert whats(host) == ["a build of blog was refused port 5432 of this server"]


def test_what_is_none_of_the_hosts_is_nothing(host: Host) -> None:
    host.app(A)
    refused(host, 5353, to="224.0.0.251")
    refused(host, 0)
    assert whats(host) == []


def test_it_is_bounded_in_number_and_time(host: Host) -> None:
    host.app(A)
    for port in range(1, host_refusals.MOST + 50):
        refused(host, port)
    assert len(whats(host)) == host_refusals.MOST
    host.now = host_refusals.SHOWN + 1
    assert whats(host) == []
