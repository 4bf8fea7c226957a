"""The double of GitHub, in the shape of Enterprise Server: pages and git at https://HOST, the API at https://HOST/api/v3.

    with GitHubDouble(tmp_path, authority) as github:
        github.account("octo")
        site = github.repository("octo/site", {"index.html": "one"})
        app, installation = github.installed_app("octo")
        site.commit({"index.html": "two"})
        github.deliveries.settle()
        github.record.check()

With `api` it has github.com's shape: the API is at a host of its own. Which calls it knows and what it refuses is in
README.md beside this file.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.doubles.certificates import Authority
from tests.doubles.github import git_http, repositories, shapes
from tests.doubles.github.api import Api
from tests.doubles.github.browser import Browser
from tests.doubles.github.deliveries import Courier
from tests.doubles.github.description import Description
from tests.doubles.github.limits import Limits
from tests.doubles.github.pages import Pages
from tests.doubles.github.refusals import Refused
from tests.doubles.github.repositories import Repository
from tests.doubles.github.transports import Https, Transport
from tests.doubles.github.world import Account, App, Clock, Event, Installation, World, key_of, same
from tests.doubles.serve import Answer, Call, Fault, Handler, HttpsDouble, Record, Violation, json_answer

RIGHTS = {
    "contents": "read",
    "metadata": "read",
    "checks": "read",
    "statuses": "write",
    "deployments": "write",
    "pull_requests": "write",
}
EVENTS = ["push", "pull_request", "repository"]


class GitHubDouble:
    """A GitHub with nothing in it. `web` is its address for others, if that is not where it listens."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        web: str | None = None,
        api: str | None = None,
        names: tuple[str, ...] = (),
        transport: Transport | None = None,
        workers: int = 1,
    ) -> None:
        self.authority = authority
        self.clock = Clock()
        self.description = Description()
        self.limits = Limits(self.clock)
        shown = {urlsplit(url).hostname or "" for url in (web, api) if url is not None}
        context = authority.server_context(*{host, "127.0.0.1", "localhost", *names, *shown})
        self._server = HttpsDouble(self._answer, context, host, port, refusal=_failed, handler=_handler(self.clock))
        self.web = web or f"https://{host}:{self._server.port}"
        self.api = api or f"{self.web}/api/v3"
        folder.mkdir(parents=True, exist_ok=True)
        self.world = World(folder, self.web, self.api, self.clock)
        self.deliveries = Courier(self.world, transport or Https(authority.client_context()), workers=workers)
        self.world.announce = self.deliveries.announce
        self._api = Api(self.world, self.limits, self.description)
        self._pages = Pages(self.world, self.description)

    @property
    def record(self) -> Record:
        """What was called, what was wrong with it, and what is to fail."""
        return self._server.record

    @property
    def server(self) -> HttpsDouble:
        """What answers pages, API and git, for another server that passes its requests on."""
        return self._server

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and delivering."""
        self._server.stop()
        self.deliveries.stop()

    def account(self, login: str, *, owners: Iterable[str] = ()) -> Account:
        """Make a user, or with owners an organisation. One that is there is returned."""
        known = self.world.account(login)
        if known is not None:
            return known
        kind = "Organization" if tuple(owners) else "User"
        with self.world.lock:
            made = self.world.accounts[login.lower()] = Account(self.world.new_id(), login, kind, frozenset(owners))
        return made

    def rename_account(self, account: Account, login: str) -> None:
        """Rename a user or an organisation. Its repositories' old names lead on; no delivery tells of it."""
        with self.world.lock:
            for one in self.world.repositories.values():
                if one.owner is account:
                    self.world.former_names[one.full_name.lower()] = one.id
            del self.world.accounts[account.login.lower()]
            account.login = login
            self.world.accounts[login.lower()] = account

    def repository(
        self,
        full_name: str,
        files: Mapping[str, str | bytes] | None = None,
        *,
        branch: str = "main",
        private: bool = True,
    ) -> Repository:
        """Make a repository (its owner too, if need be) with a first commit; without files it is empty."""
        owner, name = full_name.split("/")
        made = repositories.create(self.world, self.account(owner), name, branch=branch, private=private)
        if files:
            made.commit(files, "First commit")
        return made

    def installed_app(
        self,
        owner: str,
        repositories: Iterable[Repository] | None = None,
        *,
        hook_url: str | None = None,
        permissions: Mapping[str, str] | None = None,
    ) -> tuple[App, Installation]:
        """Make an App with our rights and events and install it, without a browser. None of the repositories: all."""
        with self.world.lock:
            number, account = self.world.new_id(), self.account(owner)
            hook = {}
            if hook_url is not None:
                hook = {"content_type": "json", "insecure_ssl": "0", "url": hook_url, "secret": secrets.token_hex(20)}
            app = self.world.apps[number] = App(
                id=number,
                slug=f"app-{number}",
                name=f"app {number}",
                client_id=f"Iv23li{number:014x}",
                owner=account,
                permissions=dict(permissions or RIGHTS),
                events=EVENTS,
                key=key_of(len(self.world.apps)),
                created=self.clock.stamp(),
                external_url="https://deployhost.example",
                hook=hook,
                hook_active=hook_url is not None,
            )
        selected = None if repositories is None else {one.id for one in repositories}
        return app, self.install(app, account, selected)

    def install(self, app: App, account: Account, selected: set[int] | None = None) -> Installation:
        """Install an App, or choose other repositories (None: all)."""
        with self.world.lock:
            return self._pages.installed(app, account, selected)[0]

    def uninstall(self, installation: Installation) -> None:
        """Uninstall it, as its account's owner does in the settings."""
        self.world.announce(Event("installation", "deleted", installation=installation))
        with self.world.lock:
            self.world.remove_installation(installation)

    def suspend(self, installation: Installation, suspended: bool = True) -> None:
        """Suspend an installation, or end that."""
        with self.world.lock:
            installation.suspended = self.clock.stamp() if suspended else None
        self.world.announce(Event("installation", "suspend" if suspended else "unsuspend", installation=installation))

    def delete_app(self, app: App) -> None:
        """Delete an App, as its owner does in the settings: its installations go with it."""
        for one in [one for one in self.world.installations.values() if one.app is app]:
            self.uninstall(one)
        with self.world.lock:
            self.world.apps.pop(app.id, None)

    def tick_hook(self, app: App, ticked: bool = True, *, url: str = "https://hook.example/typed-by-hand") -> None:
        """Tick "Active" in the App's settings, which no call can. The form then wants a URL, if there is none."""
        with self.world.lock:
            app.hook = app.hook or {"url": url, "content_type": "form", "insecure_ssl": "0"}
            app.hook_active = ticked
        if ticked:
            self.world.announce(Event("ping", app=app))

    def app(self, slug: str) -> App:
        """Return the App with this slug."""
        return next(one for one in self.world.apps.values() if same(one.slug, slug))

    def personal_token(self, login: str) -> str:
        """Return a token with which a person pushes by git."""
        text = f"ghp_{secrets.token_hex(18)}"
        with self.world.lock:
            self.world.personal[text] = self.account(login).login
        return text

    def browser(self, login: str) -> Browser:
        """Return a browser of somebody who is logged in here."""
        self.account(login)
        reach = {urlsplit(self.web).netloc: ("127.0.0.1", self.port)} if self.port != urlsplit(self.web).port else {}
        return Browser(login, self.web, self.authority.client_context(), reach)

    def install_page(self, app: App) -> str:
        """Return where a person installs an App."""
        return f"{shapes.app_page(self.world, app)}/installations/new"

    def reach(self, name: str, host: str, port: int) -> None:
        """Deliver over HTTPS, and to a name (`*`: any) at another address: Cloudflare's double has many names at one."""
        transport = self.deliveries.transport
        known = dict(transport.reach) if isinstance(transport, Https) else {}
        self.deliveries.transport = Https(self.authority.client_context(), {**known, name: (host, port)})

    def throttle(
        self, path: str = ".*", *, seconds: int = 60, times: int = 1, method: str = "*", status: int = 403
    ) -> None:
        """Answer the next calls with the secondary rate limit: 403 or 429, Retry-After, and GitHub's message."""
        refused = self.limits.secondary()
        body = json.dumps(refused.content).encode()
        self.record.fail(Fault(method, path, status=status, retry_after=seconds, body=body, times=times))

    def exhaust(self, installation: Installation) -> None:
        """Use up the hour's calls of an installation."""
        key = f"installation ID {installation.id}"
        self.limits.headers(key, anonymous=False)
        self.limits.used[key] = self.limits.per_hour

    def _answer(self, call: Call) -> Answer:
        host = call.headers.get("host", "").split(":")[0]
        parts = urlsplit(self.api)
        if parts.hostname == host and (call.path + "/").startswith(parts.path + "/"):
            return self._api.answer(call, call.path.removeprefix(parts.path))
        if git_http.is_git(call.path):
            return git_http.answer(self.world, call)
        page = self._pages.answer(call)
        if page is not None:
            return page
        named = self.world.named(call.path.strip("/"))
        if call.method == "GET" and (named or call.path.startswith(("/settings/", "/organizations/"))):
            return Answer(200, b"<!DOCTYPE html><title>GitHub</title>", (("Content-Type", "text/html"),))
        raise Violation("no such page")


def _failed(status: int) -> Answer:
    """Return what a fault with a status and no body gets: GitHub's form, and the messages that go with it."""
    messages = {401: "Bad credentials", 403: "Resource not accessible by integration", 404: "Not Found"}
    if status >= 500:
        return Answer(status, b"<html><body>Unicorn!</body></html>", (("Content-Type", "text/html"),))
    if status == 429:
        return json_answer({"message": "You have exceeded a secondary rate limit.", "documentation_url": ""}, status)
    return Refused(status, messages.get(status, "Failed as told")).answer()


def _handler(clock: Clock) -> type[Handler]:
    class GitHubHandler(Handler):
        """Says in each answer what time it is at GitHub."""

        server_version, sys_version = "github.com", ""

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(clock.now() if timestamp is None else timestamp, usegmt=True)

    return GitHubHandler
