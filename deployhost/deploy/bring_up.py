"""The common end of every deploy by our own engine: release command, start, ready, switch."""

from collections.abc import Callable
from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import Created, ReleaseContainers
from deployhost.containers.storage_handover import StorageHandover
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.system.docker_model import Container, Image
from deployhost.traffic.switch import Live, Switch, Switched


@dataclass(frozen=True, kw_only=True)
class BringUp:
    """Brings created containers up, until the app's requests go to them."""

    containers: ReleaseContainers
    storage_handover: StorageHandover
    switch: Switch
    deploys: Deploys
    releases: Releases

    def create(self, attempt: Attempt, image: Image) -> Created:
        """Create the containers of an attempt, and note in the journal that they are there."""
        with attempt.progress.stage("create"):
            created = self.containers.create(attempt, image)
            self.deploys.enter(attempt.deploy.id, "create", container=created.web)
        return created

    def go_live(
        self,
        attempt: Attempt,
        created: Created,
        *,
        held: bool = False,
        then: Callable[[Container, int], Switched | None] = lambda _web, _port: None,
    ) -> Live:
        """Return once the proxy sends the app's requests to the created web container. Raise BootFailed, SwitchFailed.

        `held` is whether requests wait all the while. `then` is called with the web container and its port right after the
        switch, as a part of it; it returns a later switch if it had to make one. Storage that has to change hands does so first:
        nothing else may run that has it. It goes back if this fails.
        """
        with self.storage_handover.handed_over(attempt, created.owner):
            return self._go_live(attempt, created, held, then)

    def _go_live(
        self, attempt: Attempt, created: Created, held: bool, then: Callable[[Container, int], Switched | None]
    ) -> Live:
        deploy, progress = attempt.deploy, attempt.progress
        if created.processes.release is not None:
            created.checked.result()
        self.containers.run_release_command(attempt, created.image, created.processes, held=held)
        attempt.check()
        with progress.stage("start"):
            web = self.containers.start(attempt, created)
        with progress.stage("health"):
            before = self.releases.live(deploy.app)
            ready = self.containers.wait(attempt, created, web, None if before is None else before.port)
        attempt.check()
        with progress.stage("switch", detail=f"port {ready.port}"):
            self.deploys.enter(deploy.id, "switch", port=ready.port)
            switched = self.switch.to(web, ready.port, attempt.config)
            switched = then(web, ready.port) or switched
        attempt.tell_maintenance(switched.state)
        return Live(web, ready.port, switched)
