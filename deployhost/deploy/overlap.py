"""The strategy `overlap`: the new release starts while the old one serves, then the proxy switches; the old one drains."""

from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.deploy.bring_up import BringUp
from deployhost.system.docker_model import Image
from deployhost.traffic.switch import Live


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Brings releases live side by side with what they replace."""

    bring_up: BringUp

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Return once the app's hosts lead to the new web process. Raise BootFailed, SwitchFailed.

        Whatever fails before the switch leaves what serves alone.
        """
        return self.bring_up.go_live(attempt, self.bring_up.create(attempt, image))
