"""One command on a fresh Debian server with systemd, from the built wheel: live, nothing changed by a second run, back after a reboot."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.kamal.contract import PROXY_IMAGE
from tests.e2e.fresh_server.server import FreshServer, fresh_server, host, until

ROOT = Path(__file__).parents[3]
URL = "http://hello.localhost/"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshServer]:
    parts = tmp_path_factory.mktemp("parts")
    host(sys.executable, "-m", "build", "--wheel", "--outdir", str(parts), str(ROOT))
    if not host("docker", "image", "ls", "--quiet", PROXY_IMAGE).strip():
        pytest.fail(f"{PROXY_IMAGE} is not on this machine; run: deployhost setup --local")
    host("docker", "save", "--output", str(parts / "kamal-proxy.tar"), PROXY_IMAGE)
    with fresh_server(str(request.param), f"deployhost-fresh-{request.param}") as server:
        server.run("mkdir", "-p", "/root/parts with space")
        for part in (*parts.iterdir(), ROOT / "install.sh"):
            server.copy(part, f"/root/parts with space/{part.name}")
        yield server


def install(server: FreshServer, *arguments: str) -> str:
    script = 'cd "/root/parts with space" && exec ./install.sh --wheel deployhost-*.whl "$@"'
    return server.run("sh", "-c", script, "sh", *arguments, timeout=1200)


def test_one_command_makes_the_demo_live(server: FreshServer) -> None:
    said = install(server, "--local", "--demo", "--proxy-image", "kamal-proxy.tar")
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
    said = install(server, "--local", "--demo", "--proxy-image", "kamal-proxy.tar")
    assert "nothing to do" in said
    assert "hello is live already" in said
    assert server.containers() == containers
    assert server.run("systemctl", "show", "--property=MainPID", "deployhostd") == daemon
    assert server.run("systemctl", "show", "--property=MainPID", "docker") == engine
    assert "nothing to do" in install(server, "--local", "--dry-run")


def test_after_a_reboot_the_app_answers_by_itself(server: FreshServer) -> None:
    server.reboot()
    until(lambda: server.get(URL)[0] == 200, 60)
    until(lambda: server.run("systemctl", "is-active", "deployhostd", check=False).strip() == "active", 30)
    assert "nothing to do" in install(server, "--local")


def test_uninstall_keeps_the_data_and_set_up_brings_the_app_back(server: FreshServer) -> None:
    server.run("/bin/sh", "-c", 'cd "/root/parts with space" && ./install.sh --uninstall --yes')
    assert server.get(URL)[0] == 0
    assert server.containers() == {}
    assert server.run("sh", "-c", "command -v deployhost", check=False) == ""
    assert "hello.git" in server.run("ls", "/var/lib/deployhost/repos")
    install(server, "--local", "--proxy-image", "kamal-proxy.tar")
    until(lambda: server.get(URL)[0] == 200, 30)


def test_purge_leaves_nothing_but_docker(server: FreshServer) -> None:
    said = server.run("/bin/sh", "-c", 'cd "/root/parts with space" && ./install.sh --uninstall --purge --yes')
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
