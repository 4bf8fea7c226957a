"""Posts commit statuses to GitHub, after what happened and never in its way."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.config.env import EnvStore
from deployhost.errors import AccessRefused, DeployhostError, NotFound, ProviderRefused, ProviderUnavailable
from deployhost.github.accounts import GitHubAccount, GitHubAccounts
from deployhost.github.status_plan import (
    APART,
    DISCONNECTED,
    Key,
    StatusPost,
    StatusTarget,
    described,
    last_posts,
    next_write,
    to_post,
)
from deployhost.journal.posted import PENDING, PostedStatus
from deployhost.journal.redactor import Redactor
from deployhost.journal.sources import Sources
from deployhost.journal.statuses import Statuses
from deployhost.model import AppName, DeployStatus, Secret
from deployhost.system.clock import Clock

WHAT = "posting commit statuses"
EVERY = 1.0  # seconds between looks whether something happened
HOUR, DAY = 3600.0, 86400.0
FIRST = DAY  # seconds after which no first status of a deploy is posted any more
KEPT = 7 * DAY  # seconds after which a pending status is given up
SHORTEST, LONGEST_OF_APP, LONGEST_OF_COMMIT = 30.0, 600.0, HOUR  # pauses after errors, in seconds
PLAIN = {"failure": "The deploy failed", "error": "The deploy did not go live"}  # while its secrets can't be read
LEAVING = 10.0  # seconds for the last statuses of an App that is about to be uninstalled
UNCONNECTED = 60.0  # seconds between looks for a connection that is gone
NEVER = float("inf")


@dataclass
class Pause:
    """When something is tried again, by the monotonic clock. It doubles with each error."""

    until: float
    seconds: float


@dataclass(kw_only=True)
class CommitStatuses:
    """Brings what GitHub shows of commits to what the journal says of them.

    `url` returns the address of an app; `went_well` does something and keeps its error for `status` until it goes well, `forget` ends that.
    A status is posted before it is recorded: after a crash between the two it is posted once more.
    """

    statuses: Statuses
    sources: Sources
    github_accounts: GitHubAccounts
    env: EnvStore
    url: Callable[[AppName], str]
    went_well: Callable[[str, Callable[[], object]], bool]
    forget: Callable[[str], None]
    clock: Clock
    _seen: int = field(default=-1, init=False)
    _again_at: float = field(default=NEVER, init=False)
    _tidied_at: float = field(default=-NEVER, init=False)
    # When each App wrote within the last hour.
    _written: dict[str, list[float]] = field(default_factory=dict, init=False)
    _pauses: dict[str | Key, Pause] = field(default_factory=dict, init=False)
    _unrecorded: dict[Key, PostedStatus] = field(default_factory=dict, init=False)
    _troubled: set[AppName] = field(default_factory=set, init=False)
    _one: threading.Lock = field(default_factory=threading.Lock, init=False)
    # Connections that are about to end, each with until when nothing is posted by it (monotonic).
    _leaving: dict[str, float] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Post what is to be posted for ever."""
        while True:
            self.went_well(WHAT, self.look)
            self.clock.sleep(EVERY)

    def look(self) -> None:
        """Post all that may be posted now, if something happened or the time of something that waited has come. Raise FileProblem."""
        changes = self.statuses.database.changes
        if changes == self._seen and self.clock.monotonic() < self._again_at:
            return
        while self.step():
            pass
        self._seen = changes

    def step(self) -> bool:
        """Post one status, and return whether there was one that could be posted now. Raise FileProblem."""
        with self._one:
            return self._step()

    def leave(self, connection: str) -> list[str]:
        """Post the last statuses of an App that is about to be uninstalled: afterwards nobody can, and they would be pending for ever.

        Return a note on each that GitHub did not take. An end that is only "disconnected" is not recorded: should the server be
        connected again, the true one replaces it. Raise FileProblem.
        """
        account, end = self.github_accounts.by_id(connection), self.clock.monotonic() + LEAVING
        if account is None:
            return []
        if not self._one.acquire(timeout=LEAVING):
            return ["GitHub has not answered an earlier request yet: commits may stay pending there"]
        try:
            self._leaving[connection] = self.clock.monotonic() + UNCONNECTED
            posts = last_posts(self._wanted(), self._recorded(), connection)
            return [note for number, post in enumerate(posts) if (note := self._last(post, account, number, end))]
        finally:
            self._one.release()

    def _last(self, post: StatusPost, account: GitHubAccount, number: int, end: float) -> str:
        """Post a last status and return "", or a note if that does not succeed in time."""
        try:
            if self.clock.monotonic() >= end:
                raise ProviderUnavailable("GitHub is slow")
            if number:
                self.clock.sleep(APART)
            self._send(post, account)
        except DeployhostError as error:
            return f"GitHub shows the commit {post.sha.short} of {post.app} as pending: {error.message}"
        if post.description != DISCONNECTED:
            self._unrecorded[post.key] = post.posted(self.clock.time())
            with contextlib.suppress(DeployhostError):  # it is tried again
                self._record_the_rest()
        return ""

    def _step(self) -> bool:
        self._record_the_rest()
        wanted = self._wanted()
        accounts = {post.connection: self.github_accounts.by_id(post.connection) for post in wanted}
        now = self.clock.monotonic()
        possible = [
            (post, account)
            for post in wanted
            if (account := accounts[post.connection]) is not None and self._leaving.get(post.connection, now) <= now
        ]
        for app in self._troubled - {post.app for post, _ in possible}:
            self._troubled.discard(app)
            self.forget(_what(app))
        # What was disconnected may be connected again.
        self._again_at = NEVER if len(possible) == len(wanted) else self.clock.monotonic() + UNCONNECTED
        for post, account in possible:
            at = self._may_post_at(post)
            if at <= self.clock.monotonic():
                self._try(post, account)
                return True
            self._again_at = min(self._again_at, at)
        return False

    def _try(self, post: StatusPost, account: GitHubAccount) -> None:
        if self.went_well(_what(post.app), lambda: self._post(post, account)):
            self._troubled.discard(post.app)
        else:
            self._troubled.add(post.app)

    def _wanted(self) -> list[StatusPost]:
        now = self.clock.time()
        if self.clock.monotonic() - self._tidied_at > HOUR:
            self.statuses.tidy(now - KEPT)
            self._tidied_at = self.clock.monotonic()
        posted = self._recorded()
        deploys = self.statuses.to_tell(now - FIRST, [one for one in posted if one.state == PENDING])
        targets = [StatusTarget(pin.app, pin.repository, pin.connection) for pin in self.sources.all()]
        live = {one.app for one in deploys if one.status is DeployStatus.LIVE}
        return to_post(deploys, targets, posted, {app: self._public(app) for app in live})

    def _recorded(self) -> list[PostedStatus]:
        recorded = {(one.app, one.sha, one.repository): one for one in self.statuses.posted()}
        return list((recorded | self._unrecorded).values())

    def _public(self, app: AppName) -> str:
        url = self.url(app)
        return url if url.startswith("https://") else ""

    def _may_post_at(self, post: StatusPost) -> float:
        now = self.clock.monotonic()
        paused = (self._pauses[key].until for key in (post.connection, _place(post), post.key) if key in self._pauses)
        written = [at for at in self._written_by(post.connection) if at > now - HOUR]
        self._written[post.connection] = written
        return max(next_write(written, now, pending=post.state == PENDING), *paused, now)

    def _written_by(self, connection: str) -> list[float]:
        if connection not in self._written:
            # What an earlier run of ours wrote, as far as the journal has it.
            shift = self.clock.monotonic() - self.clock.time()
            before = [one.posted_at + shift for one in self.statuses.posted() if one.connection == connection]
            self._written[connection] = [at for at in before if at <= self.clock.monotonic()]
        return self._written[connection]

    def _post(self, post: StatusPost, account: GitHubAccount) -> None:
        self._written[post.connection].append(self.clock.monotonic())
        try:
            self._send(post, account)
        except NotFound as error:
            self._pause(post.key, LONGEST_OF_COMMIT)
            raise NotFound(error.message, hint=f"deployhost status {post.app}", details=error.details) from error
        except (AccessRefused, ProviderRefused) as error:
            self._pause(_place(post), LONGEST_OF_APP)  # an archived repository is not in the way of others
            said = "; ".join((error.message, *error.details[:1]))
            raise type(error)(said, hint=error.hint or f"deployhost status {post.app}") from error
        except DeployhostError as error:
            self._pause(post.connection, LONGEST_OF_APP, error)
            raise
        for key in (post.connection, _place(post), post.key):
            self._pauses.pop(key, None)
        self._unrecorded[post.key] = post.posted(self.clock.time())
        self._record_the_rest()

    def _send(self, post: StatusPost, account: GitHubAccount) -> None:
        account.calls.post_status(
            post.repository,
            post.sha,
            state=post.state,
            context=post.context,
            description=self._described(post),
            target_url=post.target_url,
        )

    def _record_the_rest(self) -> None:
        """Record what was posted. Raise FileProblem: what can't be recorded is not posted again by this run of ours."""
        for key, posted in list(self._unrecorded.items()):
            self.statuses.record(posted)
            del self._unrecorded[key]

    def _pause(self, key: str | Key, longest: float, error: DeployhostError | None = None) -> None:
        before = self._pauses.get(key)
        seconds = SHORTEST if before is None else min(2 * before.seconds, longest)
        asked = error.retry_after if isinstance(error, ProviderUnavailable) else 0.0
        self._pauses[key] = Pause(self.clock.monotonic() + max(seconds, asked), seconds)

    def _described(self, post: StatusPost) -> str:
        """Return the description without secrets; only then is it cut, since half a secret would not be recognised."""
        if post.state not in PLAIN:
            return described(post.description)
        try:
            secrets = {*self.env.read(post.app).values(), *self._own_secrets()}
        except DeployhostError:
            return PLAIN[post.state]
        return described(Redactor(frozenset(secrets)).redacted(post.description))

    def _own_secrets(self) -> list[Secret]:
        apps = [one.connection for one in self.github_accounts.all()]
        return [secret for app in apps for secret in (app.key, app.webhook_secret) if secret is not None]


def _place(post: StatusPost) -> str:
    return f"{post.connection} {post.repository}"


def _what(app: AppName) -> str:
    return f"posting commit statuses of {app}"
