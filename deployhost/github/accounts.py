"""The Apps that this server is, as the daemon has them: read again whenever one was connected, changed or disconnected."""

import logging
import threading
from dataclasses import dataclass

from deployhost.errors import DeployhostError
from deployhost.github import connection as files
from deployhost.github.answers import GitHub, GitHubCalls
from deployhost.github.connection import GitHubConnection
from deployhost.paths import Paths
from deployhost.steps import Finding, Severity

LEFT_OUT = "pushes of its owner are not deployed, and commits get no statuses"
LATE = "they are found within a minute instead"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GitHubAccount:
    """One App of ours, and what it may call."""

    connection: GitHubConnection
    calls: GitHubCalls


class GitHubAccounts:
    """The Apps that this server is, each with its tokens; any number of threads may ask."""

    def __init__(self, paths: Paths, github: GitHub) -> None:
        self._paths = paths
        self._github = github
        self._lock = threading.Lock()
        self._stamp: object = None
        self._accounts: tuple[GitHubAccount, ...] = ()
        self._problems: tuple[DeployhostError, ...] = ()

    def all(self) -> tuple[GitHubAccount, ...]:
        """Return the Apps. One whose file can't be read is left out, and logged."""
        with self._lock:
            stamp = files.stamp(self._paths)
            if stamp != self._stamp:
                self._read()
                self._stamp = stamp
            return self._accounts

    def problems(self) -> tuple[DeployhostError, ...]:
        """Return what is wrong with the files of those that are left out."""
        self.all()
        return self._problems

    def findings(self, webhook_host: str) -> tuple[Finding, ...]:
        """Return what is wrong as far as it is known here; `webhook_host` is "" without a tunnel."""
        accounts = self.all()
        unread = (Finding(Severity.ERROR, one.message, LEFT_OUT, one.hint) for one in self._problems)
        unreported = (
            Finding(
                Severity.WARNING,
                f"GitHub does not report {one.owner}'s pushes to this server",
                LATE,
                one.connect_command,
            )
            for one in (account.connection for account in accounts)
            if webhook_host and not one.is_reported_to(webhook_host)
        )
        return (*unread, *unreported)

    def for_owner(self, owner: str, html_url: str = files.GITHUB) -> GitHubAccount | None:
        """Return the App of an owner, whose name GitHub takes in any case."""
        wanted = (owner.lower(), html_url)
        return next(
            (one for one in self.all() if (one.connection.owner.lower(), one.connection.html_url) == wanted), None
        )

    def by_id(self, connection_id: str) -> GitHubAccount | None:
        """Return the App of a connection's id."""
        return next((one for one in self.all() if one.connection.id == connection_id), None)

    def _read(self) -> None:
        known = {one.connection: one for one in self._accounts}
        problems: list[DeployhostError] = []
        # One that is as it was keeps its tokens.
        self._accounts = tuple(
            known.get(found) or GitHubAccount(found, self._github.calls(found))
            for found in files.load_all(self._paths, problems.append)
        )
        self._problems = tuple(problems)
        for problem in problems:
            log.warning("a GitHub connection is left out: %s", problem.message)
