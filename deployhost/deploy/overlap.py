"""The strategy `overlap`: the new release starts while the old one serves, then the proxy switches; the old one drains."""

from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.deploy.bring_up import BringUp
from deployhost.journal.deploys import Deploys
from deployhost.system.docker_model import Image
from deployhost.traffic.live import Live


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Brings releases live side by side with what they replace."""

    containers: ReleaseContainers
    bring_up: BringUp
    deploys: Deploys

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Return once the app's hosts lead to the new web process. Raise BootFailed, SwitchFailed.

        Whatever fails before the switch leaves what serves alone.
        """
        with attempt.progress.stage("create"):
            created = self.containers.create(attempt, image)
            self.deploys.enter(attempt.deploy.id, "create", container=created.web)
        return self.bring_up.go_live(attempt, created)
