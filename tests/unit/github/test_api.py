"""Calls as GitHub documents them, tokens that are kept and made anew, and what each fault becomes."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from deployhost.errors import AccessRefused, ClockOff, DeployhostError, NotFound, ProviderRefused, ProviderUnavailable
from deployhost.github.answers import BranchMissing, Head, HookConfig, NotModified
from deployhost.github.api import FRESH, GitHubApi, GitHubClient
from deployhost.github.http import GitHubHttp
from deployhost.model import Branch, Secret, Sha
from deployhost.system.clock import Clock
from tests.fakes.github import connection
from tests.unit.github.test_parsing import INSTALLATION, NEW_APP, OWNER, REPOSITORY

SHA = Sha("a" * 40)
OURS = connection("octo", owner_id=1, installation_id=9)


class Time(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Theirs:
    """GitHub's answers by method and path, in a row; the last one stays. Tokens are given out for installation 9."""

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.answers: dict[str, list[httpx.Response | Exception]] = {}
        self.requests: list[httpx.Request] = []
        self.tokens = 0

    def on(self, call: str, *answers: httpx.Response | Exception) -> None:
        self.answers[call] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        call = f"{request.method} {request.url.raw_path.decode()}"
        if call in self.answers:
            row = self.answers[call]
            answer = row.pop(0) if len(row) > 1 else row[0]
            if isinstance(answer, Exception):
                raise answer
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        assert call == "POST /app/installations/9/access_tokens", call
        self.tokens += 1
        return token(f"ghs_{self.tokens}", self.clock.now + 3600)

    @property
    def calls(self) -> list[str]:
        return [f"{one.method} {one.url.raw_path.decode()}" for one in self.requests]

    def said(self, call: str) -> Any:
        return json.loads(
            next(
                one for one, made in zip(reversed(self.requests), reversed(self.calls), strict=True) if made == call
            ).content
        )


def ok(body: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refused(status: int, message: str = "", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"message": message}, headers={name.replace("_", "-"): one for name, one in headers.items()}
    )


def token(value: str, until: float) -> httpx.Response:
    return ok(
        {"token": value, "expires_at": dt.datetime.fromtimestamp(until, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}, 201
    )


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def theirs(clock: Time) -> Theirs:
    return Theirs(clock)


@pytest.fixture
def api(theirs: Theirs, clock: Time) -> GitHubApi:
    return GitHubClient(GitHubHttp(httpx.MockTransport(theirs), clock), clock, lambda *_: "signed").calls(OURS)


def test_repositories(api: GitHubApi, theirs: Theirs) -> None:
    theirs.on("GET /repos/octo/sh%20op", ok(REPOSITORY))
    theirs.on("GET /repositories/5", ok(REPOSITORY, etag='"1"'), httpx.Response(304))
    assert api.repository("octo", "sh op").full_name == "octo/shop"
    found = api.repository_by_id(5)
    assert not isinstance(found, NotModified)
    assert api.repository_by_id(5, found.etag) == NotModified()
    assert theirs.requests[-1].headers["if-none-match"] == '"1"'
    assert {one.headers["authorization"] for one in theirs.requests[1:]} == {"Bearer ghs_1"}
    assert theirs.requests[0].headers["authorization"].endswith(".signed")
    assert theirs.requests[0].content == b""  # all of the repositories, all of the rights


def test_branches(api: GitHubApi, theirs: Theirs) -> None:
    path = "GET /repositories/5/branches/feature%2Fx"
    theirs.on(
        path,
        ok({"name": "feature/x", "commit": {"sha": SHA}}, etag='"e"'),
        httpx.Response(304),
        refused(404, "Branch not found"),
    )
    theirs.on("GET /repositories/5", ok(REPOSITORY), refused(404, "Not Found"))
    assert api.branch(5, "feature/x") == Head(Branch("feature/x"), SHA, '"e"')
    assert api.branch(5, "feature/x", '"e"') == NotModified()
    assert api.branch(5, "feature/x") == BranchMissing()
    with pytest.raises(NotFound):
        api.branch(5, "feature/x")


@pytest.mark.parametrize("name", ["", "a..b", 5, None])
def test_a_branch_that_is_none(api: GitHubApi, theirs: Theirs, name: object) -> None:
    theirs.on("GET /repositories/5/branches/main", ok({"name": name, "commit": {"sha": SHA}}))
    with pytest.raises(ProviderUnavailable, match="the answer is not GitHub's"):
        api.branch(5, "main")


def test_statuses(api: GitHubApi, theirs: Theirs) -> None:
    call = f"POST /repositories/5/statuses/{SHA}"
    theirs.on(call, ok({}, 201), refused(422, f"No commit found for SHA: {SHA}"))
    api.post_status(5, SHA, state="pending", context="deployhost/shop", description="x" * 200)
    assert theirs.said(call) == {"state": "pending", "context": "deployhost/shop", "description": "x" * 140}
    with pytest.raises(NotFound, match="no status of aaaaaaa"):
        api.post_status(5, SHA, state="success", context="c", description="d", target_url="https://shop.example.com")
    assert theirs.said(call)["target_url"] == "https://shop.example.com"


def test_a_token_for_one_repository(api: GitHubApi, theirs: Theirs, clock: Time) -> None:
    first = api.for_repository(5)
    assert theirs.said("POST /app/installations/9/access_tokens") == {
        "repository_ids": [5], "permissions": {"contents": "read", "metadata": "read"},
    }  # fmt: skip
    assert api.for_repository(5) is first
    assert api.for_repository(6) is not first
    clock.now += 3600 - FRESH - 1
    assert api.for_repository(5) is first
    clock.now += 2
    assert api.for_repository(5).value == Secret("ghs_3")
    theirs.on(
        "POST /app/installations/9/access_tokens", refused(422, "There is at least one repository that does not exist")
    )
    with pytest.raises(NotFound, match="does not see the repository 7"):
        api.for_repository(7)


def test_a_token_that_is_no_longer_taken_is_made_anew_once(api: GitHubApi, theirs: Theirs) -> None:
    theirs.on("GET /repositories/5", refused(401, "Bad credentials"), ok(REPOSITORY), refused(401, "Bad credentials"))
    api.repository_by_id(5)
    assert theirs.tokens == 2
    with pytest.raises(AccessRefused):
        api.repository_by_id(5)
    assert theirs.tokens == 3


def test_an_app_that_was_installed_anew_is_found(api: GitHubApi, theirs: Theirs, clock: Time) -> None:
    theirs.on("POST /app/installations/9/access_tokens", refused(404, "Not Found"))
    theirs.on(
        "GET /app/installations?per_page=100",
        ok([INSTALLATION | {"id": 8, "account": OWNER | {"id": 77}}, INSTALLATION | {"id": 10}]),
    )
    theirs.on("POST /app/installations/10/access_tokens", token("ghs_new", clock.now + 3600))
    theirs.on("GET /repositories/5", ok(REPOSITORY))
    api.repository_by_id(5)
    assert theirs.requests[-1].headers["authorization"] == "Bearer ghs_new"
    theirs.on("GET /app/installations?per_page=100", ok([]))
    assert api.installation() is None
    clock.now += 4000
    with pytest.raises(AccessRefused, match="is not installed by octo"):
        api.repository_by_id(5)


def test_suspended(api: GitHubApi, theirs: Theirs) -> None:
    theirs.on("POST /app/installations/9/access_tokens", refused(403, "This installation has been suspended"))
    with pytest.raises(AccessRefused, match="is suspended by octo"):
        api.branch(5, "main")


def test_after_a_rate_limit_no_call_is_made_until_it_is_over(api: GitHubApi, theirs: Theirs, clock: Time) -> None:
    theirs.on("GET /repositories/5", refused(429, retry_after="30"), ok(REPOSITORY))
    with pytest.raises(ProviderUnavailable) as first:
        api.repository_by_id(5)
    assert first.value.retry_after == 30
    made = len(theirs.calls)
    for call in (lambda: api.repository_by_id(5), api.app, lambda: api.for_repository(6)):
        with pytest.raises(ProviderUnavailable) as kept:
            call()
        assert kept.value.retry_after == 30
    assert len(theirs.calls) == made
    clock.now += 31
    api.repository_by_id(5)


def test_the_hook(api: GitHubApi, theirs: Theirs) -> None:
    theirs.on(
        "GET /app/hook/config",
        ok({"url": "https://h/w", "content_type": "json", "secret": "********", "insecure_ssl": "0"}),
        refused(404),
    )
    theirs.on("PATCH /app/hook/config", ok({}), refused(404, "Not Found"))
    theirs.on("GET /app/hook/deliveries?per_page=1", ok([{"id": 1}]), ok([]), refused(404))
    assert api.hook_config() == HookConfig("https://h/w", "json", has_secret=True)
    assert api.hook_config() is None
    assert api.set_hook_config("https://h/w", Secret("s")) is True
    assert theirs.said("PATCH /app/hook/config") == {
        "url": "https://h/w",
        "content_type": "json",
        "insecure_ssl": "0",
        "secret": "s",
    }
    assert api.set_hook_config("https://h/w", Secret("s")) is False
    assert [api.has_deliveries() for _ in range(3)] == [True, False, False]


def test_uninstalling(api: GitHubApi, theirs: Theirs) -> None:
    theirs.on("GET /app/installations?per_page=100", ok([INSTALLATION]), ok([INSTALLATION]), ok([]))
    theirs.on("DELETE /app/installations/9", httpx.Response(204), refused(404))
    assert [api.delete_installation() for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    "call", ["GET /app", "GET /app/hook/config", "PATCH /app/hook/config", "POST /app/installations/9/access_tokens"]
)
def test_an_app_that_was_deleted(api: GitHubApi, theirs: Theirs, call: str) -> None:
    theirs.on(call, refused(404, "Integration not found"))
    with pytest.raises(AccessRefused, match="the App or its key was deleted"):
        CALLS[call](api)


def test_a_clock_that_was_put_right(api: GitHubApi, theirs: Theirs) -> None:
    theirs.on("GET /app", refused(401, "'Expiration time' claim ('exp') is too far in the future"), ok(NEW_APP))
    with pytest.raises(ClockOff):
        api.app()
    assert api.app().slug == "deployhost-x"


def test_a_new_app(theirs: Theirs, clock: Time) -> None:
    github = GitHubClient(GitHubHttp(httpx.MockTransport(theirs), clock), clock)
    theirs.on("POST /app-manifests/c%2Fde/conversions", ok(NEW_APP, 201), refused(404), refused(500))
    assert github.new_app("https://api.github.com", "c/de").key == Secret("-----BEGIN")
    assert "authorization" not in theirs.requests[0].headers
    with pytest.raises(ProviderRefused, match="does not accept the code"):
        github.new_app("https://api.github.com", "c/de")
    with pytest.raises(ProviderUnavailable):
        github.new_app("https://api.github.com", "c/de")


CALLS: dict[str, Callable[[GitHubApi], object]] = {
    "GET /repos/octo/shop": lambda api: api.repository("octo", "shop"),
    "GET /repositories/5": lambda api: api.repository_by_id(5),
    "GET /repositories/5/branches/main": lambda api: api.branch(5, "main"),
    f"POST /repositories/5/statuses/{SHA}": lambda api: api.post_status(
        5, SHA, state="error", context="c", description="d"
    ),
    "POST /app/installations/9/access_tokens": lambda api: api.for_repository(5),
    "GET /app": lambda api: api.app(),
    "GET /app/installations?per_page=100": lambda api: api.installation(),
    "GET /app/hook/config": lambda api: api.hook_config(),
    "PATCH /app/hook/config": lambda api: api.set_hook_config("https://h", Secret("s")),
    "GET /app/hook/deliveries?per_page=1": lambda api: api.has_deliveries(),
}
FAULTS: dict[str, tuple[httpx.Response | Exception, type[DeployhostError]]] = {
    "401": (refused(401, "Bad credentials"), AccessRefused),
    "403": (refused(403, "Resource not accessible by integration"), AccessRefused),
    "429": (refused(429, retry_after="7"), ProviderUnavailable),
    "403 limit": (
        refused(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1750000010"),
        ProviderUnavailable,
    ),
    "500": (refused(500), ProviderUnavailable),
    "503": (httpx.Response(503, content=b"<html>"), ProviderUnavailable),
    "200 without sense": (httpx.Response(302, headers={"location": "https://evil.example.com"}), ProviderUnavailable),
    "hang": (httpx.ReadTimeout("late"), ProviderUnavailable),
    "no network": (httpx.ConnectError("Network is unreachable"), ProviderUnavailable),
    "dropped": (httpx.RemoteProtocolError("Server disconnected"), ProviderUnavailable),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_every_fault_at_every_call(api: GitHubApi, theirs: Theirs, call: str, fault: str) -> None:
    answer, kind = FAULTS[fault]
    theirs.on(call, answer)
    with pytest.raises(kind) as raised:
        CALLS[call](api)
    assert raised.value.exit_code == 5
    told = str(raised.value.to_json())
    assert "ghs_1" not in told
    assert "signed" not in told


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("hang", "no network", "dropped")])
def test_every_fault_of_the_token_at_a_call_that_needs_one(api: GitHubApi, theirs: Theirs, fault: str) -> None:
    answer, kind = FAULTS[fault]
    theirs.on("POST /app/installations/9/access_tokens", answer)
    with pytest.raises(kind):
        api.branch(5, "main")
    assert "GET /repositories/5/branches/main" not in theirs.calls
