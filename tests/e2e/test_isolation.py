"""Apps can't reach each other, whatever they are called by, unless apps.yml says so; and what is flushed comes back."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deployhost.config import apps
from deployhost.paths import Paths
from deployhost.traffic.isolation_plan import CHAIN
from tests.real.system_under_test import App, deployhost, docker, eventually

MakeApp = Callable[[str], App]
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
LONGEST_LABEL = 63  # of a name that resolvers ask for; a container's own may be longer
KEPT_WITHIN = 90.0  # seconds; the daemon looks at the rules once a minute


@contextmanager
def allowed(source: App, target: str) -> Iterator[None]:
    """While it is entered, apps.yml says what an app may reach; no app that another may reach can be removed."""
    path, key = Paths().apps_yml, ("apps", source.name, "may_reach")
    apps.change(path, lambda text, _now: text.append(key, (target,)))
    try:
        yield
    finally:
        apps.change(path, lambda text, _now: text.drop(key))


def flushed() -> bool:
    """Empty our chain of the packet filter."""
    return subprocess.run(["iptables", "-w", "5", "-F", CHAIN], check=True).returncode == 0


def container(app: App) -> str:
    return str(app.status()["live"]["container"])


def connects(source: App, target: App, by: str) -> bool:
    """Given two apps, return whether a program in the first one's container gets through to the second one's, by that name."""
    return reaches(source, by, target.status()["live"]["port"])


def reaches(source: App, host: str, port: int) -> bool:
    """Return whether a program in an app's container gets through to a host and port."""
    argv = ["docker", "exec", container(source), "python3", "-c", CONNECT, host, str(port)]
    return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode == 0


def names(app: App) -> list[str]:
    """Every name that an app's container has for others: address, app, process, container, short id."""
    address = docker("inspect", "--format", "{{.NetworkSettings.Networks.kamal.IPAddress}}", container(app))
    name = docker("inspect", "--format", "{{.Name}}", container(app)).lstrip("/")
    found = [address, app.name, f"web.{app.name}", name, container(app)[:12]]
    return [name for name in found if len(name) <= LONGEST_LABEL]


def test_apps_are_kept_apart(make_app: MakeApp) -> None:
    one, two = make_app("stdlib"), make_app("stdlib")
    one.push()
    two.push()
    for source, target in ((one, two), (two, one)):
        assert connects(source, source, "127.0.0.1"), "the program itself can connect"
        assert [by for by in names(target) if connects(source, target, by)] == []
    assert one.body() == two.body() == "stdlib one\n"

    with allowed(one, two.name):
        deployhost("restart", one.name)
        assert [by for by in names(two) if not connects(one, two, by)] == []
        assert [by for by in names(one) if connects(two, one, by)] == []

        two.set_version("two")
        two.push()
        assert connects(one, two, two.name), "the new release is let through as soon as it is live"

        # The daemon may be just about to put the rules back, for the old container that went.
        eventually(
            lambda: flushed() and connects(two, one, one.name), within=30, what="no rules: else the rest proves nothing"
        )
        eventually(lambda: not connects(two, one, one.name), within=KEPT_WITHIN, what="the rules are put back")
        eventually(lambda: connects(one, two, two.name), within=KEPT_WITHIN, what="the exception is put back")
        assert two.body() == "stdlib two\n"
    deployhost("restart", two.name)
    assert not connects(one, two, two.name)


def test_the_host_is_no_neighbour(make_app: MakeApp) -> None:
    one, two = make_app("stdlib"), make_app("stdlib")
    one.push()
    two.push()
    gateway = docker("network", "inspect", "kamal", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    with socket.create_server(("0.0.0.0", 0)) as service:  # as a database of the server's own
        port = service.getsockname()[1]
        assert not reaches(one, gateway, port)
        line = f"may_reach: [host:{port}]"
        eventually(lambda: line in deployhost("status").out, within=30, what="the line that allows it is shown")
        with allowed(one, f"host:{port}"):
            eventually(lambda: reaches(one, gateway, port), within=30, what="it may")
            assert line not in deployhost("status").out
            deployhost("restart", one.name)
            assert reaches(one, gateway, port), "a container that has just started may as well"
            assert not reaches(two, gateway, port)

        two.configure(stand_in_bases=True)
        attempts = " && ".join(f"! python3 -c '{CONNECT}' {host} {port}" for host in (gateway, "172.17.0.1"))
        (two.tree / "Dockerfile").write_text(
            f"FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nRUN {attempts}\nCMD python main.py\n"
        )
        two.set_version("two")
        two.push()
        assert two.body() == "stdlib two\n", "its build could not connect either"
        eventually(lambda: not reaches(one, gateway, port), within=30, what="what was opened is shut again")
