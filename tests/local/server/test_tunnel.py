"""The tunnel on this machine, with doubles of Cloudflare and cloudflared under our supervisor: visitors reach kamal-proxy's port."""

import http.client
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployhost.config import server as server_config
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.edge.connector import running_tunnel
from deployhost.errors import SetupFailed
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.server import act_tunnel, read_tunnel
from deployhost.server.act_tunnel import TunnelActor
from deployhost.server.facts_tunnel import TUNNEL, TunnelSetupFiles
from deployhost.server.read_tunnel import serves
from deployhost.server.tunnel import TunnelSetup
from deployhost.steps import Step
from deployhost.system import process_records
from deployhost.system.clock import until
from deployhost.system.supervised import Supervised
from tests.doubles.cloudflared.package import PROGRAM
from tests.doubles.fixtures import SDK, CloudflareAccount

pytestmark = pytest.mark.usefixtures("warm_asking")
HOST = "shop.example.com"
WRAPPER = '#!/bin/sh\nCLOUDFLARED_DOUBLE={settings} exec /usr/bin/python3 {program} "$@"\n'


class Recording:
    """A recorder that keeps the words of the steps."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def started(self, step: Step) -> None:
        self.words.append(step.word)

    def done(self, step: Step, said: str) -> None:
        pass

    def failed(self, step: Step, error: Exception) -> None:
        pass


class Kamal(BaseHTTPRequestHandler):
    """What answers in kamal-proxy's place: the request's Host."""

    def do_GET(self) -> None:
        body = str(self.headers["Host"]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
        pass


@dataclass
class World:
    """A server that is joined to an account at Cloudflare's double, with a record of a domain."""

    paths: Paths
    services: Supervised
    account: CloudflareAccount

    def connect(self) -> list[str]:
        recording = Recording()
        request = EdgeRequest(token=Secret(self.account.token.value))
        Connecting(paths=self.paths, accounts=CloudflareAccounts(sdk=SDK)).run(request, recording)
        return recording.words

    def set_up(self) -> list[str]:
        recording = Recording()
        TunnelSetup(paths=self.paths, services=self.services, log=lambda _line: None, actor=quick).run(recording)
        return recording.words

    def is_connected(self) -> bool:
        """Return whether cloudflared says that it is connected."""
        note = running_tunnel(TunnelSetupFiles(self.paths).note)
        return note is not None and serves(note)

    def lead(self, host: str) -> None:
        """Have a domain lead to the server's tunnel."""
        (tunnel,) = self.account.double.state.tunnels.values()
        self.account.double.state.record(
            self.account.zone, "CNAME", host, f"{tunnel.id}.cfargotunnel.com", proxied=True
        )

    def visit(self, host: str = HOST) -> tuple[int, str]:
        """Return what a visitor of a domain gets."""
        double = self.account.double
        context = double.authority.client_context()
        connection = http.client.HTTPConnection("127.0.0.1", double.edge.port, timeout=10)
        connection.connect()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
        try:
            connection.request("GET", "/", headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def quick(**given: object) -> TunnelActor:
    return TunnelActor(**given, connects_within=15.0)  # type: ignore[arg-type]


@pytest.fixture
def world(cloudflare_account: CloudflareAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="dh") as name, ThreadingHTTPServer(("127.0.0.1", 0), Kamal) as kamal:
        root = Path(name)
        root.chmod(0o755)  # cloudflared is another user
        settings = cloudflare_account.double.write_connector_settings(root / "double.json")
        program, script = root / "cloudflared", root / "cloudflared.py"
        script.write_text(PROGRAM.read_text())
        program.write_text(WRAPPER.format(settings=settings, program=script))
        program.chmod(0o755)
        monkeypatch.setattr(read_tunnel, "find_cloudflared", lambda: program)
        monkeypatch.setattr(act_tunnel, "find_cloudflared", lambda: program)
        monkeypatch.setattr(read_tunnel, "USER", "daemon")
        monkeypatch.setattr(read_tunnel, "_exists", lambda _user: True)
        threading.Thread(target=kamal.serve_forever, daemon=True).start()
        paths = Paths(root)
        paths.config.mkdir(parents=True)
        server_config.set_port(paths.server_yml, "http_port", kamal.server_address[1])
        services = Supervised(paths, stops_within=5.0)
        try:
            yield World(paths, services, cloudflare_account)
        finally:
            services.remove(TUNNEL)
            kamal.shutdown()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="cloudflared runs as another user")


@needs_root
def test_from_nothing_to_a_visitor(world: World) -> None:
    assert world.set_up() == [], "it is wanted by nobody"
    world.connect()
    assert world.set_up() == ["DefineService", "StartTunnel"]
    world.lead(HOST)
    assert world.visit() == (200, HOST)
    assert world.set_up() == []
    # Without root's rights, and its token nowhere to be read.
    token = (world.paths.connections / "tunnel-token").read_text().strip()
    pid = world.services.pid(TUNNEL)
    about = Path(f"/proc/{pid}/status").read_text()
    assert "Uid:\t1\t1\t1\t1" in about
    assert "NoNewPrivs:\t1" in about
    for file in ("cmdline", "environ"):
        assert token.encode() not in Path(f"/proc/{pid}/{file}").read_bytes()
    assert token not in (world.paths.logs / f"{TUNNEL}.log").read_text()
    assert token not in TunnelSetupFiles(world.paths).note.read_text()


@needs_root
def test_no_request_fails_because_of_a_restart(world: World) -> None:
    """A rotated token makes a restart necessary; another connector serves meanwhile."""
    world.connect()
    world.set_up()
    world.lead(HOST)
    (tunnel,) = world.account.double.state.tunnels.values()
    tunnel.secret = "bmV3IHNlY3JldCBvZiB0aGUgdHVubmVs"
    assert world.connect() == ["SaveTunnelToken"]
    before, over, failed, served = world.services.pid(TUNNEL), threading.Event(), [], 0

    def visitors() -> None:
        nonlocal served
        while not over.is_set():
            try:
                status, _ = world.visit()
            except (OSError, ssl.SSLError, http.client.HTTPException) as error:
                failed.append(repr(error))
            else:
                served += 1
                if status != 200:
                    failed.append(str(status))

    threads = [threading.Thread(target=visitors) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert world.set_up() == ["RestartTunnel"]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert served > 5
    assert world.services.pid(TUNNEL) != before
    assert not TunnelSetupFiles(world.paths).second_note.exists()
    assert world.visit() == (200, HOST)
    assert world.set_up() == []


@needs_root
def test_a_token_that_joins_nothing(world: World) -> None:
    """It is told, nothing is broken, and the next set-up goes on from there."""
    world.connect()
    file = world.paths.connections / "tunnel-token"
    right = file.read_text()
    file.write_text("eyJhIjoiYSIsInQiOiIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCJzIjoiYzJWamNtVjAifQ==")
    actor = TunnelSetup(
        paths=world.paths,
        services=world.services,
        log=lambda _line: None,
        actor=lambda **given: TunnelActor(**given, connects_within=1.5),
    )
    with pytest.raises(SetupFailed, match="did not connect to Cloudflare"):
        actor.run(Recording())
    file.write_text(right)
    assert world.set_up()[-1] in ("StartTunnel", "RestartTunnel")
    world.lead(HOST)
    assert world.visit() == (200, HOST)


@needs_root
def test_a_killed_cloudflared_comes_back(world: World) -> None:
    world.connect()
    world.set_up()
    world.lead(HOST)
    os.kill(world.services.pid(TUNNEL), 9)
    world.services.start(TUNNEL)
    assert until(world.is_connected, within=15, every=0.1)
    assert process_records.running(world.paths.run / f"services/{TUNNEL}.json")
    assert world.set_up() == []
