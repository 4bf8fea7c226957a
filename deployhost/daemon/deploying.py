"""Accepting deploys and following them: what every operation that ends in a deploy goes through."""

import threading
from typing import Any

from deployhost.apps.view import Views
from deployhost.control.messages import Message
from deployhost.daemon.control import Emit
from deployhost.daemon.worker import Workers
from deployhost.deploy.cancel import Cancellations
from deployhost.deploy.queue import BUILDS, CHOICES, overtakes
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys, Push
from deployhost.journal.event_log import EventLog
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Sha, Trigger, Version


class Deploying:
    """Given the journal, the workers, the views and who ends deploys, accept deploys, show how they go and end them."""

    def __init__(
        self, deploys: Deploys, events: EventLog, workers: Workers, views: Views, cancellations: Cancellations
    ) -> None:
        self._deploys = deploys
        self._cancellations = cancellations
        self._events = events
        self._workers = workers
        self._views = views
        self._lock = threading.Lock()

    def accept(
        self,
        app: AppName,
        sha: Sha,
        trigger: Trigger,
        *,
        subject: str = "",
        branch: Branch | None = None,
        rebuild: bool = False,
        push: Push | None = None,
        target: Version | None = None,
        reason: str = "",
    ) -> Deploy:
        """Given what to deploy, write it down, have a worker see to it, and return it.

        `target` is the release that a rollback goes back to, `reason` why deployhost itself asks for it. A push that is asked
        for again, after a lost connection, is the deploy that it was, however that goes or went; and a commit that is the
        newest to be deployed already is not deployed twice.
        """
        with self._lock:
            known = self._known(app, sha, trigger, push, rebuild)
            if known is not None:
                return known
            deploy = self._deploys.accept(
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
        self._events.wake()
        self._workers.wake(app)
        return deploy

    def follow(self, number: int, emit: Emit, rest: Message | None = None) -> Deploy:
        """Given a deploy, tell which it is, pass on its events until it has ended, and return it.

        `rest` is what else the operation will return: told at the beginning, for whoever has to follow the deploy on a daemon
        that was restarted meanwhile.
        """
        emit({"event": "deploy", "id": number, **({} if rest is None else {"rest": rest})})
        try:
            for event in self._events.follow(number, lambda: self._deploys.get(number).status.ended):
                emit(event)
            return self._deploys.get(number)
        except NotFound:
            raise NotFound("the app was removed, and this deploy with it", hint="deployhost list") from None

    def shown(self, deploy: Deploy, request: Message, emit: Emit, rest: Message | None = None) -> dict[str, Any]:
        """Given an accepted deploy and the request for it, follow it if that was asked for, and return its view."""
        if request.get("follow", True):
            deploy = self.follow(deploy.id, emit, rest)
        return self._views.deploy(deploy)

    def cancel(self, app: AppName, by: str) -> list[Deploy]:
        """Given an app and who asks, end what is queued and what runs, the queued first; return them once they have ended.

        One of them may be live nevertheless: it was past its switch.
        """
        asked = []
        for deploy in reversed([one for one in self._deploys.open() if one.app == app]):
            if self._cancellations.ask(deploy.id, by):
                asked.append(deploy.id)
                self._events.wake()
        return [self.follow(number, lambda _: None) for number in asked]

    def superseded(self, deploy: Deploy) -> tuple[bool, str]:
        """Given a deploy, return whether a newer push has overtaken it, and what to say of it if anything has."""
        if deploy.status is not DeployStatus.SUPERSEDED or deploy.superseded_by is None:
            return False, ""
        newer = self._deploys.get(deploy.superseded_by)
        if newer.trigger is Trigger.PUSH:
            return (
                True,
                f"overtaken by the newer push {newer.sha.short}: that one is deployed instead of {deploy.sha.short}",
            )
        how = "a rollback to" if newer.trigger is Trigger.ROLLBACK else "the deploy of"
        return (
            False,
            f"overtaken by {how} {newer.sha.short}, which was asked for later: {deploy.sha.short} is not deployed",
        )

    def was_accepted(self, app: AppName, token: str | None) -> bool:
        """Given an app and a push's token, return whether this very push was accepted before, and is only asked for again."""
        return token is not None and self._deploys.of_push(app, token) is not None

    def pushes_under_way(self, app: AppName) -> list[Deploy]:
        """Given an app, return its pushes that are queued or running, oldest first."""
        return [deploy for deploy in self._deploys.open() if deploy.app == app and deploy.trigger is Trigger.PUSH]

    def _known(self, app: AppName, sha: Sha, trigger: Trigger, push: Push | None, rebuild: bool) -> Deploy | None:
        before = self._deploys.of_push(app, push.token) if push is not None and push.token else None
        if before is not None or trigger not in BUILDS:
            return before
        choices = [one for one in self._deploys.open() if one.app == app and one.trigger in CHOICES]
        if not choices or choices[-1].sha != sha or choices[-1].trigger not in BUILDS or choices[-1].cancel:
            return None
        return choices[-1] if choices[-1].rebuild or not rebuild else None
