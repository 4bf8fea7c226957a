"""What an answer means that is not the wanted one."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import AccessRefused, ClockOff, NotFound, ProviderRefused, ProviderUnavailable
from deployhost.github.answers import HttpAnswer
from deployhost.github.refusals import asked_to_wait, conversion_refusal, refusal
from tests.fakes.github import connection

NOW = 1_750_000_000.0
DATE = {"date": formatdate(NOW, usegmt=True)}


def answer(status: int, message: str = "", **headers: str) -> HttpAnswer:
    return HttpAnswer(
        status, DATE | {name.replace("_", "-"): value for name, value in headers.items()}, {"message": message}
    )


@pytest.mark.parametrize(
    ("got", "seconds"),
    [
        (answer(403, retry_after="30"), 30.0),
        (answer(429, retry_after="0"), 1.0),
        (answer(429, retry_after="999999"), 3600.0),
        (answer(429, retry_after="soon"), 60.0),
        (answer(429), 60.0),
        (answer(403, "You have exceeded a secondary rate limit. Please wait"), 60.0),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) + 90)), 90.0),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) - 90)), 1.0),
        (answer(403, x_ratelimit_remaining="0"), 0.0),
        (answer(403, x_ratelimit_remaining="12"), 0.0),
        (answer(403, "Resource not accessible by integration"), 0.0),
        (answer(500, retry_after="30"), 0.0),
        (answer(200, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) + 90)), 0.0),
    ],
)
def test_rate_limits(got: HttpAnswer, seconds: float) -> None:
    # Our own clock does not count where GitHub says what time it is.
    assert asked_to_wait(got, NOW + 500) == seconds
    if seconds:
        error = refusal(got, "reading octo/shop", connection(), NOW)
        assert isinstance(error, ProviderUnavailable)
        assert error.retry_after == seconds


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 2020 00:00:00 +9999999999999999999999"])
def test_a_date_that_is_none(date: str) -> None:
    got = HttpAnswer(401, {"date": date}, {"message": "Bad credentials"})
    assert isinstance(refusal(got, "reading octo/shop", connection(), NOW), AccessRefused)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 409, 304, 204])
def test_faults_of_theirs(status: int) -> None:
    error = refusal(answer(status, "Server Error"), "reading octo/shop", connection(), NOW)
    assert isinstance(error, ProviderUnavailable)
    assert error.message == f"GitHub failed with {status} on reading octo/shop"
    assert error.details == ("GitHub says: Server Error",)


@pytest.mark.parametrize(
    "got", [answer(401, "A JSON web token could not be decoded"), answer(404, "Integration not found")]
)
def test_a_deleted_app(got: HttpAnswer) -> None:
    error = refusal(got, "reading the App", connection(), NOW)
    assert isinstance(error, AccessRefused)
    assert "the App or its key was deleted" in error.message
    assert error.hint == "deployhost disconnect github octo"


def test_an_archived_repository_is_no_missing_right() -> None:
    got = answer(403, "Repository was archived so is read-only.")
    error = refusal(got, "posting a status", connection(), NOW)
    assert isinstance(error, ProviderRefused)
    assert error.details == ("GitHub says: Repository was archived so is read-only.",)


@pytest.mark.parametrize(
    ("ours", "message", "words"),
    [
        (NOW + 300, "Bad credentials", "is 300 s ahead of GitHub's"),
        (NOW - 300, "'Expiration time' claim ('exp') must be a numeric value", "is 300 s behind GitHub's"),
        (NOW, "'Expiration time' claim ('exp') is too far in the future", "is wrong"),
    ],
)
def test_the_clock_is_off(ours: float, message: str, words: str) -> None:
    error = refusal(answer(401, message), "reading the App", connection(), ours)
    assert isinstance(error, ClockOff)
    assert words in error.message
    assert error.hint == "timedatectl set-ntp true"


def test_rights() -> None:
    org = connection("acme", kind="organization")
    missing = answer(403, "Resource not accessible by integration", x_accepted_github_permissions="statuses=write")
    error = refusal(missing, "posting a status", org, NOW)
    assert isinstance(error, AccessRefused)
    assert error.hint == "deployhost connect github --org acme"
    assert "it needs: statuses=write" in error.details
    suspended = refusal(answer(403, "This installation has been suspended"), "getting a token", org, NOW)
    assert suspended.message == "the GitHub App deployhost-1 is suspended by acme"
    assert suspended.details == ("unsuspend it: https://github.com/apps/deployhost-1/installations/new",)


def test_the_rest() -> None:
    assert isinstance(refusal(answer(404, "Not Found"), "reading octo/shop", connection(), NOW), NotFound)
    assert isinstance(refusal(answer(422, "Validation Failed"), "posting a status", connection(), NOW), ProviderRefused)


def test_new_apps() -> None:
    assert isinstance(conversion_refusal(answer(404, "Not Found"), "fetching it", NOW), ProviderRefused)
    assert isinstance(conversion_refusal(answer(422), "fetching it", NOW), ProviderRefused)
    assert isinstance(conversion_refusal(answer(502), "fetching it", NOW), ProviderUnavailable)
    limited = conversion_refusal(answer(403, retry_after="9"), "fetching it", NOW)
    assert isinstance(limited, ProviderUnavailable)
    assert limited.retry_after == 9.0


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "date", "x-ratelimit-remaining", "x-ratelimit-reset"]),
        st.text() | st.just("0") | st.just("Mon, 99 Foo 0000"),
    ),
    st.recursive(st.none() | st.text() | st.integers(), lambda one: st.dictionaries(st.just("message"), one)),
)
def test_whatever_comes_is_an_error_of_ours(status: int, headers: dict[str, str], body: object) -> None:
    got = HttpAnswer(status, headers, body)
    for error in (refusal(got, "x", connection(), NOW), conversion_refusal(got, "x", NOW)):
        assert error.message.isprintable()
        assert isinstance(error, (AccessRefused, ClockOff, NotFound, ProviderRefused, ProviderUnavailable))
