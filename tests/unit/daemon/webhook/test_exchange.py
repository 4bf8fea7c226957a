"""One request of a stranger's, on a transport and a clock of the test's: limits, signatures, and that nothing is kept."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.daemon.webhook.exchange import Exchange, Listening, StrangerLimits

ID, SECRET = "0123456789abcdef", b"the secret"
LIMITS = StrangerLimits(longest=1000, bodies=1500, connections=3)
BODY = json.dumps({"ref": "refs/heads/main", "after": "a" * 40, "repository": {"id": 17}}).encode()


class Later:
    def __init__(self, at: float, act: Callable[[], object]) -> None:
        self.at, self.act, self.cancelled = at, act, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A loop's clock, that only the test moves on."""

    def __init__(self) -> None:
        self.now, self.timers = 100.0, list[Later]()

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, act: Callable[[], object]) -> Later:
        self.timers.append(Later(at, act))
        return self.timers[-1]

    def go_on(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [one for one in self.timers if not one.cancelled and one.at <= until]:
            first = min(due, key=lambda one: one.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            first.act()
        self.now = until


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed, self.ended = b"", False, False

    def write(self, data: Any) -> None:
        assert not self.ended
        self.sent += data

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Strangers:
    """A listener's connections, and what it handed over."""

    def __init__(self, limits: StrangerLimits = LIMITS) -> None:
        self.loop, self.handed, self.room = Loop(), list[dict[str, Any]](), True
        self.listening = Listening(secrets={ID: SECRET}, hand_over=self._hand_over, limits=limits)

    def _hand_over(self, line: bytes) -> bool:
        if self.room:
            self.handed.append(json.loads(line))
        return self.room

    def connect(self) -> "Stranger":
        return Stranger(self)


class Stranger:
    def __init__(self, strangers: Strangers) -> None:
        self.wire = Wire()
        self.exchange = Exchange(strangers.listening, strangers.loop)  # type: ignore[arg-type]
        self.exchange.connection_made(self.wire)

    def send(self, data: bytes) -> "Stranger":
        self.exchange.data_received(data)
        return self

    @property
    def status(self) -> int | None:
        return int(self.wire.sent.split()[1]) if self.wire.sent else None


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def request(body: bytes = BODY, *, line: str = f"POST /webhook/{ID} HTTP/1.1", **headers: str | None) -> bytes:
    """Return a delivery; headers are given with _ for -, and None leaves one out."""
    all_headers: dict[str, str | None] = {
        "Host": "hooks.example.com",
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": signature(body),
        "Content-Length": str(len(body)),
    }
    all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in all_headers.items() if value is not None]
    return "\r\n".join([line, *lines, "", ""]).encode() + body


@pytest.fixture
def strangers() -> Strangers:
    return Strangers()


def test_a_delivery(strangers: Strangers) -> None:
    one = strangers.connect().send(request())
    assert one.status == 202
    assert strangers.handed == [
        {
            "connection": ID,
            "event": "push",
            "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "action": "",
            "ref": "refs/heads/main",
            "after": "a" * 40,
            "repository": 17,
            "installation": None,
        }
    ]
    assert one.wire.ended
    assert strangers.listening.held == 0


def test_a_delivery_that_comes_byte_by_byte(strangers: Strangers) -> None:
    one = strangers.connect()
    for byte in request():
        one.send(bytes([byte]))
    assert one.status == 202
    assert len(strangers.handed) == 1


def test_a_body_in_chunks_of_http(strangers: Strangers) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:10], BODY[10:])) + b"0\r\n\r\n"
    head = request(Content_Length=None, Transfer_Encoding="chunked").removesuffix(BODY)
    assert strangers.connect().send(head + chunks).status == 202


def test_who_waits_to_be_told_to_go_on_is_told(strangers: Strangers) -> None:
    head = request(Expect="100-continue").removesuffix(BODY)
    one = strangers.connect().send(head)
    assert one.status == 100
    assert b"202" in one.send(BODY).wire.sent


@pytest.mark.parametrize(
    "sent",
    [
        request(X_Hub_Signature_256=signature(BODY, b"another secret")),
        request(X_Hub_Signature_256=signature(BODY + b" ")),
        request(X_Hub_Signature_256=None),
        request(X_Hub_Signature_256="sha256="),
        request(X_Hub_Signature_256="sha1=" + "a" * 40),
        request(X_Hub_Signature_256=signature(BODY).upper()),
        request(line="POST /webhook/fedcba9876543210 HTTP/1.1"),
        request(line=f"POST /webhook/{ID}/ HTTP/1.1"),
        request(line=f"POST /webhook/{ID}?a=b HTTP/1.1"),
        request(line=f"POST http://x/webhook/{ID} HTTP/1.1"),
        request(line="POST / HTTP/1.1"),
        request(line=f"GET /webhook/{ID} HTTP/1.1"),
        request(line=f"PUT /webhook/{ID} HTTP/1.1"),
        request(Content_Type="application/x-www-form-urlencoded"),
        request(Content_Type=None),
        request(Content_Type="application/jsonp"),
        request(X_GitHub_Event=None),
        request(X_GitHub_Event="Push"),
        request(X_GitHub_Event="a" * 41),
        request(X_GitHub_Delivery=None),
        request(X_GitHub_Delivery="a/b"),
        request(Content_Length="-1"),
        request(Content_Length="1001"),
        request(Content_Length="99999999999999999999999"),
        request(Transfer_Encoding="gzip, chunked"),
        request(b"[]"),
        request(b"no json"),
        request(b""),
        request(b'{"a":' * 150),
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"POST /webhook/" + b"a" * 20_000,
        request(Content_Length=str(len(BODY)) + ", 5"),
    ],
)
def test_all_else_is_not_found(strangers: Strangers, sent: bytes) -> None:
    one = strangers.connect().send(sent)
    strangers.loop.go_on(20)
    assert one.status == 404
    assert one.wire.closed
    assert strangers.handed == []
    assert strangers.listening.held == 0
    assert strangers.listening.exchanges == {}


def test_two_signatures_are_one_too_many(strangers: Strangers) -> None:
    twice = request().replace(b"Host:", f"X-Hub-Signature-256: {signature(b'')}\r\nHost:".encode())
    assert strangers.connect().send(twice).status == 404


def test_proxies_may_repeat_headers_of_theirs(strangers: Strangers) -> None:
    twice = request().replace(b"Host:", b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nHost:")
    assert strangers.connect().send(twice).status == 202


def test_nothing_of_a_body_is_read_where_the_headers_are_wrong(strangers: Strangers) -> None:
    one = strangers.connect().send(request(X_Hub_Signature_256=None).removesuffix(BODY))
    assert one.status == 404
    one.send(BODY)
    assert strangers.listening.held == 0


def test_a_second_request_on_a_connection_is_thrown_away(strangers: Strangers) -> None:
    one = strangers.connect().send(request() + request())
    one.send(request())
    assert one.wire.sent.count(b"HTTP/1.1") == 1
    assert len(strangers.handed) == 1


def test_a_body_that_grows_beyond_its_limit(strangers: Strangers) -> None:
    head = request(Content_Length=None, Transfer_Encoding="chunked").removesuffix(BODY)
    one = strangers.connect().send(head).send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    assert one.status is None
    assert one.send(b"1\r\nx\r\n").status == 404
    assert strangers.listening.held == 0


def test_who_takes_most_memory_has_to_go(strangers: Strangers) -> None:
    large, larger = (strangers.connect().send(request(b"x" * 1000)[:-300]) for _ in range(2))
    assert strangers.listening.held == 1400
    larger.send(b"x")
    assert strangers.connect().send(request()).status == 202
    assert (large.status, larger.status) == (None, 503)
    assert strangers.listening.held == 700


def test_of_too_many_connections_the_oldest_has_to_go(strangers: Strangers) -> None:
    many = [strangers.connect() for _ in range(3)]
    assert strangers.connect().send(request()).status == 202
    assert [one.wire.closed for one in many] == [True, False, False]
    assert len(strangers.listening.exchanges) == 3


def test_the_pipe_is_full(strangers: Strangers) -> None:
    strangers.room = False
    assert strangers.connect().send(request()).status == 503


def test_a_connection_on_which_nothing_comes(strangers: Strangers) -> None:
    one = strangers.connect()
    strangers.loop.go_on(4.9)
    assert one.status is None
    strangers.loop.go_on(0.2)
    assert one.status == 404
    strangers.loop.go_on(1)
    assert one.wire.closed


def test_headers_that_trickle(strangers: Strangers) -> None:
    one = strangers.connect()
    for byte in request()[:10]:
        one.send(bytes([byte]))
        strangers.loop.go_on(0.6)
    assert one.status == 404
    assert strangers.loop.now - 100 > 5


def test_a_body_that_trickles(strangers: Strangers) -> None:
    one = strangers.connect().send(request()[:-20])
    for _ in range(9):
        strangers.loop.go_on(1)
        assert one.send(b" ").status is None
    strangers.loop.go_on(1.1)
    assert one.status == 404
    assert strangers.listening.held == 0


def test_a_body_that_stops_coming(strangers: Strangers) -> None:
    one = strangers.connect().send(request()[:-20])
    strangers.loop.go_on(5.1)
    assert one.status == 404


def test_who_is_answered_may_send_for_a_moment_only(strangers: Strangers) -> None:
    one = strangers.connect().send(b"nonsense\r\n\r\n")
    for _ in range(4):
        one.send(b"x" * 1000)
        strangers.loop.go_on(0.3)
    assert one.wire.closed
    assert strangers.listening.exchanges == {}


def test_who_hangs_up_is_forgotten(strangers: Strangers) -> None:
    one = strangers.connect().send(request()[:-1])
    one.exchange.connection_lost(None)
    assert strangers.listening.held == 0
    assert strangers.listening.exchanges == {}
    strangers.loop.go_on(20)
    assert one.status is None


PIECES = st.sampled_from(
    [request()[:50], request()[50:], BODY, b"POST ", b"\r\n", b"0\r\n\r\n", b"Content-Length: 5\r\n"]
)


@given(st.lists(st.binary(min_size=1, max_size=40) | PIECES, max_size=12), st.lists(st.floats(0, 7), max_size=12))
def test_whatever_strangers_send_only_signed_bodies_are_handed_over(sent: list[bytes], pauses: list[float]) -> None:
    strangers = Strangers()
    one = strangers.connect()
    for number, data in enumerate(sent):
        one.send(data)
        assert strangers.listening.held <= LIMITS.bodies
        strangers.loop.go_on(pauses[number] if number < len(pauses) else 0)
    assert not strangers.handed or {signature(BODY).encode() in b"".join(sent), BODY in b"".join(sent)} == {True}
    strangers.loop.go_on(20)
    assert one.wire.closed
    assert strangers.listening.exchanges == {}
    assert strangers.listening.held == 0
