"""One request of a stranger's: read within limits, its signature checked while it comes, answered once.

Every connection carries one request, so that no connection is idle when it is closed: whoever sends on it just then would lose a delivery.
"""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import h11

from deployhost.daemon.webhook.fields import fields_of

PATH = re.compile(rb"/webhook/([0-9a-f]{16})")
SIGNATURE = re.compile(rb"sha256=([0-9a-f]{64})")
EVENT = re.compile(rb"[a-z_]{1,40}")
DELIVERY = re.compile(rb"[0-9A-Za-z-]{1,64}")
THAT_MATTER = frozenset({b"x-hub-signature-256", b"x-github-event", b"x-github-delivery", b"content-type"})
JSON = re.compile(rb"application/json(?:\s*;.*)?", re.IGNORECASE)
ACCEPTED, NOT_FOUND, BUSY = 202, 404, 503
REASONS = {ACCEPTED: "Accepted", NOT_FOUND: "Not Found", BUSY: "Service Unavailable"}


@dataclass(frozen=True, kw_only=True)
class StrangerLimits:
    """What a stranger may take: seconds, bytes, connections. GitHub gives up after 10 s, and its bodies have at most 25 MB."""

    headers: float = 5.0
    body: float = 10.0
    idle: float = 5.0
    closing: float = 1.0  # for the end of what is sent by one who is answered already
    longest: int = 25 * 1024 * 1024
    bodies: int = 64 * 1024 * 1024  # at once
    connections: int = 1000


@dataclass(kw_only=True)
class Listening:
    """What all exchanges have in common. `hand_over` gets a line for the daemon, and returns whether it could be written."""

    secrets: Mapping[str, bytes]
    hand_over: Callable[[bytes], bool]
    limits: StrangerLimits = field(default_factory=StrangerLimits)
    held: int = 0  # bytes of bodies
    exchanges: dict["Exchange", None] = field(default_factory=dict)  # the oldest first

    def came(self, exchange: "Exchange") -> None:
        """Let a connection in. The oldest has to go where there are too many: a real request is over within moments."""
        if len(self.exchanges) >= self.limits.connections:
            next(iter(self.exchanges)).abort()
        self.exchanges[exchange] = None

    def make_room(self) -> None:
        """See to it that bodies take no more memory than they may: the largest has to go, which is hardly ever a real one."""
        while self.held > self.limits.bodies:
            max(self.exchanges, key=lambda one: one.held).answer(BUSY)


@dataclass(frozen=True)
class Announced:
    """What the headers of a request say."""

    connection: str
    event: str
    delivery: str
    signature: str


class Exchange(asyncio.Protocol):
    """A connection, from its first byte to its answer. `loop` has its deadlines."""

    def __init__(self, listening: Listening, loop: asyncio.AbstractEventLoop) -> None:
        self._listening, self._limits, self._loop = listening, listening.limits, loop
        self._http = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._announced: Announced | None = None
        self._signed: hmac.HMAC | None = None
        self._body = bytearray()
        self._answered = False
        self._heard_at = self._ends_at = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        """Return the bytes of the body that are kept."""
        return len(self._body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for headers."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream socket has
        self._transport = transport
        self._listening.came(self)
        self._give(self._limits.headers)

    def data_received(self, data: bytes) -> None:
        """Take what came. What comes after the answer is thrown away."""
        if self._answered:
            return
        self._heard_at = self._loop.time()
        try:
            self._http.receive_data(data)
            while not self._answered and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError:
            self.answer(NOT_FOUND)

    def eof_received(self) -> bool:
        """Close: nobody waits for an answer to half a request, and to a whole one it is written already."""
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        self._drop_body()
        self._answered = True
        self._listening.exchanges.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()

    def answer(self, status: int) -> None:
        """Answer and keep nothing. The connection stays for a moment: one who still sends would not read the answer."""
        self._drop_body()
        self._answered = True
        if self._transport is not None and not self._transport.is_closing():
            head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            self._transport.write(head.encode("ascii"))
            self._transport.write_eof()
            self._give(self._limits.closing)

    def abort(self) -> None:
        """Close at once."""
        self.connection_lost(None)
        if self._transport is not None:
            self._transport.abort()

    def _take(self, event: object) -> bool:
        """Take what the parser found, and return whether there may be more."""
        if isinstance(event, h11.Request):
            self._announced = self._checked(event)
            if self._announced is None:
                self.answer(NOT_FOUND)
                return False
            self._signed = hmac.new(self._listening.secrets[self._announced.connection], digestmod=hashlib.sha256)
            self._give(self._limits.body)
        elif isinstance(event, h11.Data):
            self._keep(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self.answer(self._judged())
        else:
            self._say_go_on()
            return False
        return True

    def _checked(self, request: h11.Request) -> Announced | None:
        """Return what a request announces, or None if it can't be a delivery."""
        path = PATH.fullmatch(request.target)
        connection = "" if path is None else path[1].decode("ascii")
        headers: dict[bytes, bytes] = {}
        for name, value in request.headers:
            if name in headers and name in THAT_MATTER:
                return None  # which one counts is anybody's guess
            headers[name] = value
        signature = SIGNATURE.fullmatch(headers.get(b"x-hub-signature-256", b""))
        event, delivery = headers.get(b"x-github-event", b""), headers.get(b"x-github-delivery", b"")
        wrong = (
            request.method != b"POST"
            or connection not in self._listening.secrets
            or int(headers.get(b"content-length", b"0")) > self._limits.longest
            or not JSON.fullmatch(headers.get(b"content-type", b""))
            or not EVENT.fullmatch(event)
            or not DELIVERY.fullmatch(delivery)
        )
        if wrong or signature is None:
            return None
        return Announced(connection, event.decode("ascii"), delivery.decode("ascii"), signature[1].decode("ascii"))

    def _keep(self, data: bytes | bytearray) -> None:
        if len(self._body) + len(data) > self._limits.longest:
            self.answer(NOT_FOUND)
            return
        assert self._signed is not None  # noqa: S101 - the headers came first
        self._signed.update(data)
        self._body += data
        self._listening.held += len(data)
        self._listening.make_room()

    def _judged(self) -> int:
        """Return the answer to a whole request, having handed it over if it is a delivery."""
        announced, signed = self._announced, self._signed
        if announced is None or signed is None or not hmac.compare_digest(signed.hexdigest(), announced.signature):
            return NOT_FOUND
        fields = fields_of(self._body)
        if fields is None:
            return NOT_FOUND
        told = {"connection": announced.connection, "event": announced.event, "delivery": announced.delivery}
        return ACCEPTED if self._listening.hand_over(json.dumps(told | fields).encode("ascii") + b"\n") else BUSY

    def _drop_body(self) -> None:
        self._listening.held -= len(self._body)
        self._body = bytearray()

    def _say_go_on(self) -> None:
        if self._http.they_are_waiting_for_100_continue and self._transport is not None:
            go_on = self._http.send(h11.InformationalResponse(status_code=100, headers=[]))
            self._transport.write(go_on or b"")

    def _give(self, seconds: float) -> None:
        """Have the stranger be at the next point within some seconds."""
        self._ends_at = self._loop.time() + seconds
        if self._timer is not None:
            self._timer.cancel()
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        ends_at = self._ends_at if self._answered else min(self._ends_at, self._heard_at + self._limits.idle)
        if self._loop.time() < ends_at:
            self._timer = self._loop.call_at(ends_at, self._look_at_the_clock)
        elif self._answered:
            self.abort()
        else:
            self.answer(NOT_FOUND)
