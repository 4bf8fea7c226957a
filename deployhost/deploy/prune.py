"""Removing what an app no longer needs after a deploy; `retention` decides."""

from deployhost.deploy.retention import KEEP_LOGS, Stopped, prunable
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, DeployStatus
from deployhost.system.docker import Docker


class Pruner:
    """Given the engine and the journal, remove what is too old."""

    def __init__(self, docker: Docker, deploys: Deploys, releases: Releases, events: EventLog) -> None:
        self._docker = docker
        self._deploys = deploys
        self._releases = releases
        self._events = events

    def prune(self, app: AppName) -> None:
        """Given an app, remove its old containers, images and logs; what runs or can be rolled back to stays."""
        containers = self._docker.containers(contract.role_labels(app, WEB))
        images = self._docker.images(f"service={app}")
        recent = self._deploys.of_app(app, limit=KEEP_LOGS * 2)
        decided = prunable(
            contract.repository(app),
            stopped=[Stopped(container.id, container.image) for container in containers if not container.pid],
            running_images=[container.image for container in containers if container.pid],
            tags=[tag for image in images for tag in image.tags],
            releases=[release.version for release in self._releases.of_app(app)],
            busy=[deploy.version for deploy in recent if deploy.version and deploy.status is DeployStatus.RUNNING],
        )
        for container in decided.containers:
            self._docker.remove(container)
        for reference in decided.images:
            self._docker.remove_image(reference)
        self._releases.drop(app, decided.releases)
        for deploy in recent[KEEP_LOGS:]:
            self._events.remove(deploy.id)
