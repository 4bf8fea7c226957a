"""The strategy `handover`: requests wait at the proxy while the old release ends and the new one starts.

Never do two releases run at once, so neither can write what the other does not expect (ARCHITECTURE.md, "Two releases, one
database").
"""

from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.deploy.bring_up import BringUp
from deployhost.deploy.standstill import Standstill
from deployhost.system.docker_model import Image
from deployhost.traffic.switch import Live


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Replaces a release by stopping the old one before starting the new one, while the proxy holds requests."""

    containers: ReleaseContainers
    bring_up: BringUp
    standstill: Standstill

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Return once the new web process answers what was held. Raise BootFailed, SwitchFailed: the old release serves again then."""
        created = self.bring_up.create(attempt, image)
        before = self.containers.others(attempt.deploy)
        if not before:
            return self.bring_up.go_live(attempt, created)  # nothing is to be handed over
        attempt.check()
        return self.standstill.go_live(attempt, created, before)
