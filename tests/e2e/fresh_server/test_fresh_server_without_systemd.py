"""The same where PID 1 is not systemd: Docker and the daemon are supervised, and come back whatever is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fresh_server.local_account import attack
from tests.e2e.fresh_server.server import FreshServer, fresh_server, until

URL = "http://hello.localhost/"
DAEMON, ENGINE, SUPERVISOR = "bin/deployhostd", "/usr/sbin/dockerd", "deployhost.system.supervisor"


@pytest.fixture(scope="module")
def server(parts: Path) -> Iterator[FreshServer]:
    with fresh_server("bookworm", parts, systemd=False) as server:
        yield server


def test_one_command_makes_the_demo_live_and_a_second_run_changes_nothing(server: FreshServer) -> None:
    said = server.install("--local", "--demo")
    assert server.get(URL)[0] == 200, said
    before = server.containers(), server.process(DAEMON, ENGINE, SUPERVISOR)
    again = server.install("--local", "--demo")
    assert "nothing to do" in again
    assert "hello is already live" in again
    assert (server.containers(), server.process(DAEMON, ENGINE, SUPERVISOR)) == before


@pytest.mark.parametrize("program", [DAEMON, ENGINE])
def test_what_is_killed_is_started_again(server: FreshServer, program: str) -> None:
    containers, before = server.containers(), server.process(program)[program]
    server.run("kill", "-KILL", str(before))
    if program == DAEMON:  # a port on loopback is served by a child of dockerd (docker-proxy), which dies with it
        assert server.get(URL)[0] == 200
    until(lambda: server.run("pgrep", "--oldest", "--full", program, check=False).strip() not in ("", str(before)), 30)
    until(lambda: "hello" in server.run("deployhost", "status", check=False), 30)
    until(lambda: server.get(URL)[0] == 200, 30)
    assert server.containers() == containers


def test_a_killed_supervisor_is_replaced_by_set_up_and_nothing_is_restarted(server: FreshServer) -> None:
    before = server.containers(), server.process(DAEMON, ENGINE)
    server.run("kill", "-KILL", str(server.process(SUPERVISOR)[SUPERVISOR]))
    assert "start deployhostd" in server.install("--local")
    assert (server.containers(), server.process(DAEMON, ENGINE)) == before
    assert "nothing to do" in server.install("--local")


def test_an_upgrade_replaces_the_program_and_no_container(server: FreshServer) -> None:
    containers, engine, before = server.containers(), server.process(ENGINE), server.process(DAEMON, SUPERVISOR)
    server.rebuild_wheel()
    said = server.install("--local")
    assert "restart deployhostd" in said
    assert "remove earlier versions" in said
    assert server.process(DAEMON, SUPERVISOR) != before
    assert server.process(ENGINE) == engine
    assert server.containers() == containers
    assert server.get(URL)[0] == 200
    assert len(server.run("sh", "-c", "ls -d /opt/deployhost/venv-*").split()) == 1
    assert "nothing to do" in server.install("--local")


def test_after_a_reboot_set_up_brings_the_app_back(server: FreshServer) -> None:
    server.reboot()
    server.run("deployhost", "setup", "--local")
    until(lambda: server.get(URL)[0] == 200, 60)
    assert "nothing to do" in server.install("--local")


def test_nothing_of_ours_is_a_local_accounts(server: FreshServer) -> None:
    assert attack(server) == []


def test_uninstall_leaves_docker_running_by_itself(server: FreshServer) -> None:
    server.uninstall()
    assert server.get(URL)[0] == 0
    assert server.containers() == {}
    for gone in (DAEMON, SUPERVISOR):
        until(lambda gone=gone: not server.run("pgrep", "--full", gone, check=False).strip(), 10)  # type: ignore[misc]
    server.install("--local")
    until(lambda: server.get(URL)[0] == 200, 30)
