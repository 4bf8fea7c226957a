"""Putting the rooms together: every dependency of the daemon is made and passed in here, once."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployhost.apps.export import Exports
from deployhost.apps.look import PATIENCE, Lookout
from deployhost.apps.remove import Remover
from deployhost.apps.repository import ensure_repository
from deployhost.apps.settings import Rerouter
from deployhost.apps.view import Views
from deployhost.build.bases import Bases
from deployhost.build.docker_cli import DockerCli
from deployhost.build.host_files import host_environment
from deployhost.build.image import ImageBuilder
from deployhost.build.limits import BuildLimits
from deployhost.build.stand_in import StandIns
from deployhost.config import apps, server
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.config.server import ServerSettings
from deployhost.daemon.app_ops import AppOperations
from deployhost.daemon.control import Handler
from deployhost.daemon.converge_ops import ConvergeOperation
from deployhost.daemon.deploy_ops import DeployOperations
from deployhost.daemon.deploying import Deploying
from deployhost.daemon.export_ops import ExportOperations
from deployhost.daemon.kamal_ops import KamalOperations
from deployhost.daemon.log_ops import LogOperation
from deployhost.daemon.prune_ops import PruneOperation
from deployhost.daemon.push_ops import PushOperation
from deployhost.daemon.release_ops import ReleaseOperations
from deployhost.daemon.setting_ops import SettingOperations
from deployhost.daemon.worker import Workers
from deployhost.deploy.cancel import Cancellations
from deployhost.deploy.converge import Converge
from deployhost.deploy.converge_act import Actor
from deployhost.deploy.converge_facts import Looker
from deployhost.deploy.crew import Crews
from deployhost.deploy.direct import DirectEngine
from deployhost.deploy.disk import DiskGuard
from deployhost.deploy.drain import Drainer
from deployhost.deploy.handover import Handover
from deployhost.deploy.holding import Holding
from deployhost.deploy.image import Images
from deployhost.deploy.isolation import Isolation
from deployhost.deploy.kamal_engine import KamalEngine
from deployhost.deploy.kamal_images import KamalImages
from deployhost.deploy.kamal_projects import KamalProjects
from deployhost.deploy.kamal_registry import RegistryCollector
from deployhost.deploy.kamal_run import KamalRun
from deployhost.deploy.overlap import Overlap
from deployhost.deploy.pipeline import Pipeline, Tools
from deployhost.deploy.prune import Pruner
from deployhost.deploy.space import Disks
from deployhost.deploy.switch import Switch
from deployhost.deploy.watch import Watch, WatchTools
from deployhost.errors import DeployhostError
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName, Deploy, EngineName, Release, Sha, Strategy, Trigger
from deployhost.paths import Paths
from deployhost.system import http
from deployhost.system.bridge import Bridges
from deployhost.system.docker import Docker
from deployhost.system.docker_engine import SOCKET
from deployhost.system.firewall import Firewall
from deployhost.system.git import BareRepository


@dataclass(frozen=True)
class Daemon:
    """The assembled daemon: what it answers, what works, what mends."""

    handlers: dict[str, Handler]
    workers: Workers
    converge: Converge
    watch: Watch
    remover: Remover
    registry: RegistryCollector


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """What several of the parts work with."""

    paths: Paths
    clock: Callable[[], float]
    docker: Docker
    proxy: KamalProxy
    switch: Switch
    drainer: Drainer
    deploys: Deploys
    releases: Releases
    events: EventLog
    cancellations: Cancellations
    env: EnvStore
    engine: DirectEngine
    holding: Holding
    holds: Holds
    kamal: KamalFiles
    locks: KamalLocks
    removals: Removals
    builds: Builds
    server: ServerSettings
    pruner: Pruner
    disk: DiskGuard
    disks: Disks
    isolation: Isolation

    def load_app(self, name: AppName) -> AppConfig:
        return apps.load(self.paths.apps_yml).get(name)

    def subject_of(self, name: AppName, sha: Sha) -> str:
        try:
            return BareRepository(self.paths.repo(name)).commit(sha).subject
        except DeployhostError:
            return ""  # Kamal deployed a commit that nobody has pushed here

    def http_port(self) -> int:
        return server.load(self.paths.server_yml).http_port

    @property
    def registry(self) -> RegistryCollector:
        return RegistryCollector(
            self.paths, self.deploys, self.releases, lambda: apps.load(self.paths.apps_yml).apps, self.clock
        )

    @property
    def projects(self) -> KamalProjects:
        return KamalProjects(
            docker=self.docker,
            deploys=self.deploys,
            releases=self.releases,
            env=self.env,
            paths=self.paths,
            load_app=self.load_app,
            server=self.server.current,
        )


def assemble(paths: Paths) -> Daemon:
    """Given the paths, open the journal and put the rooms together. Raise FileProblem, InvalidConfig."""
    shared = _share(paths, time.time)
    pipeline = _pipeline(shared)
    # The two need each other: who works on what, and who mends what broke off.
    workers = Workers(shared.deploys, pipeline.run, lambda deploy: converge.mend(deploy), shared.events.wake)  # noqa: PLW0108
    converge = _converge(shared, pipeline, workers.works_on)
    views = Views(
        # Who only wants to know does not wait long: an engine of its own, so to speak.
        lookout=Lookout(Docker(timeout=PATIENCE), shared.proxy, shared.releases, shared.locks),
        deploys=shared.deploys,
        releases=shared.releases,
        paths=paths,
        http_port=shared.http_port,
        clock=shared.clock,
        left_alone=converge.left_alone,
    )
    remover = _remover(shared, views)
    handlers = _handlers(shared, workers, views, remover) | ConvergeOperation(converge, shared.load_app).handlers()
    return Daemon(handlers, workers, converge, _watch(shared, workers), remover, shared.registry)


def _converge(shared: _Shared, pipeline: Pipeline, works_on: Callable[[int], bool]) -> Converge:
    looker = Looker(
        docker=shared.docker,
        proxy=shared.proxy,
        deploys=shared.deploys,
        releases=shared.releases,
        holds=shared.holds,
        locks=shared.locks,
        load_apps=lambda: apps.load(shared.paths.apps_yml).apps,
        works_on=works_on,
        clock=shared.clock,
    )
    actor = Actor(
        docker=shared.docker,
        proxy=shared.proxy,
        switch=shared.switch,
        drainer=shared.drainer,
        deploys=shared.deploys,
        releases=shared.releases,
        pipeline=pipeline,
        holding=shared.holding,
        reporter=shared.events,
        load_app=shared.load_app,
        subject_of=shared.subject_of,
        clock=shared.clock,
    )
    return Converge(
        looker=looker,
        actor=actor,
        docker=shared.docker,
        proxy=shared.proxy,
        deploys=shared.deploys,
        locks=shared.locks,
        isolate=shared.isolation.apply,
        run=shared.paths.run,
        clock=shared.clock,
    )


def _watch(shared: _Shared, workers: Workers) -> Watch:
    def roll_back(target: Release, reason: str) -> Deploy:
        deploy = shared.deploys.accept(
            target.app,
            target.sha,
            trigger=Trigger.AUTO_ROLLBACK,
            subject=target.subject,
            target=target.version,
            reason=reason,
        )
        shared.events.wake()
        workers.wake(target.app)
        return deploy

    return Watch(
        WatchTools(
            docker=shared.docker,
            proxy=shared.proxy,
            releases=shared.releases,
            deploys=shared.deploys,
            reporter=shared.events,
            get=http.get,
            roll_back=roll_back,
            load_app=shared.load_app,
            secrets=lambda app: shared.env.read(app).values(),
            http_port=shared.http_port,
            clock=shared.clock,
        )
    )


def _share(paths: Paths, clock: Callable[[], float]) -> _Shared:
    database, docker = Database(paths.journal), Docker(os.environ.get("DOCKER_HOST") or SOCKET)
    deploys, releases, proxy = (
        Deploys(database, clock),
        Releases(database, clock),
        KamalProxy(docker, paths.bin / "kamal-proxy"),
    )
    switch, engine = Switch(proxy, paths.run), DirectEngine(docker, paths)
    events, builds = EventLog(paths.deploy_logs), Builds(database, clock)
    settings, disks = ServerSettings(paths.server_yml), Disks(docker, paths.state)
    pruner = Pruner(docker, deploys, releases, events, builds=builds, server=settings, disks=disks)
    holds = Holds(database)
    holding = Holding(
        docker=docker,
        proxy=proxy,
        switch=switch,
        engine=engine,
        holds=holds,
        deploys=deploys,
        releases=releases,
        load_app=lambda name: apps.load(paths.apps_yml).get(name),
        clock=clock,
    )
    return _Shared(
        paths=paths,
        holds=holds,
        clock=clock,
        docker=docker,
        proxy=proxy,
        switch=switch,
        drainer=Drainer(docker, releases, clock),
        deploys=deploys,
        cancellations=Cancellations(deploys),
        engine=engine,
        holding=holding,
        releases=releases,
        events=events,
        env=EnvStore(paths),
        kamal=KamalFiles(paths.kamal),
        locks=KamalLocks(paths.kamal),
        removals=Removals(database),
        builds=builds,
        server=settings,
        pruner=pruner,
        disks=disks,
        # The packet filter is the server's own: two trees on one engine would each take back what the other allows.
        isolation=Isolation(docker, Firewall(), Bridges(), _MayReach(paths), active=paths.root == Path("/")),
        disk=DiskGuard(disks, settings, pruner, lambda: apps.load(paths.apps_yml).apps),
    )


class _MayReach:
    """Given the paths, say whom each app may reach. It is asked in each deploy, and apps.yml is read again only if it changed."""

    def __init__(self, paths: Paths) -> None:
        self._path = paths.apps_yml
        self._read: tuple[tuple[int, int] | None, dict[AppName, tuple[AppName, ...]]] = (None, {})

    def __call__(self) -> dict[AppName, tuple[AppName, ...]]:
        try:
            found = self._path.stat()
        except OSError:
            return {}
        seen, known = self._read
        now = (found.st_mtime_ns, found.st_ino)
        if now != seen:
            known = {app.name: app.may_reach for app in apps.load(self._path).apps.values()}
            self._read = (now, known)
        return known


def _pipeline(shared: _Shared) -> Pipeline:
    paths, docker = shared.paths, shared.docker
    environ = host_environment(os.environ)
    stand_ins = StandIns(docker, paths.state / "bases" / "making", environ)
    bases = Bases(docker, paths.state, server.load(paths.server_yml).mirrors, shared.clock, stand_ins)
    builder = ImageBuilder(
        docker,
        bases,
        DockerCli(environ),
        paths.run,
        environ,
        limits=BuildLimits(docker, shared.server),
        builds=shared.builds,
    )
    crews = Crews(docker, shared.engine, shared.kamal, shared.isolation.joined)
    overlap = Overlap(crews, shared.switch, shared.deploys, shared.releases)
    handover = Handover(
        crews=crews,
        switch=shared.switch,
        holding=shared.holding,
        deploys=shared.deploys,
        releases=shared.releases,
        overlap=overlap,
    )
    return Pipeline(
        Tools(
            docker=docker,
            crews=crews,
            ways={
                Strategy.OVERLAP: overlap,
                Strategy.HANDOVER: handover,
                EngineName.KAMAL: _kamal_engine(shared, crews),
            },
            cancelling=shared.cancellations,
            builds_at_once=shared.server.current().builds_at_once,
            images=_images(shared, Images(docker, builder, shared.releases, paths, shared.disk.check)),
            engine=shared.engine,
            switch=shared.switch,
            drainer=shared.drainer,
            pruner=shared.pruner,
            locks=shared.locks,
            kamal=shared.kamal,
            deploys=shared.deploys,
            releases=shared.releases,
            env=shared.env,
            paths=paths,
            reporter=shared.events,
            load_app=shared.load_app,
            clock=shared.clock,
        )
    )


def _images(shared: _Shared, images: Images) -> KamalImages:
    return KamalImages(
        images=images,
        kamal=KamalRun(shared.paths),
        projects=shared.projects,
        docker=shared.docker,
        paths=shared.paths,
        server=shared.server.current,
    )


def _kamal_engine(shared: _Shared, crews: Crews) -> KamalEngine:
    return KamalEngine(
        docker=shared.docker,
        engine=shared.engine,
        crews=crews,
        projects=shared.projects,
        proxy=shared.proxy,
        deploys=shared.deploys,
        releases=shared.releases,
        kamal=KamalRun(shared.paths),
        paths=shared.paths,
        server=shared.server.current,
    )


def _remover(shared: _Shared, views: Views) -> Remover:
    return Remover(
        docker=shared.docker,
        proxy=shared.proxy,
        kamal=shared.kamal,
        deploys=shared.deploys,
        releases=shared.releases,
        events=shared.events,
        env=shared.env,
        paths=shared.paths,
        views=views,
        locks=shared.locks,
        removals=shared.removals,
    )


def _handlers(shared: _Shared, workers: Workers, views: Views, remover: Remover) -> dict[str, Handler]:
    paths, docker, deploys, releases = shared.paths, shared.docker, shared.deploys, shared.releases
    deploying = Deploying(deploys, shared.events, workers, views, shared.cancellations)
    rerouter = Rerouter(
        docker=docker,
        switch=shared.switch,
        drainer=shared.drainer,
        releases=releases,
        locks=shared.locks,
        load_app=shared.load_app,
    )
    groups = (
        AppOperations(
            paths=paths,
            docker=docker,
            views=views,
            remover=remover,
            http_port=shared.http_port,
            started_at=shared.clock(),
            warning=lambda: shared.isolation.problem,
        ),
        DeployOperations(
            paths=paths, deploys=deploys, releases=releases, deploying=deploying, views=views, clock=shared.clock
        ),
        SettingOperations(
            paths=paths,
            env=shared.env,
            releases=releases,
            deploying=deploying,
            rerouter=rerouter,
            views=views,
            now=lambda: datetime.now(UTC),
        ),
        LogOperation(paths=paths, docker=docker, deploys=deploys, releases=releases, events=shared.events),
        ReleaseOperations(
            paths=paths, docker=docker, deploys=deploys, releases=releases, deploying=deploying, views=views
        ),
        PushOperation(paths, deploying, views, deploys=deploys, releases=releases),
        KamalOperations(shared.projects),
        ExportOperations(
            Exports(docker=docker, releases=releases, env=shared.env, paths=paths, load_app=shared.load_app)
        ),
        PruneOperation(shared.pruner, shared.disks, lambda: apps.load(paths.apps_yml).apps, shared.registry.run),
    )
    return {name: handler for group in groups for name, handler in group.handlers().items()}


def refresh_hooks(paths: Paths) -> None:
    """Given the paths, have every app's repository and hook as this version writes them: an upgrade moves the interpreter."""
    for config in apps.load(paths.apps_yml).apps.values():
        ensure_repository(paths, config.name, config.branch)
