"""Making official what is live: the journal, git and Kamal are told of a container that the proxy sends requests to already."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from deployhost.containers.release_containers import ReleaseContainers
from deployhost.errors import DeployhostError, FileProblem
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.patience import patiently
from deployhost.model import WEB, AppName, Deploy, Release, Version
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.git import BareRepository
from deployhost.traffic.drain import MARGIN

log = logging.getLogger(__name__)


class Unrecorded(Exception):
    """A switch has happened and that is not official yet: `record` is to be called again, and nothing is to be undone."""


@dataclass(frozen=True, kw_only=True)
class GoingLive:
    """Records releases as live. All of it can be done twice."""

    docker: Docker
    containers: ReleaseContainers
    releases: Releases
    events: EventLog
    kamal: KamalFiles
    repository: Callable[[AppName], BareRepository]
    clock: Clock

    def record(self, deploy: Deploy, version: Version, web: Container, *, port: int, drain: float) -> list[Container]:
        """Record a deploy as live to whose web container the proxy sends requests; return the containers it replaced.

        `drain` is the seconds that requests of what it replaced may still take. Converging calls this too, for a switch that
        an earlier run of ours did not live to write down. Raise Unrecorded.
        """
        now = self.clock.time()
        try:
            patiently(lambda: self.containers.keep(deploy), clock=self.clock)
        except DeployhostError as error:
            raise Unrecorded(
                f"deploy {deploy.id} is live, and its containers can't be kept running: {error}"
            ) from error
        # What drains since an earlier deploy goes on draining: its requests have their own last moment.
        draining = {one.container for one in self.releases.drains()}
        replaced = [one for one in self.containers.others(deploy) if one.id not in draining]
        release = Release(
            app=deploy.app,
            version=version,
            sha=deploy.sha,
            subject=deploy.subject,
            image=web.image_id,
            container=web.id,
            port=port,
            deploy=deploy.id,
            live_since=now,
            is_live=True,
        )
        # The journal comes last: whatever does not live to see that entry is found running, and finished by recovery.
        self._tell_others(deploy, version, web.image_id)
        try:
            self.releases.went_live(release, [one.id for one in replaced], now + drain + MARGIN)
        except FileProblem as error:
            raise Unrecorded(f"deploy {deploy.id} is live, which can't be written down: {error}") from error
        return replaced

    def _tell_others(self, deploy: Deploy, version: Version, image: str) -> None:
        """Tell git and Kamal what is live. Requests go there already, so what can't be told does not fail the deploy."""

        def move_branch() -> None:
            if deploy.branch is not None:
                self.repository(deploy.app).move_branch(deploy.branch, deploy.sha)

        for tell in (
            move_branch,
            lambda: self.docker.tag(image, contract.latest_image(deploy.app)),
            lambda: self.kamal.audit(deploy.app, f"[{WEB}] Booted app version {version}"),
        ):
            try:
                tell()
            except (DeployhostError, OSError) as error:
                log.warning("deploy %d is live, but: %s", deploy.id, error)
                self.events.append(deploy.id, {"event": "note", "text": f"it is live, but: {error}"})
