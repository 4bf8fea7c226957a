"""Where the connectors of Cloudflare's double dial in: plain TCP, one JSON object per line.

A connector registers with its tunnel's token and keeps that connection: configurations and requests to open streams come over it. For each
stream it dials anew, and then speaks HTTP as a server does: one request per stream.
"""

import base64
import contextlib
import json
import queue
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field

from tests.doubles.cloudflare.state import Connection, Json, State, Tunnel, now

STREAM_SECONDS = 10.0


class NoConnector(Exception):
    """No connector of the tunnel took the stream."""


@dataclass(eq=False)
class Connector:
    """A registered connector, and the streams that it was asked for."""

    id: str
    tunnel: Tunnel
    control: socket.socket
    takes_streams: bool = True
    session: str = field(default_factory=lambda: secrets.token_hex(16))
    streams: dict[str, queue.Queue[socket.socket]] = field(default_factory=dict)

    def tell(self, message: Json) -> None:
        """Send it a message; one that is gone is no error."""
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(message).encode() + b"\n")


class Connectors:
    """Listens for connectors, checks their tokens, pushes configurations, opens streams."""

    def __init__(self, state: State, host: str = "127.0.0.1", port: int = 0) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._registered: list[Connector] = []
        self._open: dict[socket.socket, threading.Thread] = {}
        self._listener = socket.create_server((host, port), backlog=128)
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        self.refused: list[Json] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            _hang_up(connection)
        for thread in connections.values():
            thread.join(5)

    def changed(self, tunnel: Tunnel) -> None:
        """Push a tunnel's configuration to its connectors."""
        for connector in self._of(tunnel):
            connector.tell({"version": tunnel.version, "config": tunnel.config})

    def ended(self, tunnel: Tunnel, only: str | None = None) -> None:
        """Hang up on a tunnel's connectors, or on one of them."""
        for connector in self._of(tunnel):
            if only in (None, connector.id):
                connector.takes_streams = False
                _hang_up(connector.control)

    def stream(self, tunnel: Tunnel) -> socket.socket:
        """Return a connection that a connector of the tunnel serves one HTTP request on. Raise NoConnector if none does."""
        for connector in self._of(tunnel):
            with self._lock:  # the next stream is the next connector's
                self._registered.remove(connector)
                self._registered.append(connector)
            name = secrets.token_hex(8)
            waiting = connector.streams[name] = queue.Queue(1)
            connector.tell({"open": name})
            try:
                return waiting.get(timeout=STREAM_SECONDS if connector.takes_streams else 0.1)
            except queue.Empty:
                continue
            finally:
                connector.streams.pop(name, None)
        raise NoConnector(tunnel.id)

    def _of(self, tunnel: Tunnel) -> list[Connector]:
        with self._lock:
            return [one for one in self._registered if one.tunnel.id == tunnel.id and one.takes_streams]

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
            thread = threading.Thread(target=self._greet, args=(connection, address[0]), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _greet(self, connection: socket.socket, address: str) -> None:
        """Serve a connection that was just made: a stream, or a connector that registers."""
        kept = False
        try:
            with connection.makefile("rb", buffering=0) as lines:
                first = _line(lines.readline())
                if "stream" in first:
                    kept = self._hand_over(first, connection)
                elif "register" in first:
                    self._serve(connection, address, first, lines)
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.pop(connection, None)
            if not kept:
                connection.close()

    def _hand_over(self, first: Json, connection: socket.socket) -> bool:
        with self._lock:
            connector = next((one for one in self._registered if one.session == first.get("session")), None)
        waiting = connector.streams.get(first["stream"]) if connector is not None else None
        if waiting is None:
            return False
        waiting.put(connection)
        return True

    def _serve(self, connection: socket.socket, address: str, first: Json, lines: "socket.SocketIO") -> None:
        """Register a connector, and listen to it until it is gone."""
        with self._state.lock:
            tunnel = self._tunnel_of(first["register"])
            if tunnel is None:
                self.refused.append(first)
                connection.sendall(json.dumps({"refused": "Unauthorized: Invalid tunnel secret"}).encode() + b"\n")
                return
            connector = Connector(str(first["connector"]), tunnel, connection)
            connector.tell({"registered": connector.session, "location": "ams01"})
            if tunnel.config is not None:
                connector.tell({"version": tunnel.version, "config": tunnel.config})
            known = Connection(connector.id, str(first["version"]), str(first["arch"]), address)
            tunnel.connections[connector.id] = known
            tunnel.active_at, tunnel.inactive_at = now(), None
            with self._lock:
                self._registered.append(connector)
        try:
            while line := lines.readline():
                if "unregister" in _line(line):
                    self._unregister(connector)
        finally:
            self._gone(connector, known)

    def _unregister(self, connector: Connector) -> None:
        connector.takes_streams = False
        with self._state.lock:
            connector.tunnel.connections.pop(connector.id, None)
        connector.tell({"unregistered": True})

    def _gone(self, connector: Connector, known: Connection) -> None:
        connector.takes_streams = False
        with self._lock:
            self._registered.remove(connector)
        with self._state.lock:
            if connector.tunnel.connections.get(connector.id) is known:
                known.lost_at = time.monotonic()
            if connector.tunnel.status != "healthy":
                connector.tunnel.inactive_at = now()

    def _tunnel_of(self, token: Json) -> Tunnel | None:
        tunnel = self._state.tunnels.get(str(token.get("t")))
        if tunnel is None or tunnel.deleted_at or tunnel.account.id != token.get("a"):
            return None
        # Both as bytes: base64 of the same secret may be written in more than one way.
        same = base64.b64decode(str(token.get("s"))) == base64.b64decode(tunnel.secret)
        return tunnel if same else None


def _line(line: bytes) -> Json:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 (a line that can't be read, whatever is wrong with it)
    return found


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
