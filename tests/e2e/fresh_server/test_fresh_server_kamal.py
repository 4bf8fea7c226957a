"""Kamal's own command on a fresh server that had no sshd: it comes when first used, works on an app, and opens nothing to the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fresh_server.server import FreshServer, fresh_server, until

URL = "http://hello.localhost/"
OURS = {"127.0.0.1:80", "127.0.0.1:822", "127.0.0.1:5555"}


@pytest.fixture(scope="module")
def server(parts: Path) -> Iterator[FreshServer]:
    with fresh_server("trixie", parts, purpose="kamal") as server:
        server.run("apt-get", "purge", "--yes", "--quiet", "openssh-server")
        server.install("--local", "--demo")
        yield server


def listens(server: FreshServer) -> set[str]:
    """Return the addresses that our services listen on. Raise AssertionError if anything does beyond loopback (containerd does on it)."""
    shown = server.run("ss", "--listening", "--tcp", "--numeric", "--no-header")
    found = {line.split()[3] for line in shown.splitlines()}
    assert all(address.startswith("127.0.0.1:") for address in found), shown
    return found & OURS


def test_the_first_use_brings_it_and_says_so(server: FreshServer) -> None:
    said = server.run("deployhost", "kamal", "hello", "--", "app", "details")
    print(said)
    assert "Kamal is not installed on this server yet" in said
    assert "127.0.0.1:5555/hello:" in said
    assert server.run("deployhost", "kamal", "hello", "--", "version").strip().endswith("2.11.0")
    assert listens(server) == OURS


def test_a_second_run_has_nothing_to_do(server: FreshServer) -> None:
    assert "nothing to do" in server.run("deployhost", "setup", "--kamal")
    assert "nothing to do" in server.run("deployhost", "setup", "--local")


def test_kamal_deploys_and_rolls_back_the_app(server: FreshServer) -> None:
    before = set(server.containers())
    server.run("deployhost", "kamal", "hello", "--", "redeploy")
    assert server.get(URL)[0] == 200
    (old,) = {name for name in before if name.startswith("hello-web-")}
    server.run("deployhost", "kamal", "hello", "--", "rollback", old.removeprefix("hello-web-"))
    assert server.get(URL)[0] == 200
    assert old in server.containers()


def test_it_is_back_after_a_reboot(server: FreshServer) -> None:
    server.reboot()
    until(lambda: server.get(URL)[0] == 200, 60)
    # Docker brings the app back; systemd says that all is up before the daemon listens.
    until(lambda: "kamal-proxy running" in server.run("deployhost", "status", check=False), 30)
    assert "hello-web-" in server.run("deployhost", "kamal", "hello", "--", "app", "details")
    assert listens(server) == OURS


def test_what_is_down_is_said_with_what_mends_it(server: FreshServer) -> None:
    server.run("systemctl", "stop", "deployhost-sshd")
    said = server.run("deployhost", "kamal", "hello", "--", "app", "details", check=False)
    assert "the SSH server for Kamal does not answer on 127.0.0.1:822" in said
    assert "try: deployhost setup --kamal" in said
    server.run("deployhost", "setup", "--kamal")
    server.run("deployhost", "kamal", "hello", "--", "app", "details")


def test_uninstalling_leaves_nothing_of_it(server: FreshServer) -> None:
    said = server.uninstall("--purge")
    assert "openssh-server" in said
    assert listens(server) == set()
    assert server.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "deployhost*").strip() == ""
    assert "No such file" in server.run("ls", "/var/lib/deployhost", check=False)
