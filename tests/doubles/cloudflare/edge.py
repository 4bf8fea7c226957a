"""Cloudflare's edge as a double: HTTPS for the names in the zones, passed on through a connector of the tunnel that the DNS record leads to.

Universal SSL covers a zone and one level below: the handshake for any other name is refused. The Host header is kept.
"""

import http.client
import secrets
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.doubles.certificates import Authority
from tests.doubles.cloudflare.connectors import Connectors, NoConnector
from tests.doubles.cloudflare.state import Json, State, Tunnel
from tests.doubles.serve import Answer, Call, Handler, HttpsDouble

ANSWER_SECONDS = 100.0
TARGET = ".cfargotunnel.com"
PART = 65536
DROP_SECONDS = 10.0
# Of one connection only, or the edge's own to say.
NOT_PASSED_ON = {
    "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "expect", "upgrade",
    "x-forwarded-proto", "x-forwarded-for", "cf-connecting-ip", "cf-ray", "cf-visitor", "cdn-loop",
}  # fmt: skip
NOT_PASSED_BACK = {"connection", "keep-alive", "transfer-encoding", "server", "cf-ray"}


class EdgeError(Exception):
    """What the edge answers by itself: a status, and Cloudflare's own code."""

    def __init__(self, status: int, code: int) -> None:
        super().__init__(f"error code: {code}")
        self.status = status


class Edge:
    """The HTTPS server that visitors and webhooks reach."""

    def __init__(
        self, state: State, connectors: Connectors, authority: Authority, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._state, self._connectors, self._authority = state, connectors, authority
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._hosts: dict[str, HttpsDouble] = {}
        context = authority.server_context(host)
        context.sni_callback = self._certificate
        handler = type("EdgeHandler", (Handler,), {"serve": self._serving()})
        self.server = HttpsDouble(lambda _: Answer(), context, host, port, handler=handler)

    def _serving(self) -> Any:
        edge = self

        def serve(self: Handler) -> None:
            edge.serve(self)

        return serve

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def also_serve(self, host: str, double: HttpsDouble) -> None:
        """Serve a host name by another double, so that one address and port 443 are enough for all of them."""
        self._contexts[host] = self._authority.server_context(host)
        self._hosts[host] = double

    def stop(self) -> None:
        """Stop listening."""
        self.server.stop()

    def _certificate(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name in self._hosts:
            connection.context = self._contexts[name]
            return None
        zone = self._state.zone_of(name.lower()) if name is not None else None
        if name is None or zone is None or name.removesuffix(zone.name).count(".") > 1:
            return int(ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE)
        with self._lock:
            if zone.name not in self._contexts:
                self._contexts[zone.name] = self._authority.server_context(zone.name, f"*.{zone.name}")
            connection.context = self._contexts[zone.name]
        return None

    def serve(self, handler: Handler) -> None:
        """Serve one request."""
        host = handler.headers.get("Host", "").partition(":")[0].lower()
        if host in self._hosts:
            self._hosts[host].serve(handler)
            return
        target = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        call = Call(handler.command, target.path, target.query, headers, b"", handler.client_address[0])
        body = body_of(handler)
        try:
            with self._state.lock:
                tunnel = self._tunnel(host)
            with self._stream(tunnel) as stream:
                status = Passing(handler, stream, body).run()
        except EdgeError as error:
            status = error.status
            text = Answer(status, f"{error}\n".encode(), (("Content-Type", "text/plain"), ("Server", "cloudflare")))
            handler.write(text)
        self.server.record.add(call, status)
        if not drop(body):
            handler.close_connection = True

    def _stream(self, tunnel: Tunnel) -> socket.socket:
        try:
            return self._connectors.stream(tunnel)
        except NoConnector as error:
            raise EdgeError(530, 1033) from error

    def _tunnel(self, host: str) -> Tunnel:
        record = self._record(host)
        if record is None or not record["proxied"]:
            raise EdgeError(530, 1016)  # no such name: a visitor would not have come here
        zone = self._state.zone_of(host)
        tunnel = self._state.tunnels.get(str(record["content"]).removesuffix(TARGET))
        if tunnel is None or tunnel.deleted_at or not record["content"].endswith(TARGET):
            raise EdgeError(530, 1033)
        if zone is None or tunnel.account != zone.account:
            raise EdgeError(403, 1014)
        return tunnel

    def _record(self, host: str) -> Json | None:
        zone = self._state.zone_of(host)
        if zone is None:
            return None
        by_name = {
            record["name"]: record for record in zone.records.values() if record["type"] in ("A", "AAAA", "CNAME")
        }
        above = host.partition(".")[2]
        return by_name.get(host) or by_name.get(f"*.{above}")


def body_of(handler: Handler) -> Iterator[bytes]:
    """Yield a request's body as it goes over the wire."""
    reader = handler.rfile
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        while line := reader.readline():
            size = int(line.split(b";")[0], 16)
            yield line + reader.read(size) + reader.readline()
            if size == 0:
                return
        return
    left = int(handler.headers.get("Content-Length") or 0)
    while left and (part := reader.read(min(left, PART))):
        left -= len(part)
        yield part


def drop(body: Iterator[bytes]) -> bool:
    """Read what is left of a body, so that the answer arrives before the connection ends. Return whether it all came in time."""
    deadline = time.monotonic() + DROP_SECONDS
    return all(time.monotonic() < deadline for _ in body)


class Passing:
    """One request on its way through a stream, and its response on the way back."""

    def __init__(self, handler: Handler, stream: socket.socket, body: Iterator[bytes]) -> None:
        self._handler, self._stream, self._body = handler, stream, body
        self._upgrade = "upgrade" in handler.headers.get("Connection", "").lower()

    def run(self) -> int:
        """Pass the request on and the response back, and return its status. Raise EdgeError if there is none."""
        self._stream.settimeout(ANSWER_SECONDS)
        response = http.client.HTTPResponse(self._stream, method=self._handler.command)
        try:
            self._send(self._head())
            for part in self._body:
                if not self._send(part):
                    break  # answered before all of the body was read
            response.begin()
        except TimeoutError as error:
            raise EdgeError(524, 524) from error
        except (OSError, http.client.HTTPException) as error:
            raise EdgeError(502, 502) from error
        try:
            self._pass_back(response)
        except (OSError, http.client.HTTPException):
            self._handler.close_connection = True
        finally:
            response.close()
        return response.status

    def _head(self) -> bytes:
        handler = self._handler
        address = handler.client_address[0]
        passed = [(name, value) for name, value in handler.headers.items() if name.lower() not in NOT_PASSED_ON]
        before = [value for name, value in handler.headers.items() if name.lower() == "x-forwarded-for"]
        passed += [
            ("Connection", "Upgrade" if self._upgrade else "close"),
            ("X-Forwarded-For", ", ".join([*before, address])),
            ("X-Forwarded-Proto", "https"),
            ("CF-Connecting-IP", address),
            ("CF-Ray", f"{secrets.token_hex(8)}-AMS"),
            ("CF-Visitor", '{"scheme":"https"}'),
            ("CDN-Loop", "cloudflare; loops=1"),
        ]
        if self._upgrade:
            passed.append(("Upgrade", handler.headers.get("Upgrade", "")))
        lines = [f"{handler.command} {handler.path} HTTP/1.1", *(f"{name}: {value}" for name, value in passed)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, data: bytes) -> bool:
        """Send it all, and return True; or False once the response is on its way, or the stream is broken."""
        view = memoryview(data)
        while view:
            readable, writable, _ = select.select([self._stream], [self._stream], [], ANSWER_SECONDS)
            if readable:
                return False
            if not writable:
                raise TimeoutError
            try:
                view = view[self._stream.send(view) :]
            except OSError:
                return False
        return True

    def _pass_back(self, response: http.client.HTTPResponse) -> None:
        handler = self._handler
        handler.send_response_only(response.status, response.reason)
        length = response.headers.get("Content-Length")
        bodyless = handler.command == "HEAD" or response.status in (101, 204, 304)
        for name, value in response.headers.items():
            if name.lower() not in NOT_PASSED_BACK:
                handler.send_header(name, value)
        handler.send_header("Server", "cloudflare")
        chunked = not bodyless and length is None
        if response.status == 101:
            handler.send_header("Connection", "Upgrade")
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if response.status == 101:
            self._pipe(response)
        elif not bodyless:
            self._pass_body_back(response, None if length is None else int(length))

    def _pass_body_back(self, response: http.client.HTTPResponse, length: int | None) -> None:
        writer = self._handler.wfile
        total = 0
        while part := response.read1(PART):
            total += len(part)
            writer.write(part if length is not None else b"%x\r\n%s\r\n" % (len(part), part))
        if length is None:
            writer.write(b"0\r\n\r\n")
        elif total < length:
            self._handler.close_connection = True

    def _pipe(self, response: http.client.HTTPResponse) -> None:
        """Pass bytes both ways after an upgrade, until one side ends."""
        client = self._handler.connection
        self._handler.close_connection = True
        assert isinstance(client, ssl.SSLSocket)
        client.setblocking(True)
        self._stream.setblocking(False)
        client.sendall(response.fp.peek(PART))  # what was read together with the head
        self._stream.setblocking(True)
        while True:
            if not client.pending():
                ready, _, _ = select.select([client, self._stream], [], [], ANSWER_SECONDS)
                if not ready:
                    return
            else:
                ready = [client]
            if client in ready:
                sent = client.recv(PART)
                if not sent:
                    return
                self._stream.sendall(sent)
            if self._stream in ready:
                answered = self._stream.recv(PART)
                if not answered:
                    return
                client.sendall(answered)
