"""What a restart finds half done is finished or failed cleanly: interrupted deploys, stray containers, lost routes."""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable

from deployhost.config.app import AppConfig
from deployhost.deploy.direct import DEPLOY_LABEL
from deployhost.deploy.drain import Drainer
from deployhost.deploy.pipeline import Pipeline
from deployhost.deploy.queue import overtakes
from deployhost.deploy.report import Reporter
from deployhost.deploy.switch import Switch
from deployhost.errors import AppNotFound, Conflict, DeployFailed, DeployhostError
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import Route, role_labels, service_name
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, DeployStatus, Release, Version
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container

ATTEMPTS = 3  # a deploy whose every attempt takes the daemon down must not do so for ever
log = logging.getLogger(__name__)


class Recovery:
    """Given the tools of the deploy room, bring the journal, Docker and the proxy together after a restart. Safe to run twice."""

    def __init__(
        self,
        *,
        docker: Docker,
        proxy: KamalProxy,
        switch: Switch,
        drainer: Drainer,
        deploys: Deploys,
        releases: Releases,
        pipeline: Pipeline,
        locks: KamalLocks,
        reporter: Reporter,
        load_app: Callable[[AppName], AppConfig],
    ) -> None:
        self._docker = docker
        self._proxy = proxy
        self._switch = switch
        self._drainer = drainer
        self._deploys = deploys
        self._releases = releases
        self._pipeline = pipeline
        self._locks = locks
        self._reporter = reporter
        self._load_app = load_app

    def run(self) -> None:
        """Finish or requeue what was interrupted, stop strays, restore routes, go on with drains.

        Raise DockerUnavailable or SwitchFailed while the engine or the proxy does not answer: then try again later.
        """
        routes = self._proxy.routes()
        self._locks.release_left()
        for deploy in self._deploys.open():
            if deploy.status is DeployStatus.RUNNING:
                self._interrupted(deploy, routes)
        for app in self._deploys.apps():
            route = routes.get(service_name(app, WEB))
            routed = None if route is None else self._docker.find(route.target.partition(":")[0])
            self._adopt(app, routed)
            live = self._releases.live(app)
            if live is not None:
                self._reroute_if_lost(live, routed)
            self._stop_strays(app, (live.container if live else "", routed.id if routed else ""))
        self._drainer.resume()

    def keep_routes(self) -> None:
        """Make again each route that was lost or leads elsewhere, and those whose hosts are not what apps.yml says now.

        Safe beside deploys: an app whose lock is held is somebody's business just now. Raise what `run` raises.
        """
        routes = self._proxy.routes()
        for release in self._releases.all_live():
            if not self._is_right(release, routes.get(service_name(release.app, WEB))):
                with contextlib.suppress(Conflict, AppNotFound):
                    self._keep_route(release.app, release.version)

    def _is_right(self, release: Release, route: Route | None) -> bool:
        if route is None or not route.target.startswith(f"{release.container[:12]}:"):
            return False
        return set(route.hosts) == set(self._load_app(release.app).hosts)

    def _keep_route(self, app: AppName, version: Version) -> None:
        with self._locks.held(app, version, patience=0, waiting=lambda _: None):
            # Asked again: what was seen without the lock may have been a deploy's switch.
            release, route = self._releases.live(app), self._proxy.routes().get(service_name(app, WEB))
            if release is None or self._is_right(release, route):
                return
            routed = None if route is None else self._docker.find(route.target.partition(":")[0])
            if routed is not None and routed.id == release.container:
                routed = None  # the right container with other hosts: the switch is done again
            self._reroute_if_lost(release, routed)

    def mend(self, deploy: Deploy) -> None:
        """Given a deploy that nobody works on any more, finish or requeue it if the journal has it as running."""
        if self._deploys.get(deploy.id).status is DeployStatus.RUNNING:
            self._interrupted(self._deploys.get(deploy.id), self._proxy.routes())

    def _interrupted(self, deploy: Deploy, routes: dict[str, Route]) -> None:
        route = routes.get(service_name(deploy.app, WEB))
        containers = self._docker.containers({DEPLOY_LABEL: str(deploy.id)})
        serving = next((c for c in containers if route is not None and route.target.startswith(f"{c.short_id}:")), None)
        try:
            if serving is not None and deploy.version is not None and deploy.port is not None:
                self._switched(deploy, deploy.version, serving, deploy.port)
                return
            self._load_app(deploy.app)
        except AppNotFound as error:
            self._remove(containers)
            self._deploys.end(deploy.id, DeployStatus.CANCELLED, error.to_json())
            return
        self._remove(containers)
        newer = next((other for other in self._deploys.of_app(deploy.app) if _is_newer(other, deploy)), None)
        if newer is not None:
            self._deploys.end(deploy.id, DeployStatus.SUPERSEDED, by=newer.id)
            return
        if deploy.attempt >= ATTEMPTS:
            error_ = DeployFailed(
                f"deployhostd ended {deploy.attempt} times during this deploy", hint=f"deployhost deploy {deploy.app}"
            )
            self._deploys.end(deploy.id, DeployStatus.FAILED, error_.to_json())
            return
        self._deploys.requeue(deploy.id)
        self._reporter.append(
            deploy.id, {"event": "note", "text": "deployhostd was restarted: the deploy begins again"}
        )

    def _switched(self, deploy: Deploy, version: Version, serving: Container, port: int) -> None:
        drain = self._load_app(deploy.app).drain
        self._pipeline.finish(deploy, version, serving.image_id, serving, port=port, drain=drain)
        log.info("deploy %d had switched before it was interrupted: it is live", deploy.id)

    def _remove(self, containers: Iterable[Container]) -> None:
        for container in containers:
            self._docker.remove(container.id, force=True)

    def _adopt(self, app: AppName, routed: Container | None) -> None:
        """A deploy that the journal calls failed, while the proxy sends requests to its container, is live."""
        number = "" if routed is None else routed.labels.get(DEPLOY_LABEL, "")
        deploy = next((one for one in self._deploys.of_app(app) if str(one.id) == number), None)
        if routed is None or not routed.running or deploy is None or deploy.status is not DeployStatus.FAILED:
            return
        if deploy.version is not None and deploy.port is not None:
            try:
                self._switched(deploy, deploy.version, routed, deploy.port)
            except AppNotFound as error:
                log.warning("%s", error)

    def _reroute_if_lost(self, release: Release, routed: Container | None) -> None:
        """The proxy's state file is all or nothing (kamal-contract 0.8): a route that is gone, or is that of before, is made again.

        What Kamal itself deployed and runs is left alone, and so is an app whose live container was stopped.
        """
        container = self._docker.find(release.container)
        if container is None or not container.running:
            return
        if routed is not None and (routed.id == container.id or (routed.running and DEPLOY_LABEL not in routed.labels)):
            return
        try:
            config = self._load_app(release.app)
            switched = self._switch.to(container, release.port, config)
        except DeployhostError as error:
            log.warning("the route of %s can't be restored: %s", release.app, error)
        else:
            log.info("the route of %s was lost and is restored", release.app)
            self._drainer.follow(switched, () if routed is None else (routed.id,), config.drain, lambda: None)

    def _stop_strays(self, app: AppName, serving: Collection[str]) -> None:
        """Stop containers of our own making that run, serve nobody and drain for nobody."""
        spared = {*serving, *(drain.container for drain in self._releases.drains())}
        for container in self._docker.containers(role_labels(app, WEB), running_only=True):
            if container.id not in spared and self._is_over(container):
                log.info("stopping %s: it serves nobody", container.name)
                self._docker.stop(container.id)

    def _is_over(self, container: Container) -> bool:
        number = container.labels.get(DEPLOY_LABEL, "")
        if not number.isdigit():
            return False  # made by Kamal itself or by hand: not ours to stop
        return all(deploy.id != int(number) for deploy in self._deploys.open())


def _is_newer(other: Deploy, deploy: Deploy) -> bool:
    """Given two deploys of an app, return whether the other one makes the interrupted one pointless."""
    going = other.status in (DeployStatus.QUEUED, DeployStatus.RUNNING, DeployStatus.LIVE)
    return other.id > deploy.id and going and overtakes(other.trigger, deploy)
