"""Reading what there is of the tunnel: apt's sources, what the service noted, and its command line."""

import json
import os
from pathlib import Path

import pytest

from deployhost.edge import connection
from deployhost.edge.connector import running_tunnel
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.server import read_tunnel
from deployhost.server.facts_tunnel import TUNNEL, TunnelSetupFiles
from deployhost.server.read_tunnel import read_tunnel_facts, tunnel_argv, wanted_tunnel
from deployhost.system import machine, packages
from deployhost.system.http import Answer, Get
from deployhost.system.start_with_secret import note_of
from tests.fakes.services import FakeServices

NONE = Path("/nowhere/cloudflared")


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(packages, "installed", frozenset)
    monkeypatch.setattr(read_tunnel, "cloudflared_version", lambda _program: ())
    return Paths(tmp_path)


def ready(at: int) -> Get:
    def get(ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
        assert (ip, path, host) == ("127.0.0.1", "/ready", "127.0.0.1")
        assert timeout < 5
        return Answer(200 if port == at else 503)

    return get


def test_where_there_is_nothing(paths: Paths) -> None:
    facts = read_tunnel_facts(paths, FakeServices(), program=NONE)
    assert facts.version == ()
    assert facts.files == {}
    assert facts.definition is None
    assert facts.running is None
    assert not any((facts.ours, facts.listed, facts.active, facts.connected))


@pytest.mark.parametrize(
    ("name", "text", "listed"),
    [
        ("sources.list", "deb https://pkg.cloudflare.com/cloudflared any main\n", True),
        (
            "sources.list.d/cloudflared.list",
            "deb [signed-by=/k] https://pkg.cloudflare.com/cloudflared buster main\n",
            True,
        ),
        ("sources.list.d/cloudflared.sources", "Types: deb\nURIs: https://pkg.cloudflare.com/cloudflared\n", True),
        ("sources.list.d/cloudflared.list", "# deb https://pkg.cloudflare.com/cloudflared any main\n", False),
        ("sources.list.d/cloudflared.list.save", "deb https://pkg.cloudflare.com/cloudflared any main\n", False),
        ("sources.list.d/deployhost-cloudflare.list", "deb https://pkg.cloudflare.com/cloudflared any main\n", False),
        ("sources.list.d/warp.list", "deb https://pkg.cloudflareclient.com/ any main\n", False),
    ],
)
def test_sources_of_others(paths: Paths, name: str, text: str, listed: bool) -> None:
    file = paths.root / "etc/apt" / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert read_tunnel_facts(paths, FakeServices(), program=NONE).listed is listed


def test_what_the_service_noted(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    note = TunnelSetupFiles(paths).note
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps(note_of(["a", "b"], NONE, b"secret", 20246)))
    monkeypatch.setattr(
        machine, "listener", lambda port: machine.PortListener(os.getpid() if port == 20246 else 1, "x")
    )
    facts = read_tunnel_facts(paths, FakeServices(), ready(20246), NONE)
    assert facts.connected
    monkeypatch.setattr(machine, "listener", lambda _port: machine.PortListener(1, "another"))
    assert not read_tunnel_facts(paths, FakeServices(), ready(20246), NONE).connected, "its port is another one's now"
    assert facts.running is not None
    assert facts.running.program == ("a", "b")
    assert "secret" not in facts.running.secret
    for damaged in (
        "",
        "{",
        "[]",
        '{"program": 7, "secret": "", "file": "", "port": 1}',
        '{"program": [], "port": "x"}',
    ):
        note.write_text(damaged)
        assert running_tunnel(note) is None


def test_what_is_wanted(paths: Paths) -> None:
    connection.save_tunnel_token(paths, Secret("tunnel-secret"))
    for manager in ("systemd", "supervisor"):
        wanted = wanted_tunnel(paths, FakeServices(manager=manager), NONE)
        assert "tunnel-secret" not in wanted.definition
        assert "start_with_secret" in wanted.definition
        assert str(TunnelSetupFiles(paths).token) in wanted.definition
    noted = note_of(list(tunnel_argv(NONE)), NONE, b"tunnel-secret", 1)
    assert (list(wanted.running.program), wanted.running.secret) == (noted["program"], noted["secret"])


def test_the_unit(paths: Paths) -> None:
    unit = wanted_tunnel(paths, FakeServices(), NONE).definition
    assert "Type=notify\n" in unit
    assert "@" not in unit.replace("@system-service", "")
    assert f"setpriv --reuid={TUNNEL} --regid={TUNNEL} --clear-groups --no-new-privs" in unit


def test_the_command_line() -> None:
    argv = tunnel_argv(Path("/usr/bin/cloudflared"))
    program = argv[argv.index("/usr/bin/cloudflared") :]
    assert program == (
        "/usr/bin/cloudflared", "--no-autoupdate", "tunnel", "--config", "/dev/null", "--metrics", "127.0.0.1:{port}", "run",
        "--token-file", "{secret}",
    )  # fmt: skip
