"""Connecting this server to an owner on GitHub: facts → plan → one step → facts, until nothing is left."""

import contextlib
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from deployhost.edge import connection as cloudflare
from deployhost.errors import (
    AccessRefused,
    DeployhostError,
    InternalError,
    InvalidRequest,
    ProviderUnavailable,
    WaitTimedOut,
)
from deployhost.github import connection as files
from deployhost.github.answers import GitHub, GitHubCalls, Installation
from deployhost.github.connect_plan import (
    AwaitInstallation,
    ConnectFacts,
    MakeApp,
    NoteApp,
    SetHook,
    owners_part,
    plan_connect,
)
from deployhost.github.connection import GitHubConnection
from deployhost.github.make_app import PATIENCE, AppMaker
from deployhost.github.manifest_flow import ManifestFlow
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.steps import Acts, Plan, Recorder, apply
from deployhost.system.clock import CLOCK, Clock

POLL = 3.0  # seconds between two questions to GitHub
NEW = 60.0  # seconds in which GitHub may not know yet an App that it has just made
MOST_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class ConnectRequest:
    """What a person wants: an organization's repositories, or those of a personal account.

    Without `user` that is the one that is connected, else whoever is logged in at GitHub. `port` is the page's (0: any).
    """

    org: str = ""
    user: str = ""
    html_url: str = files.GITHUB
    port: int = 0

    @property
    def command(self) -> str:
        """Return the command that continues where this one ends."""
        return files.connect_command(self.html_url, self.org, self.user)


@dataclass(frozen=True, kw_only=True)
class Connected:
    """How it ended. `facts` are the last ones; `changed` is whether there was anything to do."""

    connection: GitHubConnection
    facts: ConnectFacts
    notes: tuple[str, ...]
    changed: bool

    @property
    def complete(self) -> bool:
        """Return whether nothing is left that only the owner can put right."""
        return not owners_part(self.facts)

    def to_json(self) -> dict[str, Any]:
        """Return it as --json prints it."""
        connection, installation = self.connection, self.facts.installation
        return {
            "owner": connection.owner,
            "kind": connection.kind,
            "github": connection.html_url,
            "app": connection.slug,
            "app_url": connection.app_url,
            "settings_url": connection.settings_page,
            "installed": installation is not None,
            "suspended": installation is not None and installation.suspended,
            "repositories": None if installation is None else installation.selection,
            "webhook": self.facts.webhook_url or None,
            "webhook_active": connection.hooked and bool(self.facts.webhook_url),
            "changed": self.changed,
            "notes": list(self.notes),
        }


class ConnectGitHub:
    """Connects owners. `tell` gets lines for the person; `pasted` waits that many seconds for a line that the person enters."""

    def __init__(
        self,
        paths: Paths,
        github: GitHub,
        *,
        tell: Callable[[str], object],
        pasted: Callable[[float], str | None],
        clock: Clock = CLOCK,
        host: str = "",
    ) -> None:
        self._paths = paths
        self._github = github
        self._tell = tell
        self._clock = clock
        self._flow = ManifestFlow(paths, github, clock)
        self._maker = AppMaker(self._flow, tell, pasted, clock=clock, host=host or socket.gethostname())
        self._calls: dict[GitHubConnection, GitHubCalls] = {}

    def facts(self, request: ConnectRequest) -> ConnectFacts:
        """Return what there is. Raise AccessRefused, ClockOff, ProviderUnavailable, InvalidConfig, FileProblem."""
        tunnel = cloudflare.load(self._paths)
        facts = ConnectFacts(
            org=request.org,
            user=request.user,
            html_url=request.html_url,
            webhook_host="" if tunnel is None else tunnel.webhook_host,
        )
        connection = self._connection(request)
        if connection is None:
            return facts
        calls = self._calls_of(connection)
        return replace(
            facts,
            connection=connection,
            app=calls.app(),
            installation=calls.installation(),
            hook=calls.hook_config() if tunnel is not None else None,
            delivers=tunnel is not None and not connection.hooked and calls.has_deliveries(),
        )

    def plan(self, request: ConnectRequest) -> Plan:
        """Return what is left to do. Raise what `facts` raises."""
        return plan_connect(self.facts(request))

    def run(self, request: ConnectRequest, recorder: Recorder) -> Connected:
        """Do what is left to do; a person has ten minutes for each part that is theirs.

        Raise WaitTimedOut, InvalidRequest, Conflict (the port is taken), and what `facts` raises.
        """
        self._flow.tidy()
        known = self._connection(request)
        did: list[type] = []
        for _ in range(MOST_STEPS):
            facts = self._facts_of_new(request, new=known is None)
            plan = plan_connect(facts)
            if not plan:
                break
            did.append(type(plan.steps[0]))
            apply(Plan(plan.steps[:1]), self._acts(request, facts), recorder)
        else:
            raise InternalError(f"connecting GitHub does not come to an end: {[one.__name__ for one in did]}")
        if facts.connection is None:
            raise InternalError("connecting GitHub ended without a connection")
        if known is not None and SetHook not in did and facts.hook is not None and facts.webhook_url:
            # GitHub does not show the secret: that it is the right one is only certain if it is set again.
            self._set_hook(facts, facts.webhook_url)
        return Connected(connection=facts.connection, facts=facts, notes=plan.notes, changed=bool(did))

    def _acts(self, request: ConnectRequest, facts: ConnectFacts) -> Acts:
        return {
            MakeApp: lambda _step: self._make_app(request, facts),
            SetHook: lambda step: self._set_hook(facts, step.url),
            AwaitInstallation: lambda _step: self._await_installation(request, facts),
            NoteApp: lambda step: files.change(self._paths, step.connection),
        }

    def _facts_of_new(self, request: ConnectRequest, *, new: bool) -> ConnectFacts:
        """Return the facts. GitHub may take a moment until it knows an App that it has just made."""
        end = self._clock.monotonic() + (NEW if new else 0.0)
        while True:
            try:
                return self.facts(request)
            except (AccessRefused, ProviderUnavailable) as error:
                wait = max(POLL, getattr(error, "retry_after", 0.0))
                if self._clock.monotonic() + wait > end:
                    raise
                self._clock.sleep(wait)

    def _connection(self, request: ConnectRequest) -> GitHubConnection | None:
        owner = request.org or request.user
        if owner:
            return files.for_owner(self._paths, owner, request.html_url) or self._renamed(owner, request.html_url)
        found = [one for one in files.load_all(self._paths) if (one.kind, one.html_url) == ("user", request.html_url)]
        if len(found) > 1:
            names = ", ".join(one.owner for one in found)
            raise InvalidRequest(
                f"this server is connected to {len(found)} personal accounts ({names}): say which",
                hint=found[0].connect_command,
            )
        return found[0] if found else None

    def _renamed(self, owner: str, html_url: str) -> GitHubConnection | None:
        """Return the connection of an owner who was called otherwise when it was made: a second App would be one too many."""
        for one in files.load_all(self._paths):
            with contextlib.suppress(DeployhostError):  # whoever can't be asked is not known to be that owner
                if one.html_url == html_url and self._calls_of(one).app().owner.lower() == owner.lower():
                    return one
        return None

    def _calls_of(self, connection: GitHubConnection) -> GitHubCalls:
        if connection not in self._calls:
            self._calls[connection] = self._github.calls(connection)
        return self._calls[connection]

    def _make_app(self, request: ConnectRequest, facts: ConnectFacts) -> str:
        asked = self._flow.begin(request.html_url, request.org, facts.webhook_host)
        made = self._maker.make(asked, request.port, request.org or request.user)
        if made is None:
            raise WaitTimedOut("no App was made at GitHub within ten minutes", hint=request.command)
        wanted = request.org or request.user
        if not wanted or made.owner.lower() == wanted.lower():
            return f"{made.slug}, which belongs to {made.owner}"
        if any(_same_owner(one, made) for one in files.load_all(self._paths)):
            files.delete(self._paths, made)
            raise InvalidRequest(
                f"the new App belongs to {made.owner}, who is connected already, and not to {wanted}",
                hint=request.command,
                details=(
                    f"log in at GitHub as {wanted} in that browser",
                    f"delete the App {made.slug}, which nothing uses: {made.delete_page}",
                ),
            )
        raise InvalidRequest(
            f"the App {made.slug} belongs to {made.owner}; its key is kept, and it is to be installed",
            hint=made.connect_command,
        )

    def _await_installation(self, request: ConnectRequest, facts: ConnectFacts) -> str:
        connection = facts.connection
        if connection is None:
            raise InternalError("there is no App to install")
        self._tell("Install the App, and choose the repositories that this server may read:")
        self._tell(f"\n  {connection.install_page}\n")
        found = self._until_installed(request, connection)
        files.change(self._paths, replace(connection, owner=found.owner, installation_id=found.id))
        return f"{'all' if found.selection == 'all' else 'selected'} repositories of {found.owner}"

    def _until_installed(self, request: ConnectRequest, connection: GitHubConnection) -> Installation:
        end = self._clock.monotonic() + PATIENCE
        calls = self._calls_of(connection)
        while True:
            wait = POLL
            try:
                found = calls.installation()
                if found is not None:
                    return found
            except ProviderUnavailable as error:
                wait = max(POLL, error.retry_after)
            if self._clock.monotonic() + wait > end:
                raise WaitTimedOut(
                    f"the App {connection.slug} was not installed within ten minutes; its key is kept",
                    hint=request.command,
                    details=(f"install it: {connection.install_page}",),
                )
            self._clock.sleep(wait)

    def _set_hook(self, facts: ConnectFacts, url: str) -> None:
        connection = facts.connection
        if connection is None:
            raise InternalError("there is no App whose hook could be set")
        secret = connection.webhook_secret
        if secret is None:
            secret = Secret(secrets.token_urlsafe(32))
            files.change(self._paths, replace(connection, webhook_secret=secret))  # before GitHub signs with it
        if self._calls_of(connection).set_hook_config(url, secret):
            files.change(self._paths, replace(connection, webhook_secret=secret, webhook_url=url))


def _same_owner(one: GitHubConnection, made: GitHubConnection) -> bool:
    return one.id != made.id and (one.owner.lower(), one.html_url) == (made.owner.lower(), made.html_url)
