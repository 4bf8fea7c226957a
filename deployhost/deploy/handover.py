"""The strategy `handover`: requests wait at the proxy while the old release ends and the new one starts.

Never do two releases run at once, so neither can write what the other does not expect (ARCHITECTURE.md, "Two releases, one
database"). Whatever fails, the old one is started again before the requests go on.
"""

import logging

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import RELEASE_LIMIT, Created, Crews
from deployhost.deploy.overlap import Overlap
from deployhost.errors import DeployhostError
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.patience import patiently
from deployhost.system.docker_model import Container, Image
from deployhost.traffic.holding import NOT_HELD, Holding
from deployhost.traffic.live import Live
from deployhost.traffic.switch import Switch

SPARE = 60.0  # seconds beyond all limits of a handover that the proxy goes on holding: whoever mends a crash needs some
log = logging.getLogger(__name__)


class Handover:
    """Given the crews, the switch, what holds requests and the journal, bring releases live one after the other."""

    def __init__(
        self,
        *,
        crews: Crews,
        switch: Switch,
        holding: Holding,
        deploys: Deploys,
        releases: Releases,
        overlap: Overlap,
    ) -> None:
        self._crews = crews
        self._switch = switch
        self._holding = holding
        self._deploys = deploys
        self._releases = releases
        self._overlap = overlap

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Given an attempt and its image, return once its web process answers what was held. Raise BootFailed, SwitchFailed.

        When it raises, what served before serves again; or it is left held, for converge to go on with, if even that fails.
        """
        with attempt.progress.stage("create"):
            created = self._crews.create(attempt, image)
            self._deploys.enter(attempt.deploy.id, "create", container=created.web)
            before = self._crews.others(attempt.deploy)
        if not before:
            return self._overlap.start(attempt, created)  # nothing is to be handed over
        attempt.check()
        try:
            with attempt.progress.stage("hold"):
                containers, max_pause = [one.id for one in before], _longest(attempt, created)
                self._holding.begin(attempt.deploy, containers, max_pause=max_pause, check=attempt.check)
            return self._take_over(attempt, created, before)
        except Exception:
            if self._go_back(attempt) == created.web:
                return self._as_it_is(attempt, created)
            raise

    def _take_over(self, attempt: Attempt, created: Created, before: list[Container]) -> Live:
        deploy, progress = attempt.deploy, attempt.progress
        with progress.stage("stop"):
            patiently(lambda: self._crews.stop(before))  # what has ended already is no error
        hold = self._holding.of(deploy.app)
        self._crews.release(attempt, created, held=hold is not None and hold.proxy != NOT_HELD)
        with progress.stage("start"):
            web = self._crews.start(attempt, created)
        with progress.stage("health"):
            last = self._releases.live(deploy.app)
            ready = self._crews.wait(attempt, created, web, None if last is None else last.port)
        with progress.stage("switch", detail=f"port {ready.port}"):
            self._deploys.enter(deploy.id, "switch", port=ready.port)
            switched = self._switch.to(web, ready.port, attempt.config)
            switched = self._holding.let_go(deploy.app, web, ready.port, attempt.config) or switched
        attempt.tell_maintenance(switched.state)
        return Live(web, ready.port, switched)

    def _go_back(self, attempt: Attempt) -> str | None:
        """Have what served before serve again, and return what serves. What can't be done now is left to converge: the hold stays."""
        hold = self._holding.of(attempt.deploy.app)
        if hold is None:
            return None
        try:
            serving = self._holding.mend(hold)
        except DeployhostError as error:
            log.warning("going back after deploy %d: %s", attempt.deploy.id, error)
            return None
        if serving in hold.containers:
            attempt.progress.note("the old release was started again")
        return serving

    def _as_it_is(self, attempt: Attempt, created: Created) -> Live:
        """The proxy had switched, and the requests could be let go after all: it is live."""
        port = self._deploys.get(attempt.deploy.id).port
        return Live(self._crews.found(created.web), port or 0, None)


def _longest(attempt: Attempt, created: Created) -> float:
    """Return how long a handover can take at most, in seconds: there and back again."""
    release = RELEASE_LIMIT if created.processes.release else 0.0
    return 2 * (attempt.config.stop_timeout + attempt.config.boot_limit) + release + SPARE
