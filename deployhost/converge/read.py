"""Reads what converging compares: the journal, Docker's containers, the proxy's routes, apps.yml, Kamal's locks."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.containers.belongs import app_of, deploy_of, is_command
from deployhost.converge.facts import AppContainer, AppFacts, MachineFacts
from deployhost.converge.findings.clock_plan import ClockFacts
from deployhost.converge.findings.repository_plan import RepositoryFacts
from deployhost.errors import DeployhostError, DockerUnavailable, FileProblem, InvalidConfig, NotFound, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import NETWORK, PROXY_CONTAINER, Route, service_name
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, DeployStatus, EngineName
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker

Failed = Callable[[AppName, Exception], None]
CONCERN_ALL = (DockerUnavailable, SwitchFailed, FileProblem)  # the engine, the proxy or the journal does not answer
LOST = 255  # the exit code of a container whose supervisor died with it


@dataclass(frozen=True, kw_only=True)
class FactsReader:
    """Reads the facts of the server and of each app.

    `works_on` is whether a worker is at a deploy;
    `unlisted_repositories` returns those whose app is not in apps.yml, and raises if that can't be read.
    """

    docker: Docker
    proxy: KamalProxy
    deploys: Deploys
    releases: Releases
    holds: Holds
    locks: KamalLocks
    apps_yml: Apps
    works_on: Callable[[int], bool]
    unlisted_repositories: Callable[[], Sequence[RepositoryFacts]]
    clock: Clock

    def server(self) -> MachineFacts:
        """Return what concerns all apps. Raise DockerUnavailable."""
        proxy = self.docker.find(PROXY_CONTAINER)
        now = self.clock.time()
        ages = [details.age(now) for details in self.locks.of_others().values()]
        ours = (one for one in self.docker.listed({}) if app_of(one) is not None)
        numbers = [number for one in ours if (number := deploy_of(one)) is not None]
        return MachineFacts(
            proxy=None if proxy is None else proxy.status,
            youngest_lock=min(ages, default=float("inf")),
            highest_label=max(numbers, default=0),
            highest_number=self.deploys.highest(),
            proxy_connected=proxy is not None and NETWORK in proxy.networks,
            network=self.docker.network_exists(NETWORK),
            observed=tuple(self._clock_facts(now).findings()),
        )

    def _clock_facts(self, now: float) -> ClockFacts:
        newest = [found for app in self.deploys.apps() if (found := self.deploys.newest(app)) is not None]
        times = [at for one in newest for at in (one.requested_at, one.live_at, one.finished_at) if at is not None]
        clock = self.clock.synchronisation()
        return ClockFacts(
            at=now,
            newest_entry=max(times, default=0.0),
            kept=clock.kept,
            systemd=clock.systemd,
            installed=clock.installed,
            running=clock.running,
        )

    def repositories(self) -> Sequence[RepositoryFacts]:
        """Return the repositories whose app is not in apps.yml: none while that can't be read, as nobody knows then. Raise FileProblem."""
        try:
            return self.unlisted_repositories()
        except InvalidConfig:
            return ()

    def apps(
        self, only: AppName | None = None, broken_off: Collection[int] = (), *, failed: Failed | None = None
    ) -> dict[AppName, AppFacts]:
        """Return what is seen of each app, or of the one that is named. Raise DockerUnavailable, SwitchFailed, FileProblem.

        `broken_off` are deploys of which it is known that nobody works on them. `failed` gets what one app raises that
        does not concern them all; without it, that is raised.
        """
        running = [deploy for deploy in self.deploys.open() if deploy.status is DeployStatus.RUNNING]
        idle = {one.id: one.attempt for one in running if one.id in broken_off or not self.works_on(one.id)}
        routes = self.proxy.routes()
        containers = self._containers(only)
        configs = self._configs()
        found: dict[AppName, AppFacts] = {}
        for app in self._names(configs, containers) if only is None else [only]:
            try:
                found[app] = self._app(app, configs, routes, containers, idle)
            except CONCERN_ALL:
                raise
            except Exception as error:
                if failed is None:
                    raise
                failed(app, error)
        return found

    def _app(
        self,
        app: AppName,
        configs: Mapping[AppName, AppConfig | None] | None,
        routes: Mapping[str, Route],
        containers: Mapping[AppName, tuple[AppContainer, ...]],
        idle: Mapping[int, int],
    ) -> AppFacts:
        config = None if configs is None else configs.get(app)
        # Asked again, and after the workers: one that has ended, or was begun anew since, has not broken off.
        open_ = tuple(deploy for deploy in self.deploys.open() if deploy.app == app)
        broken = [one.id for one in open_ if one.status is DeployStatus.RUNNING and idle.get(one.id) == one.attempt]
        live, route = self.releases.live(app), routes.get(service_name(app, WEB))
        facts = AppFacts(
            app=app,
            at=self.clock.time(),
            hosts=None if config is None else frozenset(map(str, config.hosts)),
            direct=config is not None and config.deploys_with is EngineName.DIRECT,
            removed=configs is not None and app not in configs,
            known=self.deploys.newest(app) is not None,
            live=live,
            open=open_,
            broken_off=frozenset(broken),
            recent=tuple(self.deploys.of_app(app)) if broken else (),
            drains=tuple(drain for drain in self.releases.drains() if drain.app == app),
            hold=self.holds.of_app(app),
            route=route,
            containers=containers.get(app, ()),
        )
        return self._closer(facts)

    def _closer(self, facts: AppFacts) -> AppFacts:
        """Look closer where something is not as it mostly is: what serves is not what is live, or what is live does not run."""
        if ended := [one for one in facts.live_containers if one.ended]:
            ends = {one.id: self.docker.how_ended(one.id) for one in ended}
            facts = replace(
                facts,
                by_hand=frozenset(name for name, end in ends.items() if end.by_hand),
                engine_failed=frozenset(name for name, end in ends.items() if end.trouble or end.exit_code == LOST),
            )
        if facts.lost and facts.live is not None:
            # The deploy that brought it, and those that were accepted later.
            later = (one for one in self.deploys.of_app(facts.app, limit=1000) if one.id >= facts.live.deploy)
            facts = replace(facts, since_live=tuple(later))
        routed = facts.routed
        if facts.route is not None and routed is None:
            target = self.docker.find(facts.route.target.rpartition(":")[0])
            return replace(facts, route_is_foreign=target is not None and target.running)
        if routed is None or (facts.live is not None and routed.id == facts.live.container):
            return facts
        image = self.docker.image(routed.image_id)
        return replace(
            facts,
            routed_tags=() if image is None else image.tags,
            routed_deploy=self._deploy_of(facts.app, routed),
            releases=tuple(self.releases.of_app(facts.app)),
            versions=frozenset(one.version for one in self.deploys.of_app(facts.app, limit=1000) if one.version),
        )

    def _deploy_of(self, app: AppName, seen: AppContainer) -> Deploy | None:
        try:
            deploy = None if seen.deploy is None else self.deploys.get(seen.deploy)
        except NotFound:
            return None
        return deploy if deploy is not None and deploy.app == app else None

    def _containers(self, only: AppName | None) -> dict[AppName, tuple[AppContainer, ...]]:
        """Return the containers of each app: Kamal's and ours without a destination, and release commands of ours."""
        found: dict[AppName, tuple[AppContainer, ...]] = {}
        for one in self.docker.listed({} if only is None else {"service": only}):
            app = app_of(one)
            # Another destination is another app of somebody's; a release command of ours has none, and no role.
            if app is None or one.labels.get("destination", "" if is_command(one) else None) != "":
                continue
            if not is_command(one) or deploy_of(one) is not None:
                seen = AppContainer(one.id, one.name, one.image_id, one.status, one.labels, one.ips)
                found[app] = (*found.get(app, ()), seen)
        return found

    def _names(
        self, configs: Mapping[AppName, AppConfig | None] | None, containers: Iterable[AppName]
    ) -> list[AppName]:
        """Return every app that is ours: in apps.yml, or in the journal while it has something of it to see to."""
        names = set(configs or ()) | {release.app for release in self.releases.all_live()}
        names |= {deploy.app for deploy in self.deploys.open()} | {drain.app for drain in self.releases.drains()}
        names |= {hold.app for hold in self.holds.all()}
        if configs is None:
            names |= set(containers) & set(self.deploys.apps())
        return sorted(names)

    def _configs(self) -> Mapping[AppName, AppConfig | None] | None:
        try:
            return self.apps_yml.known
        except DeployhostError:
            return None  # a mistake in it, which every operation tells: what runs is seen to all the same
