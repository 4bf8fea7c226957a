"""Kamal's registry is root's alone: the real packet filter, and accounts without rights that try to get at it.

Run explicitly: `pytest tests/contract`. It needs root and iptables; the registry is played by a server at a port of its own.
"""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.kamal import guard, guard_plan
from deployhost.kamal.guard_plan import Guarded
from deployhost.system.firewall import Family, Firewall
from deployhost.system.process import run

CHAIN, REGISTRY_UID, NOBODY = "XREGISTRY", 64102, 65534
SERVE = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    connection.recv(100)
    connection.sendall(b"images")
    connection.close()
"""
ASK = """
import socket, sys
kind = {"tcp": 0, "mptcp": 262}[sys.argv[3]]
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM, kind) as asking:
    asking.settimeout(float(sys.argv[4]))
    if sys.argv[5]:
        asking.bind((sys.argv[5], 0))
    asking.connect((sys.argv[1], int(sys.argv[2])))
    asking.sendall(b"x")
    print(asking.recv(100))
"""
PYTHON = "/usr/bin/python3"


def as_user(uid: int, code: str, *argv: str) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", PYTHON, "-c", code, *argv]


@pytest.fixture
def serve() -> Iterator["list[subprocess.Popen[str]]"]:
    """Yield a list of who serves; each is ended afterwards."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        one.kill()
        one.communicate()


def listening(serve: "list[subprocess.Popen[str]]", uid: int, port: int = 0) -> int:
    server = subprocess.Popen(as_user(uid, SERVE, str(port)), stdout=subprocess.PIPE, text=True)
    serve.append(server)
    assert server.stdout is not None
    return int(server.stdout.readline())


def reaches(
    uid: int, port: int, host: str = "127.0.0.1", kind: str = "tcp", within: float = 3, source: str = ""
) -> bool:
    asked = run(as_user(uid, ASK, host, str(port), kind, str(within), source), timeout=20, check=False)
    return "images" in asked.stdout


@pytest.fixture
def firewall() -> Iterator[Firewall]:
    made = Firewall()
    yield made
    made.forget(CHAIN)
    assert not [rule for family in Family for rule in made.rules(family) if CHAIN in rule]


def test_only_root_reaches_it(firewall: Firewall, serve: "list[subprocess.Popen[str]]") -> None:
    port = listening(serve, REGISTRY_UID)
    guarded = Guarded(str(REGISTRY_UID), port=port, chain=CHAIN)
    assert reaches(NOBODY, port)  # without this the rest would prove nothing
    firewall.restore(Family.IPV4, "-A OUTPUT -o lo -j ACCEPT\n")  # as firewalls' programs have it
    try:
        assert guard.apply(firewall, guarded)
        assert not guard.apply(firewall, guarded)
        for uid in (NOBODY, REGISTRY_UID):
            assert not reaches(uid, port), uid
        assert not reaches(NOBODY, port, source="127.0.0.9")
        assert not reaches(NOBODY, port, "::ffff:127.0.0.1")
        assert not reaches(NOBODY, port, kind="mptcp")
        unshared = [
            "unshare",
            "--user",
            "--map-root-user",
            *as_user(0, ASK, "127.0.0.1", str(port), "tcp", "3", "")[4:],
        ]
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        assert "images" not in run([*as_nobody, *unshared], timeout=20, check=False).stdout
        assert all(reaches(0, port) for _ in range(3))
        many = socket.create_connection(("127.0.0.1", port), 3)  # root's own end of a connection is not reset either
        many.sendall(b"x")
        assert many.recv(100) == b"images"
        assert many.recv(100) == b""
        many.close()
    finally:
        firewall.restore(Family.IPV4, "-D OUTPUT -o lo -j ACCEPT\n")


def test_nobody_else_plays_the_registry(firewall: Firewall, serve: "list[subprocess.Popen[str]]") -> None:
    """While it is down, its port is free: whoever listens there would be sent root's images, and asked for them."""
    port = listening(serve, NOBODY)
    assert reaches(0, port)
    guard.apply(firewall, Guarded(str(REGISTRY_UID), port=port, chain=CHAIN))
    assert not reaches(0, port, within=1)


def test_the_service_does_not_start_without_the_rules(firewall: Firewall, tmp_path: Path) -> None:
    guarded, file = Guarded("nobody", port=1, chain=CHAIN), tmp_path / "rules"
    file.write_text(guard_plan.file_text(guarded))
    for _ in range(2):
        run(["/bin/sh", "-c", guard_plan.before_start(guarded, str(file))], timeout=20)
    assert [rule for rule in firewall.rules(Family.IPV4) if rule.endswith(f"-j {CHAIN}")] == [guard_plan.jump(guarded)]
    here = Guarded(str(NOBODY), port=1, chain=CHAIN)
    assert guard_plan.change(here, firewall.rules(Family.IPV4)) == "", (
        "what the service puts there is what the daemon wants"
    )
    file.write_text("*filter\n-A NOWHERE -j ACCEPT\nCOMMIT\n")
    assert run(["/bin/sh", "-c", guard_plan.before_start(guarded, str(file))], timeout=20, check=False).code != 0
