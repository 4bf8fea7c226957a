"""One command on a fresh Debian server with systemd, from the built wheel: live, nothing changed by a second run, back after a reboot."""

import json

from tests.e2e.fresh_server.local_account import MOUNTED, STORAGE, attack
from tests.e2e.fresh_server.server import FreshServer, until

URL = "http://hello.localhost/"
DAEMON = "bin/deployhostd"
# Whether the app's container reaches something that listens at all of the server's addresses.
REACHED = """
python3 -m http.server 9999 --bind 0.0.0.0 >/dev/null 2>&1 &
connect='import socket, sys; socket.create_connection((sys.argv[1], 9999), 2)'
until python3 -c "$connect" 127.0.0.1 2>/dev/null; do sleep 0.1; done
until app=$(docker ps --quiet --filter label=service=hello --filter label=role=web) && [ -n "$app" ]; do sleep 0.1; done
server=$(docker network inspect kamal --format '{{(index .IPAM.Config 0).Gateway}}')
docker exec "$app" python3 -c "$connect" "$server" 2>/dev/null && echo it answers || echo nothing answers
kill $!
"""


def test_one_command_makes_the_demo_live(server: FreshServer) -> None:
    said = server.install("--local", "--demo")
    print(said)
    status, body = server.get(URL)
    assert status == 200, said
    assert "hello" in body.lower()
    (app,) = json.loads(server.run("deployhost", "status", "hello", "--json"))["apps"]
    assert app["state"] == "live"
    assert "live-restore" in server.run("cat", "/etc/docker/daemon.json")
    assert "127.0.0.1:80->80/tcp" in server.run(
        "docker", "ps", "--filter", "name=^kamal-proxy$", "--format", "{{.Ports}}"
    )


def test_a_second_run_changes_nothing(server: FreshServer) -> None:
    containers = server.containers()
    daemon = server.run("systemctl", "show", "--property=MainPID", "deployhostd")
    engine = server.run("systemctl", "show", "--property=MainPID", "docker")
    said = server.install("--local", "--demo")
    assert "nothing to do" in said
    assert "hello is already live" in said
    assert server.containers() == containers
    assert server.run("systemctl", "show", "--property=MainPID", "deployhostd") == daemon
    assert server.run("systemctl", "show", "--property=MainPID", "docker") == engine
    assert "nothing to do" in server.install("--local", "--dry-run")


def test_an_upgrade_replaces_the_program_and_no_container(server: FreshServer) -> None:
    containers, before = server.containers(), server.process(DAEMON)
    server.rebuild_wheel()
    said = server.install("--local")
    assert "restart deployhostd" in said
    assert "remove earlier versions" in said
    assert server.process(DAEMON) != before
    assert server.containers() == containers
    assert server.get(URL)[0] == 200
    assert len(server.run("sh", "-c", "ls -d /opt/deployhost/venv-*").split()) == 1
    assert "nothing to do" in server.install("--local")


def test_after_a_reboot_the_app_answers_by_itself(server: FreshServer) -> None:
    """And can't reach the server, which has no rule of the daemon's yet: apps run before the daemon does."""
    server.run("systemctl", "disable", "deployhostd")
    server.reboot()
    assert server.run("sh", "-c", REACHED, check=False).strip() == "nothing answers"
    server.run("systemctl", "enable", "--now", "deployhostd")
    until(lambda: server.get(URL)[0] == 200, 60)
    # To systemd it is active a moment before it listens.
    until(lambda: "kamal-proxy running" in server.run("deployhost", "status", check=False), 30)
    assert "nothing to do" in server.install("--local")


def test_nothing_of_ours_is_a_local_accounts(server: FreshServer) -> None:
    """After a reboot, too: the storage was mounted before the engine started its containers."""
    assert attack(server) == []
    order = "systemctl show --property=ActiveEnterTimestampMonotonic --value"
    storage, engine = (int(server.run("sh", "-c", f"{order} {unit}")) for unit in ("deployhost-storage", "docker"))
    assert 0 < storage < engine


def test_what_an_earlier_version_left_open_is_closed(server: FreshServer) -> None:
    server.run(
        "sh",
        "-c",
        f"systemctl disable --now deployhost-storage; rm /etc/systemd/system/deployhost-storage.service; umount {STORAGE}",
    )
    server.run("sh", "-c", f"chmod 0755 /var/lib/deployhost {STORAGE}; chmod 0644 /var/lib/deployhost/journal.db*")
    server.run("sh", "-c", ": >/opt/deployhost/.lock")
    containers = server.containers()
    said = server.install("--local")
    assert f"mount {STORAGE} nosuid,nodev" in said
    server.run("systemctl", "restart", "deployhostd")
    until(lambda: "kamal-proxy running" in server.run("deployhost", "status", check=False), 30)
    assert attack(server) == []
    assert server.containers() == containers


def test_the_network_comes_back_when_it_was_removed(server: FreshServer) -> None:
    containers = server.containers()
    server.run(
        "sh", "-c", "docker ps --quiet | xargs -n 1 docker network disconnect --force kamal; docker network rm kamal"
    )
    assert server.get(URL)[0] != 200
    until(lambda: server.get(URL)[0] == 200, 30)
    assert server.containers() == containers
    assert "nothing to repair" in server.run("deployhost", "converge")


def test_uninstall_keeps_the_data_and_set_up_brings_the_app_back(server: FreshServer) -> None:
    server.uninstall()
    assert server.run("sh", "-c", MOUNTED, check=False) == ""
    assert server.get(URL)[0] == 0
    assert server.containers() == {}
    assert server.run("sh", "-c", "command -v deployhost", check=False) == ""
    assert "hello.git" in server.run("ls", "/var/lib/deployhost/repos")
    server.install("--local")
    until(lambda: server.get(URL)[0] == 200, 30)


def test_purge_leaves_nothing_but_docker(server: FreshServer) -> None:
    said = server.uninstall("--purge")
    assert "apt-get remove --purge" in said
    for path in (
        "/opt/deployhost",
        "/etc/deployhost",
        "/var/lib/deployhost",
        "/run/deployhost",
        "/usr/local/bin/deployhost",
    ):
        assert server.run("sh", "-c", f"test ! -e {path} && echo gone", check=False) == "gone\n", path
    assert server.run("docker", "ps", "--all", "--quiet") == ""
    assert server.run("systemctl", "is-active", "docker").strip() == "active"
