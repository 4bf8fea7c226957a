"""Applying settings that need no new container: the hosts an app answers at."""

from collections.abc import Callable

from deployhost.config.app import AppConfig
from deployhost.errors import Conflict
from deployhost.journal.releases import Releases
from deployhost.kamal.lock import KamalLocks
from deployhost.model import AppName
from deployhost.system.docker import Docker
from deployhost.traffic.drain import Drainer
from deployhost.traffic.switch import Switch

PATIENCE = 120.0  # seconds for a deploy that is just switching


class Rerouter:
    """Given the tools, lead an app's hosts to its live container again."""

    def __init__(
        self,
        *,
        docker: Docker,
        switch: Switch,
        drainer: Drainer,
        releases: Releases,
        locks: KamalLocks,
        load_app: Callable[[AppName], AppConfig],
    ) -> None:
        self._docker = docker
        self._switch = switch
        self._drainer = drainer
        self._releases = releases
        self._locks = locks
        self._load_app = load_app

    def reroute(self, app: AppName) -> None:
        """Given an app, have the proxy send its hosts, as they are now configured, to what is live; nothing if nothing is.

        Same container, same requests in flight: they end as they began. Raise SwitchFailed, Conflict.
        """
        live = self._releases.live(app)
        if live is None:
            return
        with self._locks.held(app, live.version, patience=PATIENCE, waiting=lambda _: None):
            live = self._releases.live(app) or live
            container = self._docker.inspect(live.container)
            if not container.running:
                raise Conflict(
                    f"{app} is down; its hosts are noted, and it answers at them once it runs again",
                    hint=f"deployhost restart {app}",
                )
            config = self._load_app(app)
            switched = self._switch.to(container, live.port, config)
            self._drainer.follow(switched, (), config.drain, lambda: None)
