"""Going back to an earlier release: which one that is, and which release ran which."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from deployhost.deploy.queue import REPEATS
from deployhost.deploy.rollback_plan import RollbackCandidate, choose
from deployhost.errors import DeployhostError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Deploy, Release, Version
from deployhost.system.docker import Docker


@dataclass(frozen=True, kw_only=True)
class Rollbacks:
    """An app's releases as what one can go back to."""

    docker: Docker
    deploys: Deploys
    releases: Releases

    def target(self, app: AppName, wanted: str | None) -> Release:
        """Return the release to go back to; `wanted` is how a person named it, None: the one before. Raise NotFound, Conflict."""
        return choose(app, self._candidates(app), wanted).release

    def left_for(self, app: AppName, version: str | None) -> Release | None:
        """Return the release that was live until the one of that version was."""
        return next((older for newer, older in pairwise(self.releases.of_app(app)) if newer.version == version), None)

    def deploy_of(self, release: Release) -> Deploy | None:
        """Return the deploy that made a release, or None if it is forgotten."""
        try:
            return self.deploys.get(release.deploy)
        except NotFound:
            return None

    def has_image(self, release: Release) -> bool | None:
        """Return whether a release's image is there, or None while the engine does not answer."""
        try:
            return self.docker.image(release.image) is not None
        except DeployhostError:
            return None

    def _candidates(self, app: AppName) -> Sequence[RollbackCandidate]:
        releases = self.releases.of_app(app)
        return [
            RollbackCandidate(release, self.has_image(release) is not False, self._origin(release, before))
            for release, before in zip_longest(releases, releases[1:])
        ]

    def _origin(self, release: Release, before: Release | None) -> Version | None:
        """Return the older release that this one runs again, if a rollback, a restart or a change of settings made it."""
        deploy = self.deploy_of(release)
        if deploy is None:
            return None
        if deploy.trigger in REPEATS:
            return before.version if before is not None and before.image == release.image else None
        return deploy.target
