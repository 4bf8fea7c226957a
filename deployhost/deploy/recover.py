"""What a restart finds half done is finished or failed cleanly: interrupted deploys, stray containers, lost routes."""

import logging
from collections.abc import Callable

from deployhost.config.apps import AppConfig
from deployhost.deploy.direct import DEPLOY_LABEL
from deployhost.deploy.drain import Drainer
from deployhost.deploy.pipeline import Pipeline
from deployhost.deploy.report import Reporter
from deployhost.deploy.switch import Switch
from deployhost.errors import AppNotFound, DeployFailed, DeployhostError
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import Route, role_labels, service_name
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, DeployStatus, Release
from deployhost.system.docker import Container, Docker

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
        self._reporter = reporter
        self._load_app = load_app

    def run(self) -> None:
        """Finish or requeue what was interrupted, stop strays, restore routes, go on with drains.

        Raise DockerUnavailable or SwitchFailed while the engine or the proxy does not answer: then try again later.
        """
        routes = self._proxy.routes()
        for deploy in self._deploys.open():
            if deploy.status is DeployStatus.RUNNING:
                self._interrupted(deploy, routes)
        for release in self._releases.all_live():
            self._reroute_if_lost(release, routes.get(service_name(release.app, WEB)))
            self._stop_strays(release)
        self._drainer.resume()

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
                self._pipeline.finish(deploy, deploy.version, serving.image_id, serving, deploy.port)
                log.info("deploy %d had switched before it was interrupted: it is live", deploy.id)
                return
            self._load_app(deploy.app)
        except AppNotFound as error:
            self._deploys.end(deploy.id, DeployStatus.CANCELLED, error.to_json())
            return
        for container in containers:
            self._docker.remove(container.id, force=True)
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

    def _reroute_if_lost(self, release: Release, route: Route | None) -> None:
        """The proxy's state file is all or nothing (kamal-contract 0.8): a route that is gone is made again."""
        container = self._docker.find(release.container)
        if route is not None or container is None or not container.running:
            return
        try:
            self._switch.to(container, release.port, self._load_app(release.app))
            log.info("the route of %s was lost and is restored", release.app)
        except DeployhostError as error:
            log.warning("the route of %s can't be restored: %s", release.app, error)

    def _stop_strays(self, release: Release) -> None:
        """Stop containers of our own making that run, serve nobody and drain for nobody."""
        draining = {drain.container for drain in self._releases.drains()}
        for container in self._docker.containers(role_labels(release.app, WEB), running_only=True):
            if container.id != release.container and container.id not in draining and self._is_over(container):
                log.info("stopping %s: it serves nobody", container.name)
                self._docker.stop(container.id)

    def _is_over(self, container: Container) -> bool:
        number = container.labels.get(DEPLOY_LABEL, "")
        if not number.isdigit():
            return False  # made by Kamal itself or by hand: not ours to stop
        return all(deploy.id != int(number) for deploy in self._deploys.open())
