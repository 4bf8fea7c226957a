"""The operations on an app's releases: showing them, and going back to one."""

from itertools import pairwise

from deployhost.apps.known_apps import known_apps
from deployhost.apps.view import Views
from deployhost.config import apps
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.daemon.deploying import Deploying
from deployhost.deploy.queue import BUILDS, REPEATS
from deployhost.deploy.rollback_plan import Candidate, choose
from deployhost.errors import DeployhostError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Deploy, DeployStatus, Release, Trigger, Version
from deployhost.paths import Paths
from deployhost.system.docker import Docker


class ReleaseOperations:
    """Given the rooms' tools, carry out the operations."""

    def __init__(
        self,
        *,
        paths: Paths,
        docker: Docker,
        deploys: Deploys,
        releases: Releases,
        deploying: Deploying,
        views: Views,
    ) -> None:
        self._paths = paths
        self._docker = docker
        self._deploys = deploys
        self._releases = releases
        self._deploying = deploying
        self._views = views

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {"releases.list": self.list_releases, "app.rollback": self.rollback}

    def list_releases(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return its releases, newest first, each with its deploy."""
        app = known_apps(self._paths, self._releases).name(requests.app_name(request))
        releases = self._releases.of_app(app)
        made = [self._deploy(release) for release in releases]
        shown = []
        for place, (release, deploy) in enumerate(zip(releases, made, strict=True)):
            after = made[place - 1] if place else None
            shown.append(self._views.release(release, deploy, after, has_image=self._has_image(release)))
        return {"app": app, "releases": shown}

    def rollback(self, request: Message, emit: Emit) -> Message:
        """Given a name and perhaps a release, go back to it (or with dry_run only say to which); return both releases."""
        app = self._known(request)
        wanted = None if request.get("release") is None else requests.text(request, "release")
        target = choose(app, self._candidates(app), wanted).release
        live = self._releases.live(app)
        rest: Message = {
            "app": app,
            "release": self._views.release(target, self._deploy(target), None, has_image=True),
            "from": None if live is None else self._views.release(live, self._deploy(live), None, has_image=None),
            "applied": not request.get("dry_run"),
        }
        if not rest["applied"]:
            return {**rest, "deploy": None}
        before = [one for one in self._deploys.open() if one.app == app]
        deploy = self._deploying.accept(
            app, target.sha, Trigger.ROLLBACK, subject=target.subject, target=target.version
        )
        for running in before:
            if running.trigger in BUILDS and self._deploys.is_open(running.id):
                text = (
                    f"deploy {running.id} ({running.sha.short}) is under way; the rollback follows it; "
                    f"to go back sooner: deployhost cancel {app}, which ends both, then roll back again"
                )
                emit({"event": "note", "text": text})
        if before:
            rest["from"] = None  # another release may be live by then
        shown = self._deploying.shown(deploy, request, emit, rest)
        left = self._left_for(app, shown["version"]) if shown["status"] == DeployStatus.LIVE else None
        known = {} if left is None else {"from": self._views.release(left, self._deploy(left), None, has_image=None)}
        return {**rest, **known, "deploy": shown}

    def _left_for(self, app: AppName, version: str) -> Release | None:
        """Return the release that was live until the one of that version was."""
        pairs = pairwise(self._releases.of_app(app))
        return next((older for newer, older in pairs if newer.version == version), None)

    def _candidates(self, app: AppName) -> list[Candidate]:
        releases = self._releases.of_app(app)
        older: list[Release | None] = [*releases[1:], None][: len(releases)]
        return [
            Candidate(release, self._has_image(release) is not False, self._origin(release, before))
            for release, before in zip(releases, older, strict=True)
        ]

    def _origin(self, release: Release, before: Release | None) -> Version | None:
        """Return the older release that this one runs again, if a rollback, a restart or a change of settings made it."""
        deploy = self._deploy(release)
        if deploy is None:
            return None
        if deploy.trigger in REPEATS:
            return before.version if before is not None and before.image == release.image else None
        return deploy.target

    def _deploy(self, release: Release) -> Deploy | None:
        try:
            return self._deploys.get(release.deploy)
        except NotFound:
            return None

    def _has_image(self, release: Release) -> bool | None:
        """Return whether a release's image is there, or None while the engine does not answer."""
        try:
            return self._docker.image(release.image) is not None
        except DeployhostError:
            return None

    def _known(self, request: Message) -> AppName:
        return apps.load(self._paths.apps_yml).get(requests.app_name(request)).name
