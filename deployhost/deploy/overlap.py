"""The strategy `overlap`: the new release starts while the old one serves, then the proxy switches; the old one drains."""

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import Created, Crews
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.system.docker_model import Image
from deployhost.traffic.live import Live
from deployhost.traffic.switch import Switch


class Overlap:
    """Given the crews, the switch and the journal, bring releases live side by side with what they replace."""

    def __init__(self, crews: Crews, switch: Switch, deploys: Deploys, releases: Releases) -> None:
        self._crews = crews
        self._switch = switch
        self._deploys = deploys
        self._releases = releases

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Given an attempt and its image, return once its web process is what the app's hosts lead to. Raise BootFailed, SwitchFailed.

        Whatever fails before the switch leaves what serves alone.
        """
        with attempt.progress.stage("create"):
            created = self._crews.create(attempt, image)
            self._deploys.enter(attempt.deploy.id, "create", container=created.web)
        return self.start(attempt, created)

    def start(self, attempt: Attempt, created: Created) -> Live:
        """Given created containers, go on from there."""
        deploy, progress = attempt.deploy, attempt.progress
        self._crews.release(attempt, created)
        attempt.check()
        with progress.stage("start"):
            web = self._crews.start(attempt, created)
        with progress.stage("health"):
            before = self._releases.live(deploy.app)
            ready = self._crews.wait(attempt, created, web, None if before is None else before.port)
        attempt.check()
        with progress.stage("switch", detail=f"port {ready.port}"):
            self._deploys.enter(deploy.id, "switch", port=ready.port)
            switched = self._switch.to(web, ready.port, attempt.config)
        attempt.tell_maintenance(switched.state)
        return Live(web, ready.port, switched)
