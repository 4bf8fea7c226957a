"""Holding an app's requests at the proxy, and letting them go again: also after a crash of ours or of the proxy.

A hold is in the journal before the proxy is told, and is deleted once the requests go on. Whoever finds one that nobody
works on calls `mend`.
"""

import logging
from collections.abc import Callable, Sequence

from deployhost.config.app import AppConfig
from deployhost.containers.make import DEPLOY_LABEL, DirectEngine
from deployhost.errors import BootFailed, NotFound, ProxyUnavailable, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import PAUSED, RUNNING, Route, service_name
from deployhost.kamal.patience import patiently
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, Hold
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.switch import HEALTH_PATH, Switch, Switched

NOT_HELD = ""  # a hold's proxy where requests did not get through before either
DRAIN = 2.0  # seconds that requests under way may still take: as long as new ones wait for them
log = logging.getLogger(__name__)


class Holding:
    """Given the engine, the proxy and the journal, hold and let go."""

    def __init__(
        self,
        *,
        docker: Docker,
        proxy: KamalProxy,
        switch: Switch,
        engine: DirectEngine,
        holds: Holds,
        deploys: Deploys,
        releases: Releases,
        load_app: Callable[[AppName], AppConfig],
        clock: Callable[[], float],
    ) -> None:
        self._docker = docker
        self._proxy = proxy
        self._switch = switch
        self._engine = engine
        self._holds = holds
        self._deploys = deploys
        self._releases = releases
        self._load_app = load_app
        self._clock = clock

    def of(self, app: AppName) -> Hold | None:
        """Given an app, return its hold, or None."""
        return self._holds.of_app(app)

    def begin(
        self,
        deploy: Deploy,
        containers: Sequence[str],
        *,
        max_pause: float,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Given a deploy and what runs until now (ids, the web process first), have the proxy hold the app's requests.

        Return once those under way have ended, or DRAIN is over. Where no request gets through anyway (there is no route, or
        `kamal app maintenance` has stopped it) nothing is held, and it is only written down what is to be started again.
        A proxy that is away, or ends meanwhile, is waited for; `check` is called all the while, and may raise.
        Raise SwitchFailed: the hold may have begun then.
        """
        patiently(lambda: self._begin(deploy, containers, max_pause), check)

    def _begin(self, deploy: Deploy, containers: Sequence[str], max_pause: float) -> None:
        service = service_name(deploy.app, WEB)
        route = self._proxy.routes().get(service)
        held = route is not None and route.state == RUNNING
        if not held and self._was_begun(deploy, route):
            held = self._made_anew(deploy.app, containers[0], route)
        if held:
            self._have_our_path(deploy.app, containers[0])
        proxy = self._proxy.identity() if held else NOT_HELD
        self._holds.begin(Hold(deploy.app, deploy.id, proxy, tuple(containers), self._clock()))
        if held:
            self._proxy.pause(service, drain=DRAIN, max_pause=max_pause)

    def _was_begun(self, deploy: Deploy, route: Route | None) -> bool:
        """Given a deploy and a route that is lost or paused, return whether that is of a try before in which the proxy ended."""
        hold = self._holds.of_app(deploy.app)
        ours = hold is not None and hold.deploy == deploy.id and hold.proxy != NOT_HELD
        return ours and (route is None or route.state == PAUSED)

    def _made_anew(self, app: AppName, web: str, route: Route | None) -> bool:
        """Given an app and what serves it still, have its route again: one that was paused before a restart wakes nobody.

        Return whether its port is known.
        """
        live = self._releases.live(app)
        port = int(route.target.rpartition(":")[2]) if route is not None else None if live is None else live.port
        if port is None:
            return False
        self._proxy.remove(service_name(app, WEB))
        self._switch.to(self._docker.inspect(web), port, self._load_app(app)).log.unlink(missing_ok=True)
        return True

    def _have_our_path(self, app: AppName, web: str) -> None:
        """Given an app and what serves it, have the proxy know it by a health path that no visitor asks for.

        Where Kamal made the switch, that is a path of the app's own: held, its GETs would get the proxy's empty 200
        (kamal-contract 0b.3).
        """
        service = service_name(app, WEB)
        route = self._proxy.routes().get(service)
        if route is None or self._proxy.health_path(service) == HEALTH_PATH:
            return
        container = self._docker.inspect(web)
        if route.target.startswith(f"{container.short_id}:"):
            switched = self._switch.to(container, int(route.target.rpartition(":")[2]), self._load_app(app))
            switched.log.unlink(missing_ok=True)

    def let_go(self, app: AppName, web: Container, port: int, config: AppConfig) -> Switched | None:
        """Given the container that the app's route leads to by now, let the held requests go there.

        A proxy that was restarted since would die of `resume` (kamal-contract 0b.2): the route is made anew then, and that
        switch returned. One that is away, or ends meanwhile, is waited for. Raise SwitchFailed, BootFailed.
        """
        return patiently(lambda: self._let_go(app, web, port, config))

    def _let_go(self, app: AppName, web: Container, port: int, config: AppConfig) -> Switched | None:
        switched = None
        hold = self._holds.of_app(app)
        if hold is not None and hold.proxy == NOT_HELD:
            pass
        elif hold is None or hold.proxy != self._proxy.identity() or not self._resumed(app):
            self._proxy.remove(service_name(app, WEB))
            switched = self._switch.to(web, port, config)
        self._holds.end(app)
        return switched

    def mend(self, hold: Hold) -> str | None:
        """Given a hold that nobody works on, have its requests answered; return the id of the container that does so.

        That is the new release's, if the proxy leads there already and it runs; else what served before is started again.
        A proxy that is away for a moment is waited for, and so is the engine.
        Raise SwitchFailed, DockerUnavailable, AppNotFound: the hold stays, and this can be called again.
        """
        return patiently(lambda: self._mend(hold))

    def _mend(self, hold: Hold) -> str | None:
        config = self._load_app(hold.app)
        route = self._proxy.routes().get(service_name(hold.app, WEB))
        new = self._docker.containers({DEPLOY_LABEL: str(hold.deploy), "service": hold.app})
        web = next((one for one in new if route and one.running and route.target.startswith(f"{one.short_id}:")), None)
        port = self._deploys.get(hold.deploy).port
        if web is not None and port is not None:
            self._let_go_quietly(hold.app, web, port, config)
            return web.id
        for container in new:
            if container.running:
                self._docker.stop(container.id, timeout=1)
        return self._start_again(hold, config)

    def _start_again(self, hold: Hold, config: AppConfig) -> str | None:
        started = [container for name in hold.containers if (container := self._started(name)) is not None]
        web = next((one for one in started if one.labels.get("role") == WEB), None)
        live = self._releases.live(hold.app)
        if web is None or live is None:
            log.error("what served %s before deploy %d is gone: its requests are let go", hold.app, hold.deploy)
            self._proxy.remove(service_name(hold.app, WEB))
            self._holds.end(hold.app)
            return None
        port = live.port
        image = self._docker.image(web.image_id)
        if image is not None:
            try:
                port = self._engine.wait_ready(web, image, config, live.port).port
            except BootFailed as error:
                log.warning("%s does not come back well: %s", hold.app, error)
        # Also where the route leads there already: the proxy may have kept connections to what has ended, and it does not
        # send a POST twice. A switch begins with none.
        self._switch.to(web, port, config).log.unlink(missing_ok=True)
        self._let_go_quietly(hold.app, web, port, config)
        return web.id

    def _let_go_quietly(self, app: AppName, web: Container, port: int, config: AppConfig) -> None:
        switched = self.let_go(app, web, port, config)
        if switched is not None:
            switched.log.unlink(missing_ok=True)

    def _started(self, container: str) -> Container | None:
        try:
            found = self._engine.start(container)
            # Where the engine ended in the middle of that, it need not have been started.
            return found if found.running else self._engine.start(container)
        except (NotFound, BootFailed) as error:
            log.warning("%s can't be started again: %s", container[:12], error)
            return None

    def _resumed(self, app: AppName) -> bool:
        try:
            self._proxy.resume(service_name(app, WEB))
        except ProxyUnavailable:
            raise  # whether it is another one by then is looked at again
        except SwitchFailed as error:
            log.warning("%s", error)
            return False
        return True
