"""Applying settings that need no new container: the hosts an app answers at."""

from dataclasses import dataclass

from deployhost.config.current import Apps
from deployhost.errors import Conflict
from deployhost.journal.releases import Releases
from deployhost.kamal.lock import KamalLocks
from deployhost.model import AppName
from deployhost.system.docker import Docker
from deployhost.traffic.drain import Drainer
from deployhost.traffic.switch import Switch

PATIENCE = 120.0  # seconds for a deploy that is just switching


@dataclass(frozen=True, kw_only=True)
class Rerouter:
    """Leads an app's hosts to its live container again."""

    docker: Docker
    switch: Switch
    drainer: Drainer
    releases: Releases
    locks: KamalLocks
    apps: Apps

    def reroute(self, app: AppName) -> None:
        """Have the proxy send an app's hosts, as they are configured now, to its live container, if there is one.

        Same container, same requests in flight: they end as they began. Raise SwitchFailed, Conflict.
        """
        live = self.releases.live(app)
        if live is None:
            return
        with self.locks.held(app, live.version, patience=PATIENCE, waiting=lambda _: None):
            live = self.releases.live(app) or live
            container = self.docker.inspect(live.container)
            if not container.running:
                raise Conflict(
                    f"{app} is down; its hosts are noted, and it answers at them once it runs again",
                    hint=f"deployhost restart {app}",
                )
            config = self.apps.get(app)
            switched = self.switch.to(container, live.port, config)
            self.drainer.follow(switched, (), config.drain, lambda: None)
