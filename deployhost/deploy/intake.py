"""The one entrance for deploys: what is asked for is journalled, the queue's rules are applied, and the worker is woken.

The git hook, the CLI, the first minute and converge are its callers.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.config import apps as apps_yml
from deployhost.config.current import Apps
from deployhost.deploy.push_plan import ZERO, PushKind, PushVerdict, going_forward, judge_push, overtaken_by, replaces
from deployhost.deploy.queue import BUILDS, CHOICES, REPEATS, overtakes
from deployhost.journal.deploys import Deploys, Push
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Release, Sha, Trigger, Version
from deployhost.system.git import BareRepository


@dataclass(frozen=True)
class Accepted:
    """A push that is deployed, and what its pusher should know of it."""

    deploy: Deploy
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a pushed deploy ended: whether git is to take the ref, what to answer the pusher, and what else to tell."""

    taken: bool
    says: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Accepts deploys. `wake` has a worker look at an app's queue."""

    apps: Apps
    deploys: Deploys
    releases: Releases
    events: EventLog
    repository: Callable[[AppName], BareRepository]
    wake: Callable[[AppName], None]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def push(self, app: AppName, ref: str, old: str, new: str, token: str | None = None) -> Accepted | PushVerdict:
        """Take a push of one ref, from `old` to `new`, commits or 40 zeros; return why it is not deployed, if it is not.

        The token names the push however often it is asked for: each push is one deploy. The first branch that is pushed to an
        app without one becomes its branch. Raise AppNotFound, InvalidConfig, NotFound for a commit that is not there.
        """
        config = self.apps.get(app)
        verdict = judge_push(app, config.branch, ref, new, config.source)
        if verdict.branch is None:
            return verdict
        repository = self.repository(app)
        known = token is not None and self.deploys.of_push(app, token) is not None
        if old != (repository.resolve(ref) or ZERO) and not known:
            # git's own compare-and-swap: the branch has moved since the pusher looked.
            return PushVerdict(PushKind.REFUSE, "fetch first: somebody else has pushed in the meantime")
        commit = repository.commit(Sha(new))
        if verdict.adopt:
            apps_yml.set_branch(self.apps.path, app, verdict.branch)
            repository.set_head(verdict.branch)
        replaced = self._replaced(app, commit.sha)
        forward = going_forward(app, self.releases.live(app), self.deploys.chosen(app))
        pushed = Push(ref, old, token)
        deploy = self._accept(app, commit.sha, Trigger.PUSH, subject=commit.subject, branch=verdict.branch, push=pushed)
        return Accepted(deploy, tuple(filter(None, (forward, *map(replaces, replaced)))))

    def arrived(self, app: AppName, sha: Sha, branch: Branch, *, rebuild: bool = False) -> Deploy:
        """Take a head of an app's branch that was fetched from elsewhere; it is deployed as a push is. Raise NotFound."""
        commit = self.repository(app).commit(sha)
        forward = going_forward(app, self.releases.live(app), self.deploys.chosen(app))
        deploy = self._accept(app, sha, Trigger.PUSH, subject=commit.subject, branch=branch, rebuild=rebuild)
        if forward:
            self.events.append(deploy.id, {"event": "note", "text": forward})
        return deploy

    def choose(
        self, app: AppName, sha: Sha, *, subject: str = "", branch: Branch | None = None, rebuild: bool = False
    ) -> Deploy:
        """Take a person's wish to deploy a commit. `branch` is moved to it once it is live."""
        return self._accept(app, sha, Trigger.MANUAL, subject=subject, branch=branch, rebuild=rebuild)

    def repeat(self, live: Release, trigger: Trigger, *, reason: str = "") -> Deploy:
        """Take the wish to have a live release again: restarted, or with other settings.

        `reason` is why deployhost itself asks for it; whoever follows the deploy is told.
        """
        if trigger not in REPEATS:
            raise ValueError(f"{trigger} repeats nothing")
        deploy = self._accept(live.app, live.sha, trigger, subject=live.subject, reason=reason)
        if reason:
            self.events.append(deploy.id, {"event": "note", "text": reason})
        return deploy

    def back(self, target: Release, trigger: Trigger = Trigger.ROLLBACK, *, reason: str = "") -> Deploy:
        """Take the wish to go back to a release, a person's or, with its reason, an automatic one."""
        return self._accept(
            target.app, target.sha, trigger, subject=target.subject, target=target.version, reason=reason
        )

    def outcome(self, deploy: Deploy) -> Outcome:
        """Return what a pushed deploy that has ended means to its pusher."""
        if deploy.status is DeployStatus.LIVE:
            return Outcome(taken=True, says="live")
        if deploy.status is DeployStatus.SUPERSEDED and deploy.superseded_by is not None:
            newer = self.deploys.get(deploy.superseded_by)
            says = overtaken_by(deploy, newer)
            by_push = newer.trigger is Trigger.PUSH
            return Outcome(taken=by_push, says=says, note=says if by_push else "")
        message = str((deploy.error or {}).get("message", deploy.status))
        cancelled = deploy.status is DeployStatus.CANCELLED
        return Outcome(taken=False, says=message if cancelled else f"deploy failed: {message}")

    def _replaced(self, app: AppName, sha: Sha) -> list[Deploy]:
        """Return the pushes still under way that a pushed commit does not contain.

        git can't tell: the branch moves only when a commit is live, so to whoever pushes it is where it was. The newest push
        wins, and says so.
        """
        repository = self.repository(app)
        under_way = [one for one in self.deploys.open() if one.app == app and one.trigger is Trigger.PUSH]
        return [one for one in under_way if one.sha != sha and not repository.is_ancestor(one.sha, sha)]

    def _accept(
        self,
        app: AppName,
        sha: Sha,
        trigger: Trigger,
        *,
        subject: str,
        branch: Branch | None = None,
        rebuild: bool = False,
        push: Push | None = None,
        target: Version | None = None,
        reason: str = "",
    ) -> Deploy:
        """Write a deploy down, have a worker see to it, and return it.

        A push that is asked for again, after a lost connection, is the deploy that it was, however that goes or went; and a
        commit that is the newest to be deployed already is not deployed twice.
        """
        with self._lock:
            if (known := self._known(app, sha, trigger, push, rebuild)) is not None:
                return known
            deploy = self.deploys.accept(
                app,
                sha,
                trigger=trigger,
                subject=subject,
                branch=branch,
                rebuild=rebuild,
                push=push,
                target=target,
                reason=reason,
                overtakes=lambda queued: overtakes(trigger, queued),
            )
        self.events.wake()
        self.wake(app)
        return deploy

    def _known(self, app: AppName, sha: Sha, trigger: Trigger, push: Push | None, rebuild: bool) -> Deploy | None:
        before = self.deploys.of_push(app, push.token) if push is not None and push.token else None
        if before is not None or trigger not in BUILDS:
            return before
        choices = [one for one in self.deploys.open() if one.app == app and one.trigger in CHOICES]
        if not choices or choices[-1].sha != sha or choices[-1].trigger not in BUILDS or choices[-1].cancel:
            return None
        return choices[-1] if choices[-1].rebuild or not rebuild else None
