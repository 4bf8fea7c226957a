"""Looks at apps' repositories on GitHub: a head that nobody has decided on is deployed, as the fetch returned it."""

import contextlib
import logging
import shlex
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.deploy.intake import Intake
from deployhost.errors import (
    AppNotFound,
    BranchNotFound,
    DeployhostError,
    FileProblem,
    InvalidConfig,
    NotFound,
    ProviderUnavailable,
    SourceEmpty,
)
from deployhost.github.answers import BranchMissing, Head, NotModified
from deployhost.github.fetching import Fetching, Moved
from deployhost.github.locating import Located, Locator
from deployhost.github.look_plan import HEADS, LookVerdict, PushHint, decided_on, deployed_branch, judge
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.journal.sources import Sources
from deployhost.model import AppName, Branch, Deploy, Sha
from deployhost.system.side_by_side import Beside

TRIES = 4  # fetches of a branch that moves while it is fetched
log = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True)
class FetchedHead:
    """The head of an app's branch, as a fetch returned it and GitHub vouched for it by the repository's id."""

    branch: Branch
    sha: Sha


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Compares the heads of apps' repositories with those that were decided on.

    One look at a time per app. Why one fails is in the journal until one goes well; the app serves on.
    """

    apps: Apps
    locator: Locator
    fetching: Fetching
    sources: Sources
    deploys: Deploys
    releases: Releases
    intake: Intake
    _locks: dict[AppName, threading.RLock] = field(default_factory=dict, init=False)
    _untidy: set[AppName] = field(default_factory=set, init=False)  # those for which something was fetched
    # What GitHub said last of a branch: by app, the App that asked, the repository and the branch.
    _heads: dict[tuple[AppName, str, int, Branch], Head] = field(default_factory=dict, init=False)

    @contextlib.contextmanager
    def alone(self, app: AppName) -> Iterator[None]:
        """Keep looks at an app's repository away until the block ends."""
        with self._locks.setdefault(app, threading.RLock()):
            yield

    def look(self, app: AppName, hint: PushHint | None = None) -> Deploy | None:
        """Look at an app's repository, and return the deploy that this asked for, if it did.

        With a hint, its branch is fetched at once, and GitHub is asked meanwhile. Never raise what goes wrong: `status` says it.
        """
        with self.alone(app):
            try:
                config = self.apps.get(app)
            except (AppNotFound, InvalidConfig):
                return None  # it is gone, or `status` says what is wrong with apps.yml
            try:
                if config.source is None:
                    self.sources.forget(app)  # a person took it out of apps.yml
                    return None
                hinted = None if hint is None else self._hinted(config, hint)
                if hint is not None and hinted is not None and self._needs_nothing(hinted, hint):
                    return None
                deploy = self._look(config) if hinted is None else self._told(*hinted)
                self.sources.went_well(app)
                return deploy
            except AppNotFound:
                return None  # it was removed in the meantime
            except DeployhostError as error:
                self._failed(app, error)
                return None

    def _failed(self, app: AppName, error: DeployhostError) -> None:
        try:
            news = self.sources.fails(app, error)
        except FileProblem:
            news = True  # a full disk, perhaps, which is why
        if news:
            log.warning("looking at the repository of %s: %s", app, error)

    def head(self, app: AppName) -> FetchedHead:
        """Fetch the head of an app's branch. Raise what keeps it from being deployed."""
        with self.alone(app):
            located, branch = self._located(self.apps.get(app))
            return self._proven(located, branch, lambda: self._asked(located, branch))

    def arrived(self, app: AppName, head: FetchedHead, *, rebuild: bool = False) -> Deploy | None:
        """Have a head deployed if it was not decided on before, and return its deploy."""
        with self.alone(app):
            if head.sha == self._decided(app):
                return None
            return self._accept(app, head, rebuild=rebuild)

    def locate(self, app: AppName) -> Located:
        """Return the repository of an app, and who sees it. Raise what keeps it from being looked at."""
        source = self.apps.get(app).source
        if source is None:
            raise NotFound(f"{app} is not deployed from GitHub", hint=f"deployhost status {app}")
        return self.locator.locate(app, source)

    def branch(self, app: AppName) -> Branch | None:
        """Return the branch of an app that is deployed, as far as it is known."""
        pinned, config = self.sources.of(app), self.apps.get(app)
        return config.branch if pinned is None else deployed_branch(config.branch, pinned)

    def _look(self, config: AppConfig) -> Deploy | None:
        located, branch = self._located(config)
        head = self._head(located, branch)
        if head.sha == self._decided(config.name):
            self._tidy(config.name)
            return None
        return self._settled(located, branch, lambda: head.sha)

    def _told(self, located: Located, branch: Branch) -> Deploy | None:
        """Fetch a branch of which somebody told that it was pushed to.

        Strangers reach the process that told us, and a fetch goes by name: GitHub itself has to name the head, by the repository's id.
        """
        asked = Beside(lambda: self._head(located, branch))
        return self._settled(located, branch, lambda: asked.result().sha)

    def _head(self, located: Located, branch: Branch) -> Head:
        """Return the head of a branch as GitHub has it now: a question that is free while nothing has changed."""
        key = (located.pinned.app, located.account.connection.id, located.pinned.repository, branch)
        before = self._heads.get(key)
        there = self._answer(located, branch, before.etag if before else "")
        if not isinstance(there, NotModified):
            self._heads[key] = there
            return there
        if before is None:
            raise ProviderUnavailable(f"GitHub does not say what {branch} of {located.pinned.current} is")
        return before

    def _needs_nothing(self, hinted: tuple[Located, Branch], hint: PushHint) -> bool:
        """Return whether a push was one to another branch, or its head was decided on before."""
        located, branch = hinted
        return branch != hint.branch or hint.after == self._decided(located.pinned.app)

    def _tidy(self, app: AppName) -> None:
        """Let go of old commits, once there is nothing else to do: not while a new one is on its way to live."""
        if app in self._untidy:
            self._untidy.discard(app)
            self.fetching.tidy(app)

    def _hinted(self, config: AppConfig, hint: PushHint) -> tuple[Located, Branch] | None:
        """Return an app's repository and branch as they are known, if a hint is of that repository and it need not be asked for."""
        located = None if config.source is None else self.locator.known(config.name, config.source)
        if located is None or not hint.is_of(located.pinned):
            return None
        branch = deployed_branch(config.branch, located.pinned)
        return None if branch is None else (located, branch)

    def _settled(self, located: Located, branch: Branch, known: Callable[[], Sha]) -> Deploy | None:
        """Fetch a branch and have its head deployed unless it was decided on; `known` returns what GitHub said that it is."""
        app = located.pinned.app
        head = self._proven(located, branch, known)
        if head.sha == self._decided(app):
            return None
        now = self.sources.of(app)
        config = self.apps.get(app)
        if (
            now is None
            or now.repository != located.pinned.repository
            or config.source is None
            or not now.is_named(config.source)
        ):
            return None  # it is deployed from elsewhere by now
        return self._accept(app, head)

    def _proven(self, located: Located, branch: Branch, known: Callable[[], Sha]) -> FetchedHead:
        """Fetch a branch until its head is one that GitHub names for the repository's id, or that was decided on."""
        decided, named = self._decided(located.pinned.app), None
        for _ in range(TRIES):
            located, sha = self._fetched(located, f"{HEADS}{branch}")
            if sha != decided and named is None:
                named = known()
            if judge(sha, decided, named) is LookVerdict.UNPROVEN:
                named = self._asked(located, branch)
            if sha in (decided, named):
                return FetchedHead(branch, sha)
        raise ProviderUnavailable(f"the head of {branch} of {located.pinned.current} is not settled yet")

    def _fetched(self, located: Located, what: str) -> tuple[Located, Sha]:
        self._untidy.add(located.pinned.app)
        return self.at_its_name(located, lambda at: self.fetching.fetch(at.account, at.pinned, what))

    def at_its_name(self, located: Located, ask: Callable[[Located], Found]) -> tuple[Located, Found]:
        """Return what git answers, and the repository as it is then: where it has moved, it is looked for by its id, once."""
        try:
            return located, ask(located)
        except Moved:
            now = replace(self.locate(located.pinned.app), facts=None)
        try:
            return now, ask(now)
        except Moved as error:
            raise ProviderUnavailable(f"GitHub shows {now.pinned.current} to its App, but not to git") from error

    def _located(self, config: AppConfig) -> tuple[Located, Branch]:
        located = self.locate(config.name)
        branch = deployed_branch(config.branch, located.pinned)
        if branch is None:
            raise SourceEmpty(
                f"{located.pinned.current} has no default branch: set `branch` of {config.name} in apps.yml"
            )
        return located, branch

    def _asked(self, located: Located, branch: Branch) -> Sha:
        there = self._answer(located, branch)
        if isinstance(there, NotModified):
            raise ProviderUnavailable(f"GitHub does not say what {branch} of {located.pinned.current} is")
        return there.sha

    def _answer(self, located: Located, branch: Branch, etag: str = "") -> Head | NotModified:
        """Return what GitHub says of a branch. Raise BranchNotFound if it has none of that name, SourceEmpty."""
        there = located.account.calls.branch(located.pinned.repository, branch, etag)
        if isinstance(there, BranchMissing):
            raise self._missing(located, branch)
        if isinstance(there, Head) and there.branch != branch:
            raise BranchNotFound(
                f"the branch {branch} of {located.pinned.current} is now {there.branch}",
                details=(f"set `branch: {there.branch}` of {located.pinned.app} in apps.yml",),
            )
        return there

    def _missing(self, located: Located, branch: Branch) -> DeployhostError:
        pinned = located.pinned
        if branch == pinned.default_branch and self.deploys.newest_head(pinned.app) is None:
            return SourceEmpty(f"{pinned.current} has no commit on {branch} yet: its first push is deployed")
        return BranchNotFound(
            f"{pinned.current} has no branch {branch}",
            hint=f"git push origin {shlex.quote(branch)}",
            details=(f"to deploy another one, set `branch` of {pinned.app} in apps.yml",),
        )

    def _decided(self, app: AppName) -> Sha | None:
        return decided_on(self.sources.of(app), self.deploys.newest_head(app), self.releases.live(app))

    def _accept(self, app: AppName, head: FetchedHead, *, rebuild: bool = False) -> Deploy:
        return self.intake.arrived(app, head.sha, head.branch, rebuild=rebuild)
