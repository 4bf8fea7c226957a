#!/usr/bin/python3
"""A double of cloudflared, the connector of Cloudflare's tunnels: started the same way, refuses what the real one refuses.

It connects to Cloudflare's double, at the address that a JSON file says: {"edge": "HOST:PORT"} in /etc/cloudflared-double.json, or in
the file that $CLOUDFLARED_DOUBLE names. It needs nothing but Python's standard library. Modelled on cloudflared 2026.8 (cmd/cloudflared,
ingress, metrics, orchestration); like that it is one file, which a package installs.
"""

import base64
import binascii
import contextlib
import datetime as dt
import http.server
import json
import os
import platform
import re
import signal
import socket
import socketserver
import ssl
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

VERSION = "2026.8.2"
BUILT = "2026-08-20-10:54 UTC"
SETTINGS = "/etc/cloudflared-double.json"
# What has --token-file (2025.4.0), as (year, month).
TOKEN_FILE_SINCE = (2025, 4)
FIRST_TRIES = 5
HEAD_LIMIT = 1 << 20
PART = 65536

# Flags and whether they take a value. At each level also those of the level above.
GLOBAL_FLAGS = {
    "version": False, "v": False, "V": False, "help": False, "h": False,
    "no-autoupdate": False, "autoupdate-freq": True, "metrics": True, "config": True, "origincert": True, "pidfile": True,
    "loglevel": True, "transport-loglevel": True, "logfile": True, "log-directory": True, "output": True, "trace-output": True,
    "edge-ip-version": True, "edge-bind-address": True, "region": True, "retries": True, "ha-connections": True,
    "grace-period": True, "label": True, "tag": True, "protocol": True, "p": True, "post-quantum": False, "pq": False,
    "no-prechecks": False, "management-diagnostics": False, "metrics-update-freq": True,
}  # fmt: skip
RUN_FLAGS = {
    "token": True, "token-file": True, "credentials-file": True, "cred-file": True, "features": True, "F": True,
    "icmpv4-src": True, "icmpv6-src": True, "max-active-flows": True, "dns-resolver-addrs": True, "url": True,
}  # fmt: skip
ENVIRONMENT = {
    "token": "TUNNEL_TOKEN", "token-file": "TUNNEL_TOKEN_FILE", "metrics": "TUNNEL_METRICS", "grace-period": "TUNNEL_GRACE_PERIOD",
    "pidfile": "TUNNEL_PIDFILE",
}  # fmt: skip


class UsageError(Exception):
    """The command line is wrong."""


def log(level: str, text: str) -> None:
    """Write a line as cloudflared does."""
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ} {level} {text}", file=sys.stderr, flush=True)


def has_token_file() -> bool:
    """Return whether this version knows --token-file."""
    year, month, *_ = (int(part) for part in VERSION.split("."))
    return (year, month) >= TOKEN_FILE_SINCE


def parse(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the commands and the flags. Raise UsageError for what cloudflared does not know."""
    commands: list[str] = []
    values: dict[str, str] = {}
    known = dict(GLOBAL_FLAGS)
    left = list(arguments)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            commands.append(word)
            if commands == ["tunnel", "run"]:
                known |= RUN_FLAGS
            continue
        name, _, value = word.lstrip("-").partition("=")
        if name not in known or (name == "token-file" and not has_token_file()):
            raise UsageError(f"flag provided but not defined: -{name}")
        if known[name] and "=" not in word:
            if not left:
                raise UsageError(f"flag needs an argument: -{name}")
            value = left.pop(0)
        values[name] = value or "true"
    for name, variable in ENVIRONMENT.items():
        if variable in os.environ and (name != "token-file" or has_token_file()):
            values.setdefault(name, os.environ[variable])
    return commands, values


def read_token(values: dict[str, str]) -> dict[str, str]:
    """Return the token's content. Raise UsageError if there is none."""
    text = values.get("token", "")
    if not text and "token-file" in values:
        try:
            text = Path(values["token-file"]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError(f"Failed to read token file: open {values['token-file']}: {error.strerror}") from error
    if not text:
        raise UsageError(
            '"cloudflared tunnel run" requires the ID or name of the tunnel to run as the last command line argument'
            " or in the configuration file."
        )
    try:
        content = json.loads(base64.b64decode(text, validate=True))
        base64.b64decode(content["s"], validate=True)
        return {"a": str(content["a"]), "t": str(uuid.UUID(content["t"])), "s": str(content["s"])}
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise UsageError("Provided Tunnel token is not valid.") from error


def seconds(duration: str) -> float:
    """Return a Go duration ("1m30s") in seconds."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", duration))


class Ingress:
    """The rules of a configuration: what serves which requests."""

    def __init__(self, version: int = -1, rules: list[dict[str, Any]] | None = None) -> None:
        self.version = version
        self.rules = rules or [{"service": "http_status:503"}]
        self._paths = [re.compile(rule["path"]) if rule.get("path") else None for rule in self.rules]

    def service(self, host: str, path: str) -> str:
        """Return the service of the first rule that matches; the last one does."""
        for rule, pattern in zip(self.rules, self._paths, strict=True):
            if _host_matches(rule.get("hostname") or "", host) and (pattern is None or pattern.search(path)):
                return str(rule["service"])
        return str(self.rules[-1]["service"])

    def json(self) -> dict[str, Any]:
        """Return what /config shows."""
        rules = [
            {
                "hostname": rule.get("hostname", ""),
                "path": rule.get("path"),
                "service": rule["service"],
                "originRequest": rule.get("originRequest", {}),
            }
            for rule in self.rules
        ]
        return {"version": self.version, "config": {"ingress": rules, "warp-routing": {}, "originRequest": {}}}


def _host_matches(rule: str, host: str) -> bool:
    if rule in ("", "*", host):
        return True
    return rule.startswith("*.") and host.endswith(rule[1:])


class Connector:
    """The connection to the edge, and the streams that it asked for."""

    def __init__(self, edge: str, token: dict[str, str], grace: float, connected: Callable[[], None]) -> None:
        host, _, port = edge.rpartition(":")
        self._edge, self._token, self.grace, self._connected = (host, int(port)), token, grace, connected
        self.id = str(uuid.uuid4())
        self.ingress = Ingress()
        self.ready, self.requests, self.errors = False, 0, 0
        self._session = ""
        self._control: socket.socket | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._streams = 0
        self._idle = threading.Condition(self._lock)

    def run(self) -> int:
        """Stay connected until told to stop, and return the exit status."""
        failed, ever, wait = 0, False, 0.25
        while not self._stopping.is_set():
            try:
                self._serve()
                ever, failed, wait = True, 0, 0.25
            except PermissionError as error:
                log("ERR", f'Register tunnel error from server side error="{error}" connIndex=0')
                if not ever:
                    log("ERR", f'Initial tunnel connection failed error="{error}"')
                    return 1
            except (OSError, ValueError) as error:
                failed += 1
                log("ERR", f'Unable to establish connection with Cloudflare edge error="{error}" connIndex=0')
                if failed > FIRST_TRIES and not ever:
                    return 1
            if not self._stopping.is_set():
                log("INF", f"Retrying connection in up to {wait}s connIndex=0")
                self._stopping.wait(wait)
                wait = min(wait * 2, 5.0)
        self._drain()
        return 0

    def stop(self) -> None:
        """Take no more streams; those that run have the grace period to end."""
        self._stopping.set()
        control = self._control
        if control is not None:
            _send(control, {"unregister": True})

    def _serve(self) -> None:
        """Register, and do what the edge asks for until it hangs up. Raise PermissionError if it refuses the token."""
        with socket.create_connection(self._edge, 10) as control, control.makefile("rb") as lines:
            control.settimeout(None)
            _keep_alive(control)
            machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
            about = {"connector": self.id, "version": VERSION, "arch": f"linux_{machine}"}
            _send(control, {"register": self._token, **about})
            answer = json.loads(lines.readline() or b"{}")
            if "refused" in answer:
                raise PermissionError(answer["refused"])
            if "registered" not in answer:
                raise ConnectionError("the edge hung up")
            self._session, self._control, self.ready = str(answer["registered"]), control, True
            log(
                "INF",
                f"Registered tunnel connection connIndex=0 connection={uuid.uuid4()} event=0 location=ams01 protocol=quic",
            )
            self._connected()
            if self._stopping.is_set():
                _send(control, {"unregister": True})
            try:
                for line in lines:
                    if not self._told(json.loads(line)):
                        return
            finally:
                self.ready, self._control = False, None
                log("INF", "Lost connection with the edge connIndex=0")

    def _told(self, message: dict[str, Any]) -> bool:
        if "open" in message:
            threading.Thread(target=self._stream, args=(str(message["open"]),), daemon=True).start()
        elif "config" in message and message["version"] > self.ingress.version:
            self.ingress = Ingress(message["version"], message["config"]["ingress"])
            shown = json.dumps(message["config"], separators=(",", ":"))
            log("INF", f"Updated to new configuration config={json.dumps(shown)} version={message['version']}")
        return "unregistered" not in message

    def _drain(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._streams == 0, self.grace)
        log("INF", "Tunnel server stopped")

    def _stream(self, name: str) -> None:
        with self._lock:
            self._streams += 1
            self.requests += 1
        try:
            with socket.create_connection(self._edge, 10) as stream:
                stream.settimeout(None)
                _keep_alive(stream)
                _send(stream, {"stream": name, "session": self._session})
                self._pass(stream)
        except OSError as error:
            log("ERR", f'error="{error}" connIndex=0')
        finally:
            with self._idle:
                self._streams -= 1
                self._idle.notify_all()

    def _pass(self, stream: socket.socket) -> None:
        """Pass one request to the service that the rules name for it."""
        head = _head(stream)
        if head is None:
            return
        lines = head.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
        target = lines[0].split(" ")[1]
        host = next((line[5:].strip() for line in lines[1:] if line.lower().startswith("host:")), "")
        service = self.ingress.service(host.partition(":")[0].lower(), unquote(urlsplit(target).path))
        if service.startswith("http_status:"):
            stream.sendall(_answer(int(service.removeprefix("http_status:")), b""))
            return
        try:
            origin = _dial(service)
        except OSError as error:
            self.errors += 1
            log(
                "ERR",
                f'error="Unable to reach the origin service. The service may be down: {error}" originService={service}',
            )
            stream.sendall(_answer(502, b"Unable to reach the origin service.\n"))
            return
        with origin:
            origin.sendall(head)
            _pipe(stream, origin)


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(message).encode() + b"\n")


def _head(stream: socket.socket) -> bytes | None:
    """Return what arrived up to the end of the request's head, and a little more perhaps."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = stream.recv(PART)
        if not part or len(head) > HEAD_LIMIT:
            return None
        head += part
    return head


def _dial(service: str) -> socket.socket:
    if service.startswith("unix:"):
        origin = socket.socket(socket.AF_UNIX)
        try:
            origin.connect(service.removeprefix("unix:"))
        except OSError:
            origin.close()
            raise
        return origin
    address = urlsplit(service)
    origin = socket.create_connection((address.hostname, address.port or {"https": 443}.get(address.scheme, 80)), 30)
    origin.settimeout(None)
    if address.scheme == "https":
        return ssl.create_default_context().wrap_socket(origin, server_hostname=address.hostname)
    return origin


def _answer(status: int, body: bytes) -> bytes:
    reason = http.server.BaseHTTPRequestHandler.responses.get(status, ("", ""))[0]
    return f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def _pipe(stream: socket.socket, origin: socket.socket) -> None:
    """Pass bytes both ways until the edge hangs up.

    A response that comes before the request's body was read arrives whole: what the edge still sends is read and dropped.
    """
    backwards = threading.Thread(target=_pass_back, args=(origin, stream), daemon=True)
    backwards.start()
    taken = True
    with contextlib.suppress(OSError):
        while part := stream.recv(PART):
            try:
                if taken:
                    origin.sendall(part)
            except OSError:
                taken = False
    with contextlib.suppress(OSError):
        origin.shutdown(socket.SHUT_RDWR)
    backwards.join()


def _pass_back(origin: socket.socket, stream: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := origin.recv(PART):
            stream.sendall(part)
    with contextlib.suppress(OSError):
        stream.shutdown(socket.SHUT_WR)


class Metrics(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves /ready, /metrics, /config and /healthcheck."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], connector: Connector) -> None:
        super().__init__(address, MetricsHandler)
        self.connector = connector

    def server_bind(self) -> None:
        """Bind without asking DNS for a name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class MetricsHandler(http.server.BaseHTTPRequestHandler):
    """One connection to the metrics server."""

    server: Metrics

    def do_GET(self) -> None:
        """Answer one request."""
        connector = self.server.connector
        path = urlsplit(self.path).path
        status, text = 200, ""
        if path == "/ready":
            status = 200 if connector.ready else 503
            ready = {"status": status, "readyConnections": int(connector.ready), "connectorId": connector.id}
            text = json.dumps(ready, separators=(",", ":"))
        elif path == "/config":
            text = json.dumps(connector.ingress.json(), separators=(",", ":"))
        elif path == "/healthcheck":
            text = "OK\n"
        elif path == "/metrics":
            text = _metrics(connector)
        else:
            status, text = 404, "404 page not found\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
        """Write no log."""


def _metrics(connector: Connector) -> str:
    numbers = {
        "cloudflared_tunnel_ha_connections": int(connector.ready),
        "cloudflared_tunnel_total_requests": connector.requests,
        "cloudflared_tunnel_request_errors": connector.errors,
        "cloudflared_orchestration_config_version": connector.ingress.version,
    }
    lines = [f'build_info{{goversion="double",revision="{BUILT}",type="",version="{VERSION}"}} 1']
    return "\n".join([*lines, *(f"{name} {number}" for name, number in numbers.items())]) + "\n"


def notify(text: str) -> None:
    """Tell systemd, if it waits."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection, contextlib.suppress(OSError):
            connection.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)


def metrics_server(address: str | None, connector: Connector) -> Metrics:
    """Listen where the flag says, or on the first of the usual ports that is free."""
    if address is None:
        for port in (*range(20241, 20246), 0):
            with contextlib.suppress(OSError):
                return Metrics(("localhost", port), connector)
    host, _, port_text = (address or "").rpartition(":")
    return Metrics((host.strip("[]") or "localhost", int(port_text)), connector)


def run_tunnel(values: dict[str, str]) -> int:
    """Run the connector until SIGTERM or SIGINT."""
    token = read_token(values)
    settings = json.loads(Path(os.environ.get("CLOUDFLARED_DOUBLE", SETTINGS)).read_text(encoding="utf-8"))

    def connected() -> None:
        if "pidfile" in values:
            Path(values["pidfile"]).write_text(str(os.getpid()), encoding="utf-8")
        notify("READY=1")

    connector = Connector(settings["edge"], token, seconds(values.get("grace-period", "30s")), connected)
    log("INF", f"Starting tunnel tunnelID={token['t']}")
    log("INF", f"Version {VERSION} (Checksum double)")
    log("INF", f"Generated Connector ID: {connector.id}")
    metrics = metrics_server(values.get("metrics"), connector)
    host, port = metrics.server_address[:2]
    log("INF", f"Starting metrics server on {host!s}:{port}/metrics")
    threading.Thread(target=metrics.serve_forever, args=(0.1,), daemon=True).start()

    def told_to_stop(number: int, _: object) -> None:
        log("INF", f"Initiating graceful shutdown due to signal {signal.Signals(number).name.lower()} ...")
        threading.Thread(target=connector.stop, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told_to_stop)
    status: list[int] = []
    # In a thread of its own: the main thread is free for signals at any time.
    running = threading.Thread(target=lambda: status.append(connector.run()), daemon=True)
    running.start()
    while running.is_alive():
        running.join(0.2)
    return status[0] if status else 1


def main(arguments: list[str]) -> int:
    """Do what the command line says, and return the exit status."""
    try:
        commands, values = parse(arguments)
        if {"version", "v", "V"} & values.keys() or commands == ["version"]:
            print(f"cloudflared version {VERSION} (built {BUILT})")
            return 0
        if commands == ["tunnel", "run"]:
            return run_tunnel(values)
        raise UsageError(f"the double has no command {' '.join(commands)!r}")
    except UsageError as error:
        print(f"Incorrect Usage: {error}\nSee 'cloudflared tunnel run --help'.", file=sys.stderr)
        return 1
    except OSError as error:
        log("ERR", str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
