"""Looking at what converging compares: the journal, Docker's containers, the proxy's routes, apps.yml, Kamal's locks."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.containers.belongs import DEPLOY_LABEL, WORKERS_LABEL
from deployhost.converge.facts import AppFacts, Seen, SeenRepository, ServerFacts
from deployhost.errors import DeployhostError, InvalidConfig, InvalidName, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import NETWORK, PROXY_CONTAINER, Route, service_name
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, DeployStatus, EngineName, Release
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Listed

LOST = 255  # the exit code of a container whose supervisor died with it


class Looker:
    """Given the engine, the proxy, the journal, the locks and apps.yml, look.

    `works_on` is whether a worker is at a deploy;
    `unlisted_repositories` returns those whose app is not in apps.yml, and raises if that can't be read.
    """

    def __init__(
        self,
        *,
        docker: Docker,
        proxy: KamalProxy,
        deploys: Deploys,
        releases: Releases,
        holds: Holds,
        locks: KamalLocks,
        apps: Apps,
        works_on: Callable[[int], bool],
        unlisted_repositories: Callable[[], Sequence[SeenRepository]],
        clock: Callable[[], float],
    ) -> None:
        self._docker = docker
        self._proxy = proxy
        self._deploys = deploys
        self._releases = releases
        self._holds = holds
        self._locks = locks
        self._apps = apps
        self._works_on = works_on
        self._unlisted_repositories = unlisted_repositories
        self._clock = clock

    def server(self) -> ServerFacts:
        """Return what concerns all apps. Raise DockerUnavailable."""
        proxy = self._docker.find(PROXY_CONTAINER)
        now = self._clock()
        ages = [details.age(now) for details in self._locks.of_others().values()]
        numbers = [number for one in self._docker.listed({}) if (number := _number(one)) is not None]
        return ServerFacts(
            proxy=None if proxy is None else proxy.status,
            youngest_lock=min(ages, default=float("inf")),
            highest_label=max(numbers, default=0),
            highest_number=self._deploys.highest(),
            proxy_connected=proxy is not None and NETWORK in proxy.networks,
            network=self._docker.network_exists(NETWORK),
        )

    def repositories(self) -> Sequence[SeenRepository]:
        """Return the repositories whose app is not in apps.yml: none while that can't be read, as nobody knows then. Raise FileProblem."""
        try:
            return self._unlisted_repositories()
        except InvalidConfig:
            return ()

    def apps(self, only: AppName | None = None, broken_off: Iterable[int] = ()) -> dict[AppName, AppFacts]:
        """Return what is seen of each app, or of the one that is named. Raise DockerUnavailable, SwitchFailed, FileProblem.

        `broken_off` are deploys of which it is known that nobody works on them.
        """
        running = [deploy for deploy in self._deploys.open() if deploy.status is DeployStatus.RUNNING]
        idle = {deploy.id: deploy.attempt for deploy in running if not self._works_on(deploy.id)}
        idle |= {deploy.id: deploy.attempt for deploy in running if deploy.id in set(broken_off)}
        routes = self._proxy.routes()
        containers = self._containers(only)
        configs = self._configs()
        names = self._names(configs, containers) if only is None else [only]
        return {app: self._app(app, configs, routes, containers, idle) for app in names}

    def _app(
        self,
        app: AppName,
        configs: Mapping[AppName, AppConfig | None] | None,
        routes: Mapping[str, Route],
        containers: Mapping[AppName, tuple[Seen, ...]],
        idle: Mapping[int, int],
    ) -> AppFacts:
        config = None if configs is None else configs.get(app)
        # Asked again, and after the workers: one that has ended, or was begun anew since, has not broken off.
        open_ = tuple(deploy for deploy in self._deploys.open() if deploy.app == app)
        broken = [one.id for one in open_ if one.status is DeployStatus.RUNNING and idle.get(one.id) == one.attempt]
        live, route = self._releases.live(app), routes.get(service_name(app, WEB))
        facts = AppFacts(
            app=app,
            at=self._clock(),
            hosts=None if config is None else frozenset(map(str, config.hosts)),
            direct=config is not None and config.deploys_with is EngineName.DIRECT,
            removed=configs is not None and app not in configs,
            known=self._deploys.newest(app) is not None,
            live=live,
            open=open_,
            broken_off=frozenset(broken),
            recent=tuple(self._deploys.of_app(app)) if broken else (),
            drains=tuple(drain for drain in self._releases.drains() if drain.app == app),
            hold=self._holds.of_app(app),
            route=route,
            containers=containers.get(app, ()),
        )
        return self._closer(facts)

    def _closer(self, facts: AppFacts) -> AppFacts:
        """Look closer where something is not as it mostly is: what serves is not what is live, or what is live does not run."""
        more = dict(vars(facts))
        dead = [one for one in facts.crew if one.status in ("exited", "dead", "created")]
        ends = {one.id: self._docker.how_ended(one.id) for one in dead}
        more["by_hand"] = frozenset(name for name, end in ends.items() if end.by_hand)
        more["engine_failed"] = frozenset(name for name, end in ends.items() if end.trouble or end.exit_code == LOST)
        if facts.lost and facts.live is not None:
            more["since_live"] = self._since(facts.live)
        routed = facts.routed
        if facts.route is not None and routed is None:
            more["route_is_foreign"] = self._is_foreign(facts.route)
        if routed is not None and (facts.live is None or routed.id != facts.live.container):
            image = self._docker.image(routed.image)
            more["routed_tags"] = () if image is None else image.tags
            more["routed_deploy"] = self._deploy_of(facts.app, routed)
            more["releases"] = tuple(self._releases.of_app(facts.app))
            more["versions"] = self._versions(facts.app)
        return AppFacts(**more)

    def _since(self, live: Release) -> tuple[Deploy, ...]:
        """Given a live release, return the deploy that brought it and those that were asked for later, newest first."""
        return tuple(one for one in self._deploys.of_app(live.app, limit=1000) if one.id >= live.deploy)

    def _is_foreign(self, route: Route) -> bool:
        """Given a route that leads to none of the app's containers, return whether it leads to one that runs all the same."""
        container = self._docker.find(route.target.rpartition(":")[0])
        return container is not None and container.running

    def _deploy_of(self, app: AppName, seen: Seen) -> Deploy | None:
        try:
            deploy = None if seen.deploy is None else self._deploys.get(seen.deploy)
        except NotFound:
            return None
        return deploy if deploy is not None and deploy.app == app else None

    def _versions(self, app: AppName) -> frozenset[str]:
        return frozenset(one.version for one in self._deploys.of_app(app, limit=1000) if one.version is not None)

    def _containers(self, only: AppName | None) -> dict[AppName, tuple[Seen, ...]]:
        """Return the containers of each app: Kamal's and ours without a destination, and release commands of ours."""
        found: dict[AppName, tuple[Seen, ...]] = {}
        for one in self._docker.listed({} if only is None else {"service": only}):
            number = _number(one)
            process = bool(one.labels.get("role"))
            app = _app_name(one.labels.get("service", ""))
            # Another destination is another app of somebody's; a release command of ours has none, and no role.
            if app is None or one.labels.get("destination", "" if not process else None) != "":
                continue
            if not process and number is None:
                continue
            role = one.labels["role"] if process else None
            workers = tuple(one.labels.get(WORKERS_LABEL, "").split())
            connected, alone = NETWORK in one.ips, not one.ips
            seen = Seen(one.id, one.name, role, number, one.status, one.image_id, connected, workers, alone)
            found[app] = (*found.get(app, ()), seen)
        return found

    def _names(
        self, configs: Mapping[AppName, AppConfig | None] | None, containers: Iterable[AppName]
    ) -> list[AppName]:
        """Return every app that is ours: in apps.yml, or in the journal while it has something of it to see to."""
        names = set(configs or ()) | {release.app for release in self._releases.all_live()}
        names |= {deploy.app for deploy in self._deploys.open()} | {drain.app for drain in self._releases.drains()}
        names |= {hold.app for hold in self._holds.all()}
        if configs is None:
            names |= set(containers) & set(self._deploys.apps())
        return sorted(names)

    def _configs(self) -> Mapping[AppName, AppConfig | None] | None:
        try:
            return self._apps.known
        except DeployhostError:
            return None  # a mistake in it, which every operation tells: what runs is seen to all the same


def _number(one: Listed) -> int | None:
    label = one.labels.get(DEPLOY_LABEL, "")
    return int(label) if label.isdecimal() else None


def _app_name(service: str) -> AppName | None:
    try:
        return AppName(service)
    except InvalidName:
        return None
