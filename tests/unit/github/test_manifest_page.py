"""The page on 127.0.0.1, and everybody who may reach its port."""

import contextlib
import html
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import (
    Conflict,
    DeployhostError,
    FileProblem,
    InvalidRequest,
    ProviderRefused,
    ProviderUnavailable,
)
from deployhost.github import manifest_page
from deployhost.github.connection import GitHubConnection
from deployhost.github.manifest_page import AT_ONCE, Form, ManifestPage
from deployhost.github.manifest_plan import Returned
from tests.fakes.github import connection

SECRET = "a-path-that-was-printed"
HOSTILE = '"><script>alert(1)</script>'


@dataclass
class Flow:
    """What the page calls."""

    asked: list[Returned] = field(default_factory=list)
    errors: list[DeployhostError] = field(default_factory=list)
    made: GitHubConnection = field(default_factory=connection)

    def form(self, port: int) -> Form:
        return Form(
            f"https://github.com/settings/apps/new?state={HOSTILE}", json.dumps({"port": port, "x": HOSTILE}), HOSTILE
        )

    def finish(self, back: Returned) -> GitHubConnection:
        self.asked.append(back)
        if self.errors:
            raise self.errors.pop(0)
        return self.made


@pytest.fixture
def flow() -> Flow:
    return Flow()


@pytest.fixture
def page(flow: Flow) -> Iterator[ManifestPage]:
    with ManifestPage(flow.form, flow.finish, secret=SECRET) as page:
        yield page


def exchange(page: ManifestPage, request: bytes, patience: float = 5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", page.port), patience) as there:
        there.sendall(request)
        got = b""
        try:
            while piece := there.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
    return got


def get(page: ManifestPage, target: str, host: str = "") -> tuple[int, str]:
    got = exchange(page, f"GET {target} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{page.port}'}\r\n\r\n".encode())
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"no-store" in head
    assert b"default-src 'none'" in head
    assert b"Python" not in head
    return int(head.split()[1]), body.decode()


def get_when_there_is_room(page: ManifestPage) -> int:
    deadline = time.monotonic() + 5
    while not (got := exchange(page, f"GET /{SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(got.split()[1])


def test_the_form(page: ManifestPage, flow: Flow) -> None:
    assert page.url == f"http://127.0.0.1:{page.port}/{SECRET}"
    status, text = get(page, f"/{SECRET}")
    assert status == 200
    action = re.search(r'<form method="post" action="([^"]*)"', text)
    value = re.search(r'name="manifest" value="([^"]*)"', text)
    assert action is not None
    assert value is not None
    assert html.unescape(action[1]) == flow.form(page.port).action
    assert json.loads(html.unescape(value[1])) == {"port": page.port, "x": HOSTILE}
    assert "<script" not in text


def test_the_way_back(page: ManifestPage, flow: Flow) -> None:
    for _ in range(2):  # a browser may load it twice
        status, text = get(page, "/callback?code=c1&state=s1")
        assert status == 200
        assert 'href="https://github.com/apps/deployhost-1/installations/new"' in text
    assert flow.asked == [Returned("c1", "s1")]
    flow.errors.append(InvalidRequest("the state was used"))
    assert get(page, "/callback?code=c2&state=s1")[0] == 403


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (InvalidRequest(f"the state {HOSTILE} is not ours"), 403, False),
        (ProviderRefused("GitHub does not accept the code", details=(HOSTILE,)), 502, False),
        (ProviderUnavailable("GitHub failed with 502"), 502, True),
        (Conflict("the key is being fetched"), 502, True),
        (FileProblem("can't write: no space left on device"), 502, True),
    ],
)
def test_what_goes_wrong_is_said(
    page: ManifestPage, flow: Flow, error: DeployhostError, status: int, again: bool
) -> None:
    flow.errors.append(error)
    got, text = get(page, "/callback?code=c1&state=s1")
    assert got == status
    assert html.escape(error.message) in text
    assert "<script" not in text
    assert ("Reload this page" in text) is again
    assert get(page, "/callback?code=c1&state=s1")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "evil.example.com:80",
        "127.0.0.1.evil.example.com",
        "[::1]",
        "127.0.0.1:x",
        "127.0.0.1@evil",
        "0",
        "  ",
    ],
)
def test_a_name_of_somebody_else_that_leads_here(page: ManifestPage, flow: Flow, host: str) -> None:
    """DNS rebinding: a page of theirs in the person's browser would read the form, and its state."""
    status, text = get(page, f"/{SECRET}", host)
    assert status == 421
    assert "form" not in text
    assert get(page, "/callback?code=c1&state=s1", host)[0] == 421
    assert flow.asked == []


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1", "127.0.0.1:1"])
def test_a_forwarded_port(page: ManifestPage, host: str) -> None:
    assert get(page, f"/{SECRET}", host)[0] == 200


@pytest.mark.parametrize(
    "target", ["/", "/x", f"/{SECRET}x", f"/{SECRET}/", "/callback/", "/../etc/passwd", "/%00", "*"]
)
def test_other_paths(page: ManifestPage, flow: Flow, target: str) -> None:
    status, text = get(page, target)
    assert status == 404
    assert "<form" not in text
    assert flow.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "/callback",
        "/callback?code=c",
        "/callback?state=s",
        "/callback?code=a&code=b&state=s",
        "/callback?error=access_denied",
    ],
)
def test_a_way_back_without_a_code(page: ManifestPage, flow: Flow, target: str) -> None:
    assert get(page, target)[0] == 400
    assert flow.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "X"])
def test_other_methods(page: ManifestPage, flow: Flow, method: str) -> None:
    got = exchange(page, f"{method} /{SECRET} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nx=yyy".encode())
    assert got.split()[1] == b"501"
    assert flow.asked == []


@pytest.mark.parametrize(
    "request_",
    [
        b"", b"\r\n", b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    ],
)  # fmt: skip
def test_requests_that_are_none(page: ManifestPage, flow: Flow, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", page.port), 5) as there:
        try:
            there.sendall(request_)
            there.shutdown(socket.SHUT_WR)
            there.recv(1000)
        except OSError:
            pass
    assert get(page, f"/{SECRET}")[0] == 200
    assert flow.asked == []


def test_the_slow_do_not_stay(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_page, "PATIENCE", 0.1)
    with ManifestPage(flow.form, flow.finish, secret=SECRET) as page:
        idle = [socket.create_connection(("127.0.0.1", page.port), 5) for _ in range(AT_ONCE)]
        began = time.monotonic()
        with contextlib.suppress(OSError):  # whichever way the connection ends
            while time.monotonic() < began + 5:
                idle[0].sendall(b"x")
                time.sleep(0.01)
        assert time.monotonic() < began + 4
        assert get_when_there_is_room(page) == 200
        for one in idle:
            one.close()


def test_one_too_many_is_closed(page: ManifestPage) -> None:
    idle = [socket.create_connection(("127.0.0.1", page.port), 5) for _ in range(AT_ONCE)]
    assert exchange(page, b"") == b""  # connections are taken in the order in which they came
    for one in idle:
        one.close()
    assert get_when_there_is_room(page) == 200


def test_a_port_that_is_taken(page: ManifestPage, flow: Flow) -> None:
    with pytest.raises(Conflict, match=f"can't listen on 127.0.0.1:{page.port}: address already in use"):
        ManifestPage(flow.form, flow.finish, secret=SECRET, port=page.port)


def test_it_listens_on_loopback_alone_and_ends(flow: Flow) -> None:
    with ManifestPage(flow.form, flow.finish, secret=SECRET) as page:
        assert page._server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", page.port), 5)


@given(st.text(), st.text())
def test_whatever_is_asked(target: str, host: str) -> None:
    flow = Flow()
    page = ManifestPage.__new__(ManifestPage)
    page._form, page._finish, page._secret, page._made = flow.form, flow.finish, SECRET, None
    status, text = page.answer(target, host)
    assert status in (200, 400, 404, 421)
    assert text.startswith("<!doctype html>")
