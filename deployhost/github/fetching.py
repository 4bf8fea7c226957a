"""Fetching of an app's repository on GitHub into the one that the app has here, where each commit is kept while it is needed."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deployhost.errors import CommandFailed, CommandTimedOut, NotFound, ProviderUnavailable
from deployhost.github.accounts import GitHubAccount
from deployhost.github.fetch_failure import FetchTrouble, explained, failure
from deployhost.github.locating import not_visible
from deployhost.journal.deploys import Deploys
from deployhost.journal.pinned import PinnedSource
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Secret, Sha
from deployhost.system.git import BareRepository
from deployhost.system.git_fetch import GitFetcher, Remote

Found = TypeVar("Found")

INCOMING = "refs/deployhost/incoming"  # what is being fetched
KEPT = "refs/deployhost/commits/"  # one reference per commit, so that git does not drop it
MANY = 60  # references from which on those go that nothing needs
RECENT = 20  # deploys whose commits are kept


class Moved(Exception):
    """There is no repository of the name that the journal has: it was renamed, or can't be seen any more."""


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """Fetches commits of apps' repositories. One thread at a time per app: git has one place for what is shallow."""

    fetcher: GitFetcher
    repository: Callable[[AppName], BareRepository]
    deploys: Deploys
    releases: Releases

    def fetch(self, account: GitHubAccount, pinned: PinnedSource, what: str) -> Sha:
        """Fetch a full reference or a commit, keep it, and return the commit.

        Raise Moved, NotFound, AccessRefused, ProviderUnavailable, ClockOff, FetchFailed, DiskFull.
        """
        repository = self.repository(pinned.app)
        if not repository.exists:
            raise NotFound(
                f"the repository of {pinned.app} on this server is not there yet", hint="deployhost converge"
            )
        sha = self._with_token(
            account, pinned, what, lambda remote: self.fetcher.fetch(repository, remote, what, INCOMING)
        )
        repository.keep(f"{KEPT}{sha}", sha)
        return sha

    def references(self, account: GitHubAccount, pinned: PinnedSource, *names: str) -> dict[str, Sha]:
        """Return what full references name at GitHub, by name. Raise as `fetch` does."""
        what = " and ".join(names)
        return self._with_token(account, pinned, what, lambda remote: self.fetcher.references(remote, *names))

    def tidy(self, app: AppName) -> None:
        """Let go of commits that nothing needs any more: neither a release, nor one of the newest deploys."""
        repository = self.repository(app)
        kept = repository.kept(KEPT)
        if len(kept) > MANY:
            needed = {release.sha for release in self.releases.of_app(app)}
            needed |= {deploy.sha for deploy in self.deploys.of_app(app, RECENT)}
            needed |= {deploy.sha for deploy in self.deploys.open() if deploy.app == app}
            repository.drop(name for name in kept if name.removeprefix(KEPT) not in needed)
        repository.tidy()

    def _with_token(
        self, account: GitHubAccount, pinned: PinnedSource, what: str, ask: Callable[[Remote], Found]
    ) -> Found:
        shown = what.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for last in (False, True):
            token = self._token(account, pinned)
            try:
                return ask(remote_of(pinned, token))
            except (CommandFailed, CommandTimedOut) as error:
                kind = failure(error)
                if kind is FetchTrouble.MOVED:
                    raise Moved from error
                if kind is not FetchTrouble.REFUSED or last:
                    raise explained(error, shown, pinned.current) from error
                # A token ends early if the App was uninstalled in the meantime, and installed again.
                account.calls.forget_token(pinned.repository)
        raise ProviderUnavailable(f"{shown} can't be fetched from {pinned.current}")

    def _token(self, account: GitHubAccount, pinned: PinnedSource) -> Secret:
        try:
            return account.calls.for_repository(pinned.repository).value
        except NotFound as error:  # a public one, which was found all the same
            raise not_visible(pinned.current, account) from error


def remote_of(pinned: PinnedSource, token: Secret) -> Remote:
    """Return a repository as git reaches it with an App's token."""
    pair = base64.b64encode(f"x-access-token:{token.reveal()}".encode()).decode()
    return Remote(f"{pinned.host}/{pinned.current}.git", Secret(f"Basic {pair}"))
