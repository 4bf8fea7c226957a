"""What each answer that is none means: the token, a right of it, Cloudflare itself; and never with the token in it."""

from typing import Any

import pytest

from deployhost.edge.refusals import RIGHT_OF, error_of, late
from deployhost.edge.rights import RECORDS, TUNNELS, ZONES, TokenRight, account_token_link, user_token_link
from deployhost.errors import Conflict, ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import Secret

TOKEN = Secret("cf-token-0123456789")
ADDRESS = "Cannot use the access token from location: 192.0.2.7"
INVALID = "Invalid access token"
RESOURCE = "Unauthorized to access requested resource"


def status(code: int, *codes: int, message: str = "said", retry_after: str = "") -> dict[str, Any]:
    return {"kind": "status", "status": code, "codes": list(codes), "messages": [message], "retry_after": retry_after}


def test_a_clock_that_is_years_behind() -> None:
    """No certificate is valid yet then."""
    said = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not yet valid (_ssl.c:992)"
    error = error_of("zones", {"kind": "unreachable", "message": said}, TOKEN)
    assert isinstance(error, ProviderUnavailable)
    assert "by this server's clock" in error.message
    assert error.hint == "timedatectl set-ntp true"


@pytest.mark.parametrize("method", RIGHT_OF)
@pytest.mark.parametrize(
    "body",
    [
        status(401, 1000),
        status(400, 6003, 6111),
        status(403, 9109, message=ADDRESS),
        status(403, 9109, message=INVALID),
    ],
)
def test_a_token_that_is_worth_nothing(method: str, body: dict[str, Any]) -> None:
    error = error_of(method, body, TOKEN)
    assert isinstance(error, ConnectionRefused)
    assert error.exit_code == 5
    assert "refuses the token" in error.message
    assert ("other addresses" in error.message) == (body["messages"] == [ADDRESS])
    assert any(user_token_link() in line for line in error.details)
    assert error.hint == "deployhost connect cloudflare"


@pytest.mark.parametrize(
    ("method", "right"),
    [
        ("zones", ZONES),
        ("tunnels", TUNNELS),
        ("create_tunnel", TUNNELS),
        ("records", RECORDS),
        ("create_record", RECORDS),
    ],
)
@pytest.mark.parametrize(
    "body", [status(403, 10000), status(401, 10000), status(403), status(403, 9109, message=RESOURCE)]
)
def test_a_right_that_is_missing(method: str, right: TokenRight, body: dict[str, Any]) -> None:
    error = error_of(method, body, TOKEN)
    assert isinstance(error, ConnectionRefused)
    assert error.message == f"the token for Cloudflare lacks the right {right}"
    assert f"  {right}" in error.details


def test_an_accounts_token_has_a_page_of_its_own() -> None:
    error = error_of("zones", status(403, 10000), Secret("cfat_0123456789"))
    assert any(account_token_link() in line for line in error.details)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (status(429, retry_after="120"), ProviderUnavailable, "a pause of 120 s"),
        (status(429, retry_after="soon\x1b[31m"), ProviderUnavailable, "too many requests"),
        (status(500), ProviderUnavailable, "HTTP 500"),
        (status(503), ProviderUnavailable, "HTTP 503"),
        ({"kind": "unreachable", "message": "Name or service not known"}, ProviderUnavailable, "can't be reached"),
        ({"kind": "late"}, ProviderUnavailable, "in time"),
        ({"kind": "nonsense", "message": "KeyError"}, ProviderUnavailable, "can't be understood"),
        ({}, ProviderUnavailable, "can't be understood"),
        (status(400, 81053, message="An A record exists"), Conflict, "An A record exists"),
        (status(409, 1013), Conflict, "said"),
        (status(400, 81045), ProviderRefused, "as many records as its plan"),
        (status(400, 1004), ProviderRefused, "HTTP 400"),
        (status(404), ProviderRefused, "HTTP 404"),
    ],
)
def test_what_is_not_the_tokens(body: dict[str, Any], kind: type[DeployhostError], said: str) -> None:
    error = error_of("create_record", body, TOKEN)
    assert type(error) is kind
    assert said in error.message
    assert not any(user_token_link() in line for line in error.details)


@pytest.mark.parametrize(
    ("said", "pause"), [("120", 120), ("0", 1), ("999999", 3600), ("", 60), ("Wed, 21 Oct", 60), ("²", 60)]
)
def test_a_pause_that_cloudflare_asks_for(said: str, pause: float) -> None:
    error = error_of("records", status(429, retry_after=said), TOKEN)
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == pause


def test_what_others_say_is_one_line_without_the_token() -> None:
    said = f"bad\n\x1b[31m{TOKEN.reveal()} " + "x" * 5000
    for body in (
        status(403, 10000, message=said),
        {"kind": "unreachable", "message": said},
        status(409, 1013, message=said),
    ):
        error = error_of("create_tunnel", body, TOKEN)
        for line in (error.message, *error.details):
            assert TOKEN.reveal() not in line
            assert "\n" not in line
            assert "\x1b" not in line
            assert len(line) < 400


def test_late_is_one_that_may_have_been_done() -> None:
    assert late().exit_code == 5
