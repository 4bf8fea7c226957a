"""An app at a standstill: hold its requests → stop what serves → release command → start → ready → switch → resume, or back.

Whatever fails, what served before is started again before the requests go on. After a crash, `mend` does so.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from deployhost.build.labels import DEPLOY_LABEL
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.containers.attempt import Attempt
from deployhost.containers.make import ContainerMaker
from deployhost.containers.release_containers import RELEASE_LIMIT, Created, ReleaseContainers
from deployhost.containers.storage import Storage
from deployhost.deploy.bring_up import BringUp
from deployhost.errors import BootFailed, DeployhostError, FileProblem, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import service_name
from deployhost.kamal.patience import patiently
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Hold
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.holding import NOT_HELD, Holding
from deployhost.traffic.switch import Live, Switch

# Seconds beyond all limits of a standstill that the proxy goes on holding: whoever mends a crash needs some.
SPARE = 60.0
HANDOVER_LIMIT = 120.0  # seconds for storage to change hands: some million files, also on a busy server
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Standstill:
    """Replaces what serves an app while its requests are held, and brings an app back out of a standstill that broke off."""

    docker: Docker
    proxy: KamalProxy
    maker: ContainerMaker
    containers: ReleaseContainers
    bring_up: BringUp
    storage: Storage
    switch: Switch
    holding: Holding
    holds: Holds
    deploys: Deploys
    releases: Releases
    apps: Apps
    clock: Clock

    def go_live(self, attempt: Attempt, created: Created, before: Sequence[Container]) -> Live:
        """Return once the created web container answers what was held. `before` is what serves until then, the web process first.

        Raise BootFailed, SwitchFailed: what served before serves again then; or its requests are left held, for `mend` to go
        on with, if even that fails.
        """

        try:
            with attempt.progress.stage("hold"):
                ids, max_pause = [one.id for one in before], _longest(attempt, created)
                self.holding.begin(attempt.deploy, ids, max_pause=max_pause, check=attempt.check)
            return self._replace(attempt, created, list(before))
        except Exception:
            if self._go_back(attempt) == created.web:
                # The proxy had switched, and the requests could be let go after all: it is live.
                port = self.deploys.get(attempt.deploy.id).port
                return Live(self.docker.inspect(created.web), port or 0, None)
            raise

    def mend(self, hold: Hold) -> str | None:
        """Have the requests of a hold answered that nobody works on; return the id of the container that does so.

        That is the new release's, if the proxy leads there already and it runs; else what served before is started again.
        A proxy that is away for a moment is waited for, and so is the engine.
        Raise SwitchFailed, DockerUnavailable, AppNotFound: the hold stays, and this can be called again.
        """
        return patiently(lambda: self._mend(hold), clock=self.clock)

    def _replace(self, attempt: Attempt, created: Created, before: list[Container]) -> Live:
        app = attempt.deploy.app
        with attempt.progress.stage("stop"):
            patiently(lambda: self.containers.stop(before), clock=self.clock)  # what has ended already is no error
        hold = self.holds.of_app(app)
        held = hold is not None and hold.proxy != NOT_HELD
        let_go = partial(self.holding.let_go, app, config=attempt.config)
        return self.bring_up.go_live(attempt, created, held=held, then=let_go)

    def _go_back(self, attempt: Attempt) -> str | None:
        """Have what served before serve again, and return what serves. What can't be done now is left to converge: the hold stays."""
        hold = self.holds.of_app(attempt.deploy.app)
        if hold is None:
            return None
        try:
            serving = self.mend(hold)
        except DeployhostError as error:
            log.warning("going back after deploy %d: %s", attempt.deploy.id, error)
            return None
        if serving in hold.containers:
            attempt.progress.note("the old release was started again")
        return serving

    def _mend(self, hold: Hold) -> str | None:
        config = self.apps.get(hold.app)
        route = self.proxy.routes().get(service_name(hold.app, WEB))
        new = self.docker.containers({DEPLOY_LABEL: str(hold.deploy), "service": hold.app})
        web = next((one for one in new if route is not None and one.running and route.leads_to(one.id)), None)
        port = self.deploys.get(hold.deploy).port
        if web is not None and port is not None:
            self._let_go(hold.app, web, port, config)
            return web.id
        for container in new:
            if container.running:
                self.docker.stop(container.id, timeout=1)
        return self._start_again(hold, config)

    def _start_again(self, hold: Hold, config: AppConfig) -> str | None:
        try:
            self.storage.give_back(hold.app)
        except FileProblem as error:  # it can read its data at least
            log.warning("the storage of %s can't be given back: %s", hold.app, error)
        started = [container for name in hold.containers if (container := self._started(name)) is not None]
        web = next((one for one in started if one.labels.get("role") == WEB), None)
        live = self.releases.live(hold.app)
        if web is None or live is None:
            log.error("what served %s before deploy %d is gone: its requests are let go", hold.app, hold.deploy)
            self.proxy.remove(service_name(hold.app, WEB))
            self.holds.end(hold.app)
            return None
        port = live.port
        if (image := self.docker.image(web.image_id)) is not None:
            try:
                port = self.maker.wait_ready(web, image, config, live.port).port
            except BootFailed as error:
                log.warning("%s does not come back well: %s", hold.app, error)
        # Also where the route leads there already: the proxy may have kept connections to what has ended, and it does not
        # send a POST twice. A switch begins with none.
        self.switch.to(web, port, config).forget()
        self._let_go(hold.app, web, port, config)
        return web.id

    def _let_go(self, app: AppName, web: Container, port: int, config: AppConfig) -> None:
        if (switched := self.holding.let_go(app, web, port, config)) is not None:
            switched.forget()

    def _started(self, container: str) -> Container | None:
        try:
            found = self.maker.start(container)
            # Where the engine ended in the middle of that, it need not have been started.
            return found if found.running else self.maker.start(container)
        except (NotFound, BootFailed) as error:
            log.warning("%s can't be started again: %s", container[:12], error)
            return None


def _longest(attempt: Attempt, created: Created) -> float:
    """Return how long a standstill can take at most, in seconds: there and back again."""
    release = RELEASE_LIMIT if created.processes.release else 0.0
    storage = 0.0 if created.owner is None else HANDOVER_LIMIT
    return 2 * (attempt.config.stop_timeout + attempt.config.boot_limit + storage) + release + SPARE
