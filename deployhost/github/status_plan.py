"""Which commit statuses are to be posted to GitHub. Pure: computed from the journal and from what was posted last.

GitHub knows pending, success, failure and error, and no neutral state. `failure` is the commit's: its build, its boot, its first minute. `error`
is not: somebody cancelled the deploy, a newer commit took its place, or the app was removed. Nothing is posted of what ended before it ran.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deployhost.errors import DeployCancelled
from deployhost.journal.posted import PENDING, PostedState, PostedStatus
from deployhost.model import AppName, Deploy, DeployStatus, Sha, Trigger

LONGEST = 140  # characters of a description
TOLD = (Trigger.PUSH, Trigger.MANUAL)  # the others repeat what is live: the commit has its status
# GitHub's limits of what one App writes: 80 a minute, 500 an hour, a second between two. Some are left to others.
A_MINUTE, AN_HOUR, APART = 70, 450, 1.0
DISCONNECTED = "The server was disconnected from GitHub during the deploy"
FOR_ENDS = 50  # of an hour: pending statuses are left out for the end of those that are there

Key = tuple[AppName, Sha, int]


@dataclass(frozen=True)
class StatusTarget:
    """Where statuses of an app's commits go: the repository by its id, and the connection that sees it."""

    app: AppName
    repository: int
    connection: str


@dataclass(frozen=True, kw_only=True)
class StatusPost:
    """A status that is to be posted. Its description is neither shortened yet nor without secrets."""

    app: AppName
    sha: Sha
    repository: int
    connection: str
    deploy: int
    state: PostedState
    description: str
    target_url: str = ""

    @property
    def key(self) -> Key:
        """Return what has one status."""
        return self.app, self.sha, self.repository

    @property
    def context(self) -> str:
        """Return the name that GitHub shows."""
        return f"deployhost/{self.app}"

    def posted(self, at: float) -> PostedStatus:
        """Return the record of it."""
        return PostedStatus(
            app=self.app,
            sha=self.sha,
            repository=self.repository,
            connection=self.connection,
            deploy=self.deploy,
            state=self.state,
            posted_at=at,
        )


def to_post(
    deploys: Sequence[Deploy],
    targets: Iterable[StatusTarget],
    posted: Iterable[PostedStatus],
    urls: Mapping[AppName, str],
) -> list[StatusPost]:
    """Return what is to be posted, what ends something pending first.

    `deploys` are the recent ones of apps with a target and those that something pending tells of, oldest first. `urls` are the public
    addresses of apps.
    """
    by_app = {target.app: target for target in targets}
    last = {(one.app, one.sha, one.repository): one for one in posted}
    found = [*_of_deploys(deploys, by_app, last, urls), *_of_the_gone(deploys, last)]
    return sorted(found, key=lambda one: (one.state == PENDING, one.deploy))


def last_posts(wanted: Iterable[StatusPost], posted: Iterable[PostedStatus], connection: str) -> list[StatusPost]:
    """Return what is to be posted before a connection ends: the ends that are known, and one for what is still pending then.

    `wanted` is what `to_post` returned. The deploys themselves go on.
    """
    ends = [one for one in wanted if one.connection == connection and one.state != PENDING]
    known = {one.key for one in ends}
    left = [
        StatusPost(
            app=one.app,
            sha=one.sha,
            repository=one.repository,
            connection=connection,
            deploy=one.deploy,
            state="error",
            description=DISCONNECTED,
        )
        for one in posted
        if one.connection == connection and one.state == PENDING and (one.app, one.sha, one.repository) not in known
    ]
    return [*ends, *left]


def _of_deploys(
    deploys: Sequence[Deploy],
    targets: Mapping[AppName, StatusTarget],
    last: Mapping[Key, PostedStatus],
    urls: Mapping[AppName, str],
) -> list[StatusPost]:
    newest: dict[Key, tuple[Deploy, str]] = {}
    at = {one.deploy: one for one in last.values()}
    for deploy in deploys:
        if deploy.trigger not in TOLD or deploy.started_at is None:
            continue
        # A status stays with the repository that has its beginning, whatever the app is deployed from by now.
        begun, target = at.get(deploy.id), targets.get(deploy.app)
        if begun is not None:
            newest[deploy.app, begun.sha, begun.repository] = deploy, begun.connection
        elif target is not None:
            newest[deploy.app, deploy.sha, target.repository] = deploy, target.connection
    found = []
    for (app, sha, repository), (deploy, connection) in newest.items():
        before = last.get((app, sha, repository))
        state, description = _told(deploy, urls.get(app, ""))
        if before is not None and (before.deploy > deploy.id or (before.deploy == deploy.id and before.state == state)):
            continue
        target = targets.get(app)
        found.append(
            StatusPost(
                app=app,
                sha=sha,
                repository=repository,
                connection=target.connection if target is not None and target.repository == repository else connection,
                deploy=deploy.id,
                state=state,
                description=description,
                target_url=urls.get(app, "") if state == "success" else "",
            )
        )
    return found


def _of_the_gone(deploys: Sequence[Deploy], last: Mapping[Key, PostedStatus]) -> list[StatusPost]:
    """Return the ends of what is pending and whose deploy is gone from the journal, as it goes with its app."""
    there = {deploy.id for deploy in deploys}
    return [
        StatusPost(
            app=one.app,
            sha=one.sha,
            repository=one.repository,
            connection=one.connection,
            deploy=one.deploy,
            state="error",
            description="The app was removed",
        )
        for one in last.values()
        if one.state == PENDING and one.deploy not in there
    ]


def _told(deploy: Deploy, url: str) -> tuple[PostedState, str]:
    cause = str((deploy.error or {}).get("message", ""))
    match deploy.status:
        case DeployStatus.QUEUED | DeployStatus.RUNNING:
            return "pending", "Deploying"
        case DeployStatus.LIVE if cause and not _asked_to_end(deploy):
            return "failure", f"Failed after it went live: {cause}"
        case DeployStatus.LIVE:
            at = f" at {url}" if url else ""
            return "success", f"Live{at}{_after(deploy)}"
        case DeployStatus.SUPERSEDED:
            return "error", "Superseded by a newer commit"
        case DeployStatus.CANCELLED:
            return "error", cause[:1].upper() + cause[1:] if cause else "Cancelled"
        case DeployStatus.FAILED:
            return "failure", cause or "The deploy failed"


def _asked_to_end(deploy: Deploy) -> bool:
    """Return whether what the journal says of a deploy is that somebody wanted it to end, which came too late for one that is live."""
    return deploy.error is not None and deploy.error.get("code") == DeployCancelled.code


def _after(deploy: Deploy) -> str:
    if deploy.live_at is None:
        return ""
    seconds = max(0.0, deploy.live_at - deploy.requested_at)
    return f" after {seconds:.1f} s" if seconds < 10 else f" after {seconds:.0f} s"


def described(text: str) -> str:
    """Return a text without secrets as a description: one line of 140 characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def next_write(written: Sequence[float], now: float, *, pending: bool) -> float:
    """Return when an App may write next, by when it wrote before (seconds, oldest first); `pending`: whether that can be done without."""
    if not written:
        return now
    earliest = [now, written[-1] + APART]
    a_minute, an_hour = A_MINUTE, AN_HOUR - (FOR_ENDS if pending else 0)
    if len(written) >= a_minute:
        earliest.append(written[-a_minute] + 60)
    if len(written) >= an_hour:
        earliest.append(written[-an_hour] + 3600)
    return max(earliest)
