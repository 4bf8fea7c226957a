"""What is asked of GitHub for a new App, and where. Pure.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from deployhost.errors import InvalidRequest

GITHUB = "https://github.com"
# Asked for once and for all: no API changes an App's rights, and each installation would have to approve more.
RIGHTS: Mapping[str, str] = {
    "contents": "read",
    "metadata": "read",
    "checks": "read",
    "statuses": "write",
    "deployments": "write",
    "pull_requests": "write",
}
EVENTS = (
    "push",
    "pull_request",
    "repository",
)  # those about installations come by themselves, and may not be asked for
LONGEST_NAME = 34
LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})")
HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LONGEST_PASTED = 4096


class Returned(NamedTuple):
    """What GitHub adds to the address to which it sends the browser back."""

    code: str
    state: str


def manifest(*, name: str, host: str, redirect_url: str, webhook_url: str, homepage: str) -> dict[str, Any]:
    """Return the manifest of a private App. Without a webhook's URL it has no hook: a URL would be required."""
    hook = {"hook_attributes": {"url": webhook_url, "active": True}} if webhook_url else {}
    return {
        "name": name,
        "url": homepage,
        **hook,
        "redirect_url": redirect_url,
        "description": f"deployhost on {host}: deploys pushes, and says at each commit how that went.",
        "public": False,
        "default_permissions": dict(RIGHTS),
        "default_events": list(EVENTS),
    }


def app_name(host: str, mark: str) -> str:
    """Return a name that no other App has: names are unique in all of GitHub, and `mark` is random."""
    label = re.sub(r"[^a-z0-9]+", "-", host.lower().partition(".")[0])
    room = LONGEST_NAME - len("deployhost--") - len(mark)
    return "-".join(part for part in ("deployhost", label[:room].strip("-"), mark) if part)


def submit_url(html_url: str, org: str, state: str) -> str:
    """Return where a manifest is posted to by the browser of whoever is to own the App."""
    of = f"/organizations/{quote(org, safe='')}" if org else ""
    return f"{html_url}{of}/settings/apps/new?state={quote(state, safe='')}"


def apps_page(html_url: str, org: str) -> str:
    """Return the page that lists the Apps of an owner."""
    return f"{html_url}{f'/organizations/{org}' if org else ''}/settings/apps"


def to_github_url(text: str) -> str:
    """Return the address of a GitHub that a person gave, without a path. Raise InvalidRequest."""
    wrong = InvalidRequest(
        f"{text[:80]!r} is not the address of a GitHub Enterprise Server: write https:// and its host name",
        hint="deployhost connect github --github-url https://github.example.com",
    )
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise wrong from None
    if not text.strip().isprintable():  # urlsplit leaves newlines out
        raise wrong
    host = (parts.hostname or "").removesuffix(".")
    if (
        parts.scheme != "https" or "@" in parts.netloc or parts.query or parts.fragment or parts.path.strip("/")
        or not HOST.fullmatch(host) or port == 0
    ):  # fmt: skip
        raise wrong
    if host == "www.github.com":
        host = "github.com"
    return f"https://{host}" + (f":{port}" if port not in (None, 443) else "")


def api_url(html_url: str) -> str:
    """Return the address of a GitHub's API: github.com and GHE.com have a host for it, Enterprise Server a path."""
    host = html_url.removeprefix("https://")
    if html_url == GITHUB or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{html_url}/api/v3"


def to_org(text: str) -> str:
    """Return the name of an organization. Raise InvalidRequest if it is none."""
    return _login(text, "an organization")


def to_user(text: str) -> str:
    """Return the name of a personal account. Raise InvalidRequest if it is none."""
    return _login(text, "an account")


def _login(text: str, of: str) -> str:
    name = text.strip()
    if name and not LOGIN.fullmatch(name):
        raise InvalidRequest(f"{name[:60]!r} is not the name of {of} on GitHub")
    return name


def returned(text: str) -> Returned | None:
    """Return code and state from the address at which the browser ended, or None if they are not both in it."""
    if len(text) > LONGEST_PASTED:
        return None
    try:
        query = parse_qs(urlsplit(text.strip()).query, max_num_fields=20)
    except ValueError:
        return None
    code, state = query.get("code", []), query.get("state", [])
    if len(code) != 1 or len(state) != 1:
        return None
    return Returned(code[0], state[0])


def form_value(made: Mapping[str, Any]) -> str:
    """Return a manifest as the page's form posts it."""
    return json.dumps(made, separators=(",", ":"))
