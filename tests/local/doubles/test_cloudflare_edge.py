"""The edge, the connector and an origin together: requests and bodies both ways, and what happens without a connector."""

import contextlib
import hashlib
import http.client
import http.server
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cloudflare import APIStatusError, Cloudflare

from tests.doubles.cloudflare.state import Tunnel
from tests.doubles.cloudflared.running import RunningConnector
from tests.doubles.fixtures import CloudflareAccount
from tests.doubles.serve import Answer, Call, HttpsDouble, json_answer

BIG = bytes(range(256)) * 20_000
HOOK = "^/webhook/[0-9a-z]+$"


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class RefusesEarly(http.server.BaseHTTPRequestHandler):
    """Answers 404 as soon as it knows the path, and reads no body."""

    def do_POST(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"hook")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Site:
    """example.com at Cloudflare's double, with a tunnel, and an origin of one's own."""

    def __init__(self, at: CloudflareAccount, folder: Path) -> None:
        self.at, self.folder = at, folder
        self.client = Cloudflare(api_token=at.token.value, max_retries=0)
        account = at.account.id
        self.tunnel = self.add_tunnel("one")
        self.origin = HttpsDouble(self.answer, None)
        self.seen: list[Call] = []
        at.double.state.record(at.zone, "CNAME", "www.example.com", f"{self.tunnel.id}.cfargotunnel.com", proxied=True)
        self.hook = folder / "hook.sock"
        self.configure(
            {"hostname": "hook.example.com", "path": HOOK, "service": f"unix:{self.hook}"},
            {"service": f"http://127.0.0.1:{self.origin.port}"},
        )
        assert account

    def add_tunnel(self, name: str) -> Tunnel:
        made = self.client.zero_trust.tunnels.cloudflared.create(
            account_id=self.at.account.id, name=name, config_src="cloudflare"
        )
        return self.at.double.state.tunnels[str(made.id)]

    def configure(self, *rules: Any) -> None:
        self.client.zero_trust.tunnels.cloudflared.configurations.update(
            self.tunnel.id, account_id=self.at.account.id, config={"ingress": rules}
        )

    def answer(self, call: Call) -> Answer:
        self.seen.append(call)
        if call.path == "/big":
            return Answer(200, BIG)
        if call.path == "/slow":
            time.sleep(0.5)
        headers = {name: call.headers.get(name) for name in ("host", "x-forwarded-proto", "cf-connecting-ip")}
        return json_answer({**headers, "body": hashlib.sha256(call.body).hexdigest()})

    def connector(self, *more: str) -> RunningConnector:
        settings = self.at.double.write_connector_settings(self.folder / "settings.json")
        return RunningConnector(self.folder, settings, self.tunnel.token, *more)

    def visit(self, host: str) -> "Visitor":
        return Visitor(host, self.at.double.edge.port, self.at.double.authority.client_context())

    def close(self) -> None:
        self.origin.stop()
        self.client.close()


class Visitor(http.client.HTTPSConnection):
    """A connection to the edge as the browser of somebody who visits a host makes it."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=10, context=context)
        self.tls = context

    def connect(self) -> None:
        raw = socket.create_connection(("127.0.0.1", self.port), 10)
        self.sock = self.tls.wrap_socket(raw, server_hostname=self.host)

    def ask(self, method: str = "GET", path: str = "/", body: Any = None) -> tuple[int, bytes]:
        self.request(method, path, body=body, headers={"Host": self.host})
        answer = self.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def site(cloudflare_account: CloudflareAccount, tmp_path: Path) -> Iterator[Site]:
    made = Site(cloudflare_account, tmp_path)
    yield made
    made.close()


def test_requests_and_bodies_pass_both_ways(site: Site) -> None:
    with site.connector() as connector, contextlib.closing(site.visit("www.example.com")) as visitor:
        connector.wait_until_ready()
        connector.wait_for_version(1)
        status, body = visitor.ask(path="/a%20b?c=d")
        assert status == 200
        assert b'"host": "www.example.com", "x-forwarded-proto": "https", "cf-connecting-ip": "127.0.0.1"' in body
        assert (site.seen[0].path, site.seen[0].query) == ("/a%20b", "c=d")
        assert visitor.ask(path="/big") == (200, BIG)
        assert hashlib.sha256(BIG).hexdigest().encode() in visitor.ask("POST", "/", BIG)[1]
        assert hashlib.sha256(BIG).hexdigest().encode() in visitor.ask("POST", "/", iter([BIG[:1000], BIG[1000:]]))[1]
        assert visitor.ask("HEAD") == (200, b"")
        state = site.client.zero_trust.tunnels.cloudflared.get(site.tunnel.id, account_id=site.at.account.id)
        assert state.status == "healthy"
        shown = site.client.zero_trust.tunnels.cloudflared.connections.get(
            site.tunnel.id, account_id=site.at.account.id
        )
        assert [one.version for one in shown] == ["2026.8.2"]
        assert connector.config["config"]["ingress"][0]["path"] == HOOK
        assert "cloudflared_tunnel_total_requests 5" in connector.ask("/metrics")[1]


def test_paths_are_searched_for_and_a_service_may_be_a_unix_socket(site: Site) -> None:
    site.at.double.state.record(
        site.at.zone, "CNAME", "*.example.com", f"{site.tunnel.id}.cfargotunnel.com", proxied=True
    )
    with UnixServer(str(site.hook), RefusesEarly) as hook, site.connector() as connector:
        threading.Thread(target=hook.serve_forever, args=(0.02,)).start()
        connector.wait_until_ready()
        connector.wait_for_version(1)
        for path, body in (("/webhook/abc", b"hook"), ("/webhook/ABC", None), ("/x/webhook/abc", None)):
            with contextlib.closing(site.visit("hook.example.com")) as visitor:
                answer = visitor.ask("POST", path, BIG if body else b"")
                assert answer == (404, body) if body else answer[0] == 200
        hook.shutdown()
        with contextlib.closing(site.visit("hook.example.com")) as visitor:
            site.configure({"path": "abc", "service": "http_status:418"}, {"service": "http://127.0.0.1:1"})
            connector.wait_for_version(2)
            assert visitor.ask("GET", "/x/abcd") == (418, b"")
            assert visitor.ask("GET", "/else")[0] == 502


def test_without_a_connector_or_a_record_the_edge_answers_itself(site: Site) -> None:
    state, zone = site.at.double.state, site.at.zone
    other = state.add_account("Other")
    state.tunnels["foreign"] = Tunnel("foreign", "foreign", other, "cloudflare", "")
    state.record(zone, "CNAME", "foreign.example.com", "foreign.cfargotunnel.com", proxied=True)
    state.record(zone, "CNAME", "grey.example.com", f"{site.tunnel.id}.cfargotunnel.com")
    for host, answer in {
        "www": (530, b"error code: 1033\n"),
        "absent": (530, b"error code: 1016\n"),
        "grey": (530, b"error code: 1016\n"),
        "foreign": (403, b"error code: 1014\n"),
    }.items():
        with contextlib.closing(site.visit(f"{host}.example.com")) as visitor:
            assert visitor.ask() == answer


def test_other_doubles_are_served_at_the_same_address(site: Site) -> None:
    with HttpsDouble(lambda call: Answer(200, call.path.encode()), None) as packages:
        site.at.double.edge.also_serve("pkg.cloudflare.com", packages)
        with contextlib.closing(site.visit("pkg.cloudflare.com")) as visitor:
            assert visitor.ask("GET", "/cloudflared") == (200, b"/cloudflared")
    with contextlib.closing(site.visit("api.cloudflare.com")) as visitor:
        assert visitor.ask("GET", "/client/v4/zones")[0] == 400
    assert len(packages.record.calls) == 1


@pytest.mark.parametrize("host", ["a.b.example.com", "elsewhere.test"])
def test_no_certificate_covers_two_levels_or_foreign_names(site: Site, host: str) -> None:
    visitor = site.visit(host)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        visitor.ask()


def test_a_rotated_token_keeps_what_runs_and_connects_no_more(site: Site) -> None:
    old = site.tunnel.token
    with site.connector() as connector, contextlib.closing(site.visit("www.example.com")) as visitor:
        connector.wait_until_ready()
        connector.wait_for_version(1)
        site.client.zero_trust.tunnels.cloudflared.edit(
            site.tunnel.id, account_id=site.at.account.id, tunnel_secret="bmV3" * 12
        )
        assert visitor.ask()[0] == 200
        folder = site.folder / "old"
        folder.mkdir()
        with RunningConnector(folder, site.folder / "settings.json", old) as refused:
            assert refused.process.wait(10) == 1
            assert "Unauthorized: Invalid tunnel secret" in refused.log
        assert visitor.ask()[0] == 200
        assert len(site.at.double.connectors.refused) == 1


def test_a_connector_that_is_told_to_stop_ends_what_it_has_begun(site: Site) -> None:
    tunnels, account = site.client.zero_trust.tunnels.cloudflared, site.at.account.id
    with site.connector() as first, ThreadPoolExecutor() as pool:
        first.wait_until_ready()
        first.wait_for_version(1)
        with pytest.raises(APIStatusError, match="active connections"):
            tunnels.delete(site.tunnel.id, account_id=account)
        with contextlib.closing(site.visit("www.example.com")) as visitor:
            slow = pool.submit(visitor.ask, "GET", "/slow")
            deadline = time.monotonic() + 5
            while not site.seen and time.monotonic() < deadline:
                time.sleep(0.01)
            with site.connector() as second:
                second.wait_until_ready()
                assert first.stop() == 0
                assert slow.result(5)[0] == 200
                assert visitor.ask()[0] == 200
    tunnels.delete(site.tunnel.id, account_id=account)


def test_a_killed_connector_counts_until_its_connections_are_cleaned_up(site: Site) -> None:
    tunnels, account = site.client.zero_trust.tunnels.cloudflared, site.at.account.id
    with site.connector() as connector:
        connector.wait_until_ready()
        connector.process.kill()
        connector.process.wait()
    deadline = time.monotonic() + 5
    while tunnels.get(site.tunnel.id, account_id=account).status != "down":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    shown = list(tunnels.connections.get(site.tunnel.id, account_id=account))
    assert [one.is_pending_reconnect for client in shown for one in client.conns or ()] == [True]
    with pytest.raises(APIStatusError, match="active connections"):
        tunnels.delete(site.tunnel.id, account_id=account)
    tunnels.connections.delete(site.tunnel.id, account_id=account)
    tunnels.delete(site.tunnel.id, account_id=account)


def test_a_connector_connects_again_after_the_edge_hung_up(site: Site) -> None:
    with site.connector() as connector, contextlib.closing(site.visit("www.example.com")) as visitor:
        connector.wait_until_ready()
        site.client.zero_trust.tunnels.cloudflared.connections.delete(site.tunnel.id, account_id=site.at.account.id)
        deadline = time.monotonic() + 5
        while "Retrying connection" not in connector.log:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        connector.wait_until_ready()
        connector.wait_for_version(1)
        assert visitor.ask()[0] == 200


def test_an_upgraded_connection_passes_bytes_both_ways(site: Site) -> None:
    class Upgrades(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += self.rfile.readline()
            assert b"Upgrade: websocket" in head
            self.wfile.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello"
            )
            while sent := self.connection.recv(100):
                self.wfile.write(sent.upper())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upgrades) as origin, site.connector() as connector:
        origin.daemon_threads = True
        threading.Thread(target=origin.serve_forever, args=(0.02,)).start()
        site.configure({"service": f"http://127.0.0.1:{origin.server_address[1]}"})
        connector.wait_until_ready()
        connector.wait_for_version(2)
        visitor = site.visit("www.example.com")
        visitor.connect()
        with visitor.sock as tls, tls.makefile("rb") as answer:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            assert answer.readline().startswith(b"HTTP/1.1 101")
            while answer.readline().strip():
                pass
            assert answer.read(5) == b"hello"
            for word in (b"one", b"two"):
                tls.sendall(word)
                assert answer.read(3) == word.upper()
        origin.shutdown()
