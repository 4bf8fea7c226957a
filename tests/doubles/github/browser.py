"""A person with a browser: opens the program's page and GitHub's, and presses their buttons."""

import html
import http.client
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from tests.doubles.github.pages import COOKIE

MOST_REDIRECTS = 5


@dataclass(frozen=True)
class Form:
    """A form of a page with the values that stand in it."""

    action: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """Where the browser ended, and what it shows there. Status 0: nothing answers at that address."""

    url: str
    status: int
    text: str

    @property
    def form(self) -> Form:
        """The page's only form that is sent by POST."""
        for form in re.finditer(r"<form\b([^>]*)>(.*?)</form>", self.text, re.DOTALL):
            action = _attribute(form[1], "action")
            inputs = re.findall(r"<(?:input|textarea)\b([^>]*)>", form[2])
            values = {name: _attribute(each, "value") for each in inputs if (name := _attribute(each, "name"))}
            if _attribute(form[1], "method").lower() == "post":
                return Form(urljoin(self.url, action), values)
        raise AssertionError(f"no form at {self.url}: {self.text[:300]}")


@dataclass
class Browser:
    """A browser of one person, who is logged in at GitHub's double. `visited` has every address, also of redirects."""

    login: str
    github: str
    context: ssl.SSLContext
    reach: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)
    offline: set[str] = field(default_factory=set)

    def open(self, url: str) -> Page:
        """Open an address and follow where it leads."""
        return self._follow("GET", url)

    def submit(self, page: Page, **changed: str) -> Page:
        """Send the page's form, some values changed, and follow where that leads."""
        values = {**page.form.values, **changed}
        return self._follow("POST", page.form.action, urlencode(values).encode(), origin=page.url)

    def create_app(self, page_url: str, **changed: str) -> Page:
        """Open the program's page, send its manifest to GitHub, confirm there, and return the page that comes then."""
        confirm = self.submit(self.open(page_url))
        assert confirm.status == 200, f"{confirm.url}: {confirm.text}"
        return self.submit(confirm, **changed)

    def install(self, page_url: str, repositories: Iterable[int] | None = None, **changed: str) -> Page:
        """Open an App's installation page and install it: on all repositories, or on those with these ids."""
        page = self.open(page_url)
        assert page.status == 200, f"{page.url}: {page.text}"
        chosen = "*" if repositories is None else ",".join(map(str, repositories))
        return self.submit(page, repositories=chosen, **changed)

    def _follow(self, method: str, url: str, body: bytes = b"", origin: str = "") -> Page:
        for _ in range(MOST_REDIRECTS):
            self.visited.append(url)
            status, location, text = self._exchange(method, url, body, origin)
            if location is None:
                return Page(url, status, text)
            url, method, body = urljoin(url, location), "GET", b""
        raise AssertionError(f"too many redirects: {self.visited[-MOST_REDIRECTS:]}")

    def _exchange(self, method: str, url: str, body: bytes, origin: str) -> tuple[int, str | None, str]:
        parts = urlsplit(url)
        host, port = self.reach.get(
            parts.netloc, (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        )
        if parts.netloc in self.offline:
            return 0, None, ""
        if parts.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname or "", timeout=30, context=self.context
            )
            plain = socket.create_connection((host, port), 30)
            # By its name, whichever address it is reached at: there may be others.
            connection.sock = self.context.wrap_socket(plain, server_hostname=parts.hostname)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=30)
        headers = {"Host": parts.netloc, "User-Agent": "Mozilla/5.0"}
        if method == "POST":
            came = urlsplit(origin)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"{came.scheme}://{came.netloc}"}
        if url.startswith(self.github):
            headers["Cookie"] = f"{COOKIE}={self.login}"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except ConnectionError:
            return 0, None, ""
        finally:
            connection.close()
        return answer.status, answer.getheader("Location") if answer.status in {301, 302, 303, 307} else None, text


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf"""\b{name}\s*=\s*("([^"]*)"|'([^']*)'|[^\s>]+)""", tag)
    if match is None:
        return ""
    return html.unescape(match[2] if match[2] is not None else match[3] if match[3] is not None else match[1])
