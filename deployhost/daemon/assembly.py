"""Putting the rooms together: every dependency of the daemon is made and passed in here, once."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from deployhost.apps.remove import Remover
from deployhost.apps.repository import ensure_repository
from deployhost.apps.settings import Rerouter
from deployhost.apps.view import Views
from deployhost.build.bases import Bases
from deployhost.build.docker_cli import DockerCli
from deployhost.build.host_files import host_environment
from deployhost.build.image import ImageBuilder
from deployhost.build.stand_in import StandIns
from deployhost.config import apps, server
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.daemon.app_ops import AppOperations
from deployhost.daemon.control import Handler
from deployhost.daemon.deploy_ops import DeployOperations
from deployhost.daemon.deploying import Deploying
from deployhost.daemon.push_ops import PushOperation
from deployhost.daemon.setting_ops import SettingOperations
from deployhost.daemon.worker import Workers
from deployhost.deploy.direct import DirectEngine
from deployhost.deploy.drain import Drainer
from deployhost.deploy.image import Images
from deployhost.deploy.pipeline import Pipeline, Tools
from deployhost.deploy.prune import Pruner
from deployhost.deploy.recover import Recovery
from deployhost.deploy.switch import Switch
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.system.docker import Docker


@dataclass(frozen=True)
class Daemon:
    """The assembled daemon: what it answers, what works, what mends."""

    handlers: dict[str, Handler]
    workers: Workers
    recovery: Recovery
    remover: Remover


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
    env: EnvStore
    kamal: KamalFiles
    locks: KamalLocks
    removals: Removals

    def load_app(self, name: AppName) -> AppConfig:
        return apps.load(self.paths.apps_yml).get(name)

    def http_port(self) -> int:
        return server.load(self.paths.server_yml).http_port


def assemble(paths: Paths) -> Daemon:
    """Given the paths, open the journal and put the rooms together. Raise FileProblem, InvalidConfig."""
    shared = _share(paths, time.time)
    pipeline = _pipeline(shared)
    recovery = Recovery(
        docker=shared.docker,
        proxy=shared.proxy,
        switch=shared.switch,
        drainer=shared.drainer,
        deploys=shared.deploys,
        releases=shared.releases,
        pipeline=pipeline,
        locks=shared.locks,
        reporter=shared.events,
        load_app=shared.load_app,
    )
    workers = Workers(shared.deploys, pipeline.run, recovery.mend, shared.events.wake)
    views = Views(
        docker=shared.docker,
        deploys=shared.deploys,
        releases=shared.releases,
        paths=paths,
        http_port=shared.http_port,
    )
    remover = _remover(shared, views)
    return Daemon(_handlers(shared, workers, views, remover), workers, recovery, remover)


def _share(paths: Paths, clock: Callable[[], float]) -> _Shared:
    database, docker = Database(paths.journal), Docker()
    releases, proxy = Releases(database, clock), KamalProxy(docker, paths.bin / "kamal-proxy")
    return _Shared(
        paths=paths,
        clock=clock,
        docker=docker,
        proxy=proxy,
        switch=Switch(proxy, paths.run),
        drainer=Drainer(docker, releases, clock),
        deploys=Deploys(database, clock),
        releases=releases,
        events=EventLog(paths.deploy_logs),
        env=EnvStore(paths),
        kamal=KamalFiles(paths.kamal),
        locks=KamalLocks(paths.kamal),
        removals=Removals(database),
    )


def _pipeline(shared: _Shared) -> Pipeline:
    paths, docker = shared.paths, shared.docker
    environ = host_environment(os.environ)
    stand_ins = StandIns(docker, paths.state / "bases" / "making", environ)
    bases = Bases(docker, paths.state, server.load(paths.server_yml).mirrors, shared.clock, stand_ins)
    builder = ImageBuilder(docker, bases, DockerCli(environ), paths.run, environ)
    return Pipeline(
        Tools(
            docker=docker,
            images=Images(docker, builder, shared.releases, paths),
            engine=DirectEngine(docker, paths),
            switch=shared.switch,
            drainer=shared.drainer,
            pruner=Pruner(docker, shared.deploys, shared.releases, shared.events),
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
    deploying = Deploying(deploys, shared.events, workers, views)
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
            deploys=deploys,
            releases=releases,
            events=shared.events,
            remover=remover,
            http_port=shared.http_port,
            started_at=shared.clock(),
        ),
        DeployOperations(paths=paths, deploys=deploys, releases=releases, deploying=deploying, views=views),
        SettingOperations(
            paths=paths,
            env=shared.env,
            releases=releases,
            deploying=deploying,
            rerouter=rerouter,
            views=views,
            now=lambda: datetime.now(UTC),
        ),
        PushOperation(paths, deploying, views),
    )
    return {name: handler for group in groups for name, handler in group.handlers().items()}


def refresh_hooks(paths: Paths) -> None:
    """Given the paths, have every app's repository and hook as this version writes them: an upgrade moves the interpreter."""
    for config in apps.load(paths.apps_yml).apps.values():
        ensure_repository(paths, config.name, config.branch)
