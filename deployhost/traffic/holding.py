"""Holding an app's requests at the proxy, and letting them go again: also after a crash of ours or of the proxy.

A hold is in the journal before the proxy is told, and is deleted once the requests go on. One that nobody works on any more
is mended by deploy.standstill.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.errors import ProxyUnavailable, SwitchFailed
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import PAUSED, RUNNING, Route, service_name
from deployhost.kamal.patience import patiently
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, Hold
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.switch import HEALTH_PATH, Switch, Switched

NOT_HELD = ""  # a hold's proxy where requests did not get through before either
DRAIN = 2.0  # seconds that requests under way may still take: as long as new ones wait for them
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Holds an app's requests at the proxy, and lets them go."""

    docker: Docker
    proxy: KamalProxy
    switch: Switch
    holds: Holds
    releases: Releases
    apps: Apps
    clock: Clock

    def begin(
        self,
        deploy: Deploy,
        containers: Sequence[str],
        *,
        max_pause: float,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Have the proxy hold an app's requests; `containers` are what runs until now (ids, the web process first).

        Return once those under way have ended, or DRAIN is over. Where no request gets through anyway (there is no route, or
        `kamal app maintenance` has stopped it) nothing is held, and it is only written down what is to be started again.
        A proxy that is away, or ends meanwhile, is waited for; `check` is called all the while, and may raise.
        Raise SwitchFailed: the hold may have begun then.
        """
        patiently(lambda: self._begin(deploy, containers, max_pause), check, clock=self.clock)

    def _begin(self, deploy: Deploy, containers: Sequence[str], max_pause: float) -> None:
        service = service_name(deploy.app, WEB)
        route = self.proxy.routes().get(service)
        held = route is not None and route.state == RUNNING
        if not held and self._was_begun(deploy, route):
            held = self._made_anew(deploy.app, containers[0], route)
        if held:
            self._have_our_path(deploy.app, containers[0])
        proxy = self.proxy.identity() if held else NOT_HELD
        self.holds.begin(Hold(deploy.app, deploy.id, proxy, tuple(containers), self.clock.time()))
        if held:
            self.proxy.pause(service, drain=DRAIN, max_pause=max_pause)

    def _was_begun(self, deploy: Deploy, route: Route | None) -> bool:
        """Return whether a route is lost or paused because the proxy ended in an earlier try of the same deploy."""
        hold = self.holds.of_app(deploy.app)
        ours = hold is not None and hold.deploy == deploy.id and hold.proxy != NOT_HELD
        return ours and (route is None or route.state == PAUSED)

    def _made_anew(self, app: AppName, web: str, route: Route | None) -> bool:
        """Make an app's route anew: one that was paused before a restart of the proxy wakes nobody.

        Return whether its port is known.
        """
        live = self.releases.live(app)
        known = None if live is None else live.port
        port = known if route is None else route.port
        if port is None:
            return False
        self.proxy.remove(service_name(app, WEB))
        self.switch.to(self.docker.inspect(web), port, self.apps.get(app)).forget()
        return True

    def _have_our_path(self, app: AppName, web: str) -> None:
        """Have the proxy know what serves an app by a health path that no visitor asks for.

        Where Kamal made the switch, that is a path of the app's own: held, its GETs would get the proxy's empty 200
        (kamal-proxy v0.9.2, internal/server/service.go).
        """
        service = service_name(app, WEB)
        route = self.proxy.routes().get(service)
        if route is None or self.proxy.health_path(service) == HEALTH_PATH:
            return
        container = self.docker.inspect(web)
        if route.leads_to(container.id) and route.port is not None:
            self.switch.to(container, route.port, self.apps.get(app)).forget()

    def let_go(self, app: AppName, web: Container, port: int, config: AppConfig) -> Switched | None:
        """Let the held requests go to the container that the app's route leads to by now.

        A proxy that was restarted since would die of `resume` (kamal-proxy v0.9.2, pause_controller.go): the route is made anew then, and that
        switch returned. One that is away, or ends meanwhile, is waited for. Raise SwitchFailed, BootFailed.
        """
        return patiently(lambda: self._let_go(app, web, port, config), clock=self.clock)

    def _let_go(self, app: AppName, web: Container, port: int, config: AppConfig) -> Switched | None:
        switched = None
        hold = self.holds.of_app(app)
        if hold is not None and hold.proxy == NOT_HELD:
            pass
        elif hold is None or hold.proxy != self.proxy.identity() or not self._resumed(app):
            self.proxy.remove(service_name(app, WEB))
            switched = self.switch.to(web, port, config)
        self.holds.end(app)
        return switched

    def _resumed(self, app: AppName) -> bool:
        try:
            self.proxy.resume(service_name(app, WEB))
        except ProxyUnavailable:
            raise  # whether it is another one by then is looked at again
        except SwitchFailed as error:
            log.warning("%s", error)
            return False
        return True
