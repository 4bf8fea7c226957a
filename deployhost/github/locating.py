"""Which repository an app is deployed from, and which App of ours sees it: found by name once, by its id ever after."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from deployhost.config import apps as apps_yml
from deployhost.config.current import Apps
from deployhost.errors import (
    AccessRefused,
    Conflict,
    DeployhostError,
    InvalidName,
    NotConnected,
    NotFound,
    RepositoryNotVisible,
)
from deployhost.github.accounts import GitHubAccount, GitHubAccounts
from deployhost.github.answers import NotModified, Repository
from deployhost.github.connection import connect_command
from deployhost.journal.pinned import PinnedSource
from deployhost.journal.removals import Removals
from deployhost.journal.sources import Sources
from deployhost.model import AppName, Branch, RepositoryName, Sha

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Located:
    """A pinned repository, and the App that sees it. `facts` is None if nothing has changed since the last look."""

    account: GitHubAccount
    pinned: PinnedSource
    facts: Repository | None = None


@dataclass(frozen=True, kw_only=True)
class Locator:
    """Finds apps' repositories. A rename or a transfer is followed, and written into apps.yml."""

    accounts: GitHubAccounts
    sources: Sources
    apps: Apps
    removals: Removals
    _etags: dict[tuple[AppName, str, int], str] = field(default_factory=dict, init=False)

    def find(self, name: RepositoryName, host: str = "") -> tuple[GitHubAccount, Repository]:
        """Return a repository by its name, and the App that sees it; `host` is the address of its GitHub, if that is known.

        Raise NotConnected, RepositoryNotVisible, and what the calls raise.
        """
        known = [one for one in self.accounts.all() if host in ("", one.connection.html_url)]
        ours = [one for one in known if one.connection.owner.casefold() == name.owner.casefold()]
        if not ours:
            self._check_files()
            raise not_connected(name, host, some=bool(known))
        for account in ours:
            try:
                facts = account.calls.repository(name.owner, name.repo)
                account.calls.for_repository(
                    facts.id
                )  # anybody reads a public one: the token tells whether it was chosen
            except NotFound:
                continue
            return account, facts
        raise not_visible(name, ours[0])

    def locate(self, app: AppName, name: RepositoryName) -> Located:
        """Return the repository of an app for which apps.yml has this name, and pin it if that is news.

        Raise as `find` does.
        """
        pinned = self.sources.of(app)
        if pinned is None or not pinned.is_named(name):
            account, facts = self.find(name)
            located = Located(account, pin_of(app, name, account, facts), facts)
            self.sources.pin(located.pinned)
        else:
            # Of the two names that it may have there, this is the one: the other one goes if it has a third by now.
            located = self._again(pinned if name.is_same(pinned.written) else replace(pinned, written=name))
        return replace(located, pinned=self._written(located.pinned))

    def known(self, app: AppName, name: RepositoryName) -> Located | None:
        """Return the repository of an app as it was found last, without asking GitHub, or None."""
        pinned = self.sources.of(app)
        if pinned is None or not pinned.is_named(name):
            return None
        account = self.accounts.by_id(pinned.connection)
        return None if account is None else Located(account, pinned)

    def _check_files(self) -> None:
        """Raise what is wrong with the files of connections: one that can't be read may be the one that is missing."""
        for problem in self.accounts.problems():
            raise problem

    def _again(self, pinned: PinnedSource) -> Located:
        """Return a repository by its id, seen by the App that saw it last, or by another since it was transferred.

        What became of the former owner's App, which may be suspended or deleted, is in nobody's way then.
        """
        there = [one for one in self.accounts.all() if one.connection.html_url == pinned.host]
        there.sort(key=lambda one: one.connection.id != pinned.connection)
        if not there:
            self._check_files()
            raise not_connected(pinned.current, pinned.host, some=False)
        problem = _nobody_sees(pinned, there)
        for account in there:
            try:
                return self._seen_by(account, pinned)
            except NotFound:
                continue
            except (AccessRefused, NotConnected) as error:
                if account.connection.id == pinned.connection:
                    problem = error
        raise problem

    def _seen_by(self, account: GitHubAccount, pinned: PinnedSource) -> Located:
        key = (pinned.app, account.connection.id, pinned.repository)
        # ETags are kept only while this App is the one that sees it.
        etag = self._etags.get(key, "") if account.connection.id == pinned.connection else ""
        answer = account.calls.repository_by_id(pinned.repository, etag)
        if isinstance(answer, NotModified):
            return Located(account, pinned)
        if answer.owner_id != account.connection.owner_id:
            # Anybody reads a public repository; only its owner's App gets tokens for it, and deliveries.
            raise not_connected(RepositoryName(answer.full_name), pinned.host, some=True)
        skipped, after = pinned.skipped, pinned.skipped_after
        now = pin_of(pinned.app, pinned.written, account, answer, skipped=skipped, skipped_after=after)
        if now != pinned:
            self.sources.pin(now)
        self._etags[key] = answer.etag
        return Located(account, now, answer)

    def _written(self, pinned: PinnedSource) -> PinnedSource:
        """Have apps.yml name a repository as GitHub does. The journal knew the new name before; it notes afterwards that it is written."""
        if pinned.written.is_same(pinned.current):
            return pinned

        def check() -> None:
            # The entry as it stands tells a removal that broke off from a new app.
            if pinned.app in self.removals.open():
                raise Conflict(f"{pinned.app} is being removed")

        try:
            apps_yml.set_source(self.apps.path, pinned.app, pinned.current, instead_of=pinned.written, ready=check)
        except DeployhostError as error:
            log.warning("%s is now %s, which can't be written down: %s", pinned.written, pinned.current, error)
            return pinned
        written = replace(pinned, written=pinned.current)
        self.sources.pin(written)
        log.info("the repository %s of %s is now %s", pinned.written, pinned.app, pinned.current)
        return written


def _nobody_sees(pinned: PinnedSource, there: Sequence[GitHubAccount]) -> DeployhostError:
    """Return what to do about a repository that none of our Apps sees; only its owner's ever could."""
    owner = pinned.current.owner.casefold()
    for account in there:
        if account.connection.id == pinned.connection or account.connection.owner.casefold() == owner:
            return not_visible(pinned.current, account)
    return not_connected(pinned.current, pinned.host, some=True)


def not_connected(name: RepositoryName, host: str, *, some: bool) -> NotConnected:
    """Return what to do where no App of ours is its owner's; `some`: there are Apps of others there."""
    org = name.owner if some else ""
    details = (
        (f"if {name.owner} is a personal account: --user {name.owner}",)
        if org
        else (f"if {name.owner} is an organization: --org {name.owner}",)
    )
    return NotConnected(
        f"this server is not connected to {name.owner} on GitHub",
        hint=connect_command(host or "https://github.com", org),
        details=details,
    )


def not_visible(name: RepositoryName, account: GitHubAccount) -> RepositoryNotVisible:
    """Return what to do about a repository that the App of its owner does not see."""
    slug, page = account.connection.slug, account.connection.install_page
    return RepositoryNotVisible(
        f"there is no repository {name}, or the GitHub App {slug} does not see it",
        details=(f"choose the repositories that it sees: {page}",),
    )


def pin_of(
    app: AppName,
    written: RepositoryName,
    account: GitHubAccount,
    facts: Repository,
    *,
    skipped: Sha | None = None,
    skipped_after: int = 0,
) -> PinnedSource:
    """Return the pin of a repository for which apps.yml has, or gets, a name."""
    return PinnedSource(
        app=app,
        connection=account.connection.id,
        host=account.connection.html_url,
        repository=facts.id,
        written=written,
        current=RepositoryName(facts.full_name),
        default_branch=_branch(facts.default_branch),
        skipped=skipped,
        skipped_after=skipped_after,
    )


def _branch(name: str) -> Branch | None:
    try:
        return Branch(name)
    except InvalidName:
        return None
