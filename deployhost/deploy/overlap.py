"""The strategy `overlap`: the new release starts while the old one serves, then the proxy switches; the old one drains.

Where the storage changes hands, the two can't run at once: that deploy is a handover.
"""

from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.containers.storage import Storage
from deployhost.deploy.bring_up import BringUp
from deployhost.deploy.standstill import Standstill
from deployhost.system.docker_model import Image
from deployhost.traffic.switch import Live


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Brings releases live side by side with what they replace."""

    containers: ReleaseContainers
    storage: Storage
    bring_up: BringUp
    standstill: Standstill

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Return once the app's hosts lead to the new web process. Raise BootFailed, SwitchFailed.

        Whatever fails before the switch leaves what serves alone.
        """
        created = self.bring_up.create(attempt, image)
        if self.storage.is_anothers(attempt.deploy.app, created.owner) and (
            before := self.containers.others(attempt.deploy)
        ):
            attempt.progress.note(
                "this deploy is a handover: the new release runs as another user, who gets the storage"
            )
            attempt.check()
            return self.standstill.go_live(attempt, created, before)
        return self.bring_up.go_live(attempt, created)
