"""What is asked of GitHub for a new App, and the addresses that lead there and back."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import InvalidRequest
from deployhost.github.manifest_plan import (
    EVENTS,
    LONGEST_NAME,
    RIGHTS,
    Returned,
    api_url,
    app_name,
    apps_page,
    form_value,
    manifest,
    returned,
    submit_url,
    to_github_url,
    to_org,
)

BACK = "http://127.0.0.1:5/callback"


def test_with_a_webhook() -> None:
    made = manifest(
        name="n",
        host="web1",
        redirect_url=BACK,
        webhook_url="https://h.example.com/webhook/1",
        homepage="https://h.example.com",
    )
    assert made["hook_attributes"] == {"url": "https://h.example.com/webhook/1", "active": True}
    assert made["public"] is False
    assert made["redirect_url"] == BACK
    assert made["default_permissions"] == {
        "contents": "read", "metadata": "read", "checks": "read", "statuses": "write", "deployments": "write", "pull_requests": "write",
    }  # fmt: skip
    assert made["default_events"] == ["push", "pull_request", "repository"]
    assert json.loads(form_value(made)) == made


def test_without_a_webhook_there_is_no_hook_at_all() -> None:
    """Its URL would be required, even of one that is not active."""
    made = manifest(name="n", host="web1", redirect_url=BACK, webhook_url="", homepage="https://github.com")
    assert "hook_attributes" not in made
    assert made["default_events"] == list(EVENTS)
    assert len(RIGHTS) == 6


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("web1", "deployhost-web1-abc123"),
        ("web1.example.com", "deployhost-web1-abc123"),
        ("", "deployhost-abc123"),
        ("Büro_3", "deployhost-b-ro-3-abc123"),
        ("---", "deployhost-abc123"),
        ("x" * 60, f"deployhost-{'x' * 16}-abc123"),
    ],
)
def test_names(host: str, name: str) -> None:
    assert app_name(host, "abc123") == name


@given(st.text(max_size=80))
def test_a_name_is_never_too_long(host: str) -> None:
    assert 0 < len(app_name(host, "abc123")) <= LONGEST_NAME


def test_addresses() -> None:
    assert submit_url("https://github.com", "", "a b") == "https://github.com/settings/apps/new?state=a%20b"
    assert (
        submit_url("https://git.example.com", "acme", "s")
        == "https://git.example.com/organizations/acme/settings/apps/new?state=s"
    )
    assert apps_page("https://github.com", "acme") == "https://github.com/organizations/acme/settings/apps"
    assert apps_page("https://github.com", "") == "https://github.com/settings/apps"
    assert api_url("https://github.com") == "https://api.github.com"
    assert api_url("https://acme.ghe.com") == "https://api.acme.ghe.com"
    assert api_url("https://git.example.com:8443") == "https://git.example.com:8443/api/v3"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://git.example.com", "https://git.example.com"),
        (" https://Git.Example.com/ ", "https://git.example.com"),
        ("https://git.example.com:443", "https://git.example.com"),
        ("https://git.example.com:8443/", "https://git.example.com:8443"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("https://www.github.com", "https://github.com"),
        ("HTTPS://github.com", "https://github.com"),
    ],
)
def test_a_github(text: str, url: str) -> None:
    assert to_github_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "git.example.com", "http://git.example.com", "https://", "https://git.example.com/api/v3", "https://me@git.example.com",
        "https://git.example.com?x=1", "https://git.example.com#x", "https://git.example.com:0", "https://git.example.com:99999",
        "https://git.example.com:x", "https://[::1", "https://git_x.example.com", "https://-x.example.com", "https://git example.com",
        "ftp://git.example.com", "https://git.example.com\n.evil", "https://" + "x" * 300,
    ],
)  # fmt: skip
def test_what_is_no_github(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is not the address of a GitHub Enterprise Server"):
        to_github_url(text)


@given(st.text() | st.text().map(lambda text: f"https://{text}"))
def test_whatever_is_given_as_a_github(text: str) -> None:
    try:
        url = to_github_url(text)
    except InvalidRequest:
        return
    assert url.startswith("https://")
    assert to_github_url(url) == url


def test_organizations() -> None:
    assert to_org(" acme-2 ") == "acme-2"
    assert to_org("") == ""
    for wrong in ("a/b", "-a", "a b", "ä", "x" * 100, "../x"):
        with pytest.raises(InvalidRequest):
            to_org(wrong)


def test_the_way_back() -> None:
    expected = Returned("c-1", "s+/=")
    query = urlencode({"code": "c-1", "state": "s+/="})
    for text in (f"{BACK}?{query}", f"  {BACK}?{query}\n", f"?{query}", f"http://localhost:9/callback?x=1&{query}#top"):
        assert returned(text) == expected
    for text in ("", "code=c&state=s", f"{BACK}?code=c", f"{BACK}?state=s", f"{BACK}?code=&state=s", f"{BACK}?code=a&code=b&state=s",
                 f"{BACK}?{query}{'&x=1' * 50}", f"{BACK}?{query}{'x' * 5000}", "http://[::1?code=c&state=s"):  # fmt: skip
        assert returned(text) is None


@given(st.text())
def test_whatever_is_pasted(text: str) -> None:
    returned(text)
