"""One request, one answer: headers, redirects, limits, and every way in which there is no answer."""

import contextlib
import json
import logging
import ssl
from collections.abc import Callable, Iterator

import httpx
import pytest

from deployhost.errors import ClockOff, ProviderUnavailable
from deployhost.github.http import LARGEST, GitHubHttp
from deployhost.model import Secret
from deployhost.system.clock import Clock

API = "https://api.github.com"
TOKEN = Secret("ghs_token-of-forty-characters-and-then-some")


def door(handler: Callable[[httpx.Request], httpx.Response], clock: Clock | None = None) -> GitHubHttp:
    return GitHubHttp(httpx.MockTransport(handler), clock or Clock())


def test_request_and_answer() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"message": "  two\nlines \x1b"}, headers={"ETag": '"x"'})

    got = door(answer).send("POST", f"{API}/app", token=TOKEN, body={"a": "ü"}, etag='"old"')
    assert (got.status, got.body, got.headers["etag"], got.message) == (
        201,
        {"message": "  two\nlines \x1b"},
        '"x"',
        "two lines",
    )
    request = seen[0]
    assert request.headers["authorization"] == f"Bearer {TOKEN.reveal()}"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.headers["x-github-api-version"] == "2022-11-28"
    assert request.headers["user-agent"].startswith("deployhost/")
    assert request.headers["if-none-match"] == '"old"'
    assert json.loads(request.content) == {"a": "ü"}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b"nul", b"[1", b'{"message": ' + b"1" * 5000 + b"}", b"[" * 100_000]
)
def test_a_body_that_is_no_json(body: bytes) -> None:
    got = door(lambda _: httpx.Response(502, content=body)).send("GET", API)
    assert got.status == 502
    assert isinstance(got.message, str)
    assert len(got.message) <= 200


def test_an_etag_that_no_header_can_have() -> None:
    got = door(lambda _: httpx.Response(200)).send("GET", API, etag='"ü"')
    assert got.status == 200


def test_redirects_on_the_same_host_are_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/repos/old/name":
            return httpx.Response(301, headers={"location": f"{API}/repositories/5"})
        assert request.headers["authorization"]
        return httpx.Response(200, json={"path": request.url.path})

    assert door(answer).send("GET", f"{API}/repos/old/name", token=TOKEN).body == {"path": "/repositories/5"}


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/x",
        "http://api.github.com/x",
        "https://api.github.com:444/x",
        "https://[::1/",
        "//evil.example.com/",
    ],
)
def test_no_token_goes_elsewhere(target: str) -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(str(request.url))
        return httpx.Response(301, headers={"location": target})

    with contextlib.suppress(ProviderUnavailable):
        assert door(answer).send("GET", f"{API}/x", token=TOKEN).status == 301
    assert hosts == [f"{API}/x"]


def test_a_write_is_not_sent_twice() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(307, headers={"location": f"{API}/y"})

    assert door(answer).send("POST", f"{API}/x", body={}).status == 307
    assert asked == ["POST"]


def test_a_circle_of_redirects_ends() -> None:
    circle = door(lambda request: httpx.Response(302, headers={"location": str(request.url)}))
    with pytest.raises(ProviderUnavailable, match=r"api\.github\.com redirects in a circle"):
        circle.send("GET", f"{API}/x")


def untrusted() -> Exception:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    error = httpx.ConnectError("failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ConnectTimeout("x"), "api.github.com did not answer within 10 s"),
        (httpx.ReadTimeout("x"), "api.github.com did not answer within 10 s"),
        (httpx.PoolTimeout("x"), "api.github.com did not answer within 10 s"),
        (httpx.ConnectError("Name or service not known"), "api.github.com can't be reached: name or service not known"),
        (httpx.RemoteProtocolError("Server disconnected"), "api.github.com can't be reached: server disconnected"),
        (httpx.ReadError(""), "api.github.com can't be reached: readerror"),
        (untrusted(), "api.github.com can't be reached: its certificate is not trusted (self-signed certificate)"),
    ],
)
def test_no_answer(error: Exception, message: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ProviderUnavailable) as raised:
        door(fail).send("GET", f"{API}/x", token=TOKEN)
    assert raised.value.message == message
    assert TOKEN.reveal() not in str(raised.value.to_json())


def test_a_clock_that_is_years_behind() -> None:
    """No certificate is valid yet then: what GitHub would say of the clock never comes."""

    def fail(_request: httpx.Request) -> httpx.Response:
        error = untrusted()
        cause = error.__cause__
        assert isinstance(cause, ssl.SSLCertVerificationError)
        cause.verify_code = 9
        raise error

    with pytest.raises(
        ClockOff, match=r"clock is behind: the certificate of api\.github\.com is not valid yet"
    ) as raised:
        door(fail).send("GET", f"{API}/x", token=TOKEN)
    assert raised.value.hint == "timedatectl set-ntp true"


def test_an_answer_without_end() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    with pytest.raises(ProviderUnavailable, match="did not finish its answer"):
        door(lambda _: httpx.Response(200, content=endless())).send("GET", API)
    assert LARGEST < 10_000_000


def test_an_answer_that_trickles() -> None:
    class Later(Clock):
        now = 0.0

        def monotonic(self) -> float:
            self.now += 5.0
            return self.now

    def trickle() -> Iterator[bytes]:
        while True:
            yield b"x"

    with pytest.raises(ProviderUnavailable, match="within 30 s"):
        door(lambda _: httpx.Response(200, content=trickle()), Later()).send("GET", API)


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        door(lambda _: httpx.Response(200)).send("GET", f"{API}/app-manifests/the-code/conversions", token=TOKEN)
    assert caplog.records == []


def test_closing_is_no_end() -> None:
    client = door(lambda _: httpx.Response(204))
    client.close()
    assert client.send("GET", API).status == 204
    client.close()
    client.close()
