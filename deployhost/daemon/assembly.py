"""Putting the rooms together: every dependency of the daemon is made and passed in here, once."""

import os
import time
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
from deployhost.config.apps import AppConfig
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
    docker: Docker


def assemble(paths: Paths) -> Daemon:
    """Given the paths, open the journal and put the rooms together. Raise FileProblem, InvalidConfig."""
    clock = time.time
    settings = server.load(paths.server_yml)
    database = Database(paths.journal)
    deploys, releases = Deploys(database, clock), Releases(database, clock)
    events, env, kamal, locks = (
        EventLog(paths.deploy_logs),
        EnvStore(paths),
        KamalFiles(paths.kamal),
        KamalLocks(paths.kamal),
    )
    docker = Docker()
    proxy = KamalProxy(docker, paths.bin / "kamal-proxy")
    switch, drainer = Switch(proxy, paths.run), Drainer(docker, releases, clock)

    def load_app(name: AppName) -> AppConfig:
        return apps.load(paths.apps_yml).get(name)

    def http_port() -> int:
        return server.load(paths.server_yml).http_port

    environ = host_environment(os.environ)
    stand_ins = StandIns(docker, paths.state / "bases" / "making", environ)
    bases = Bases(docker, paths.state, settings.mirrors, clock, stand_ins)
    builder = ImageBuilder(docker, bases, DockerCli(environ), paths.run, environ)
    pipeline = Pipeline(
        Tools(
            docker=docker,
            images=Images(docker, builder, releases, paths),
            engine=DirectEngine(docker, paths),
            switch=switch,
            drainer=drainer,
            pruner=Pruner(docker, deploys, releases, events),
            locks=locks,
            kamal=kamal,
            deploys=deploys,
            releases=releases,
            env=env,
            paths=paths,
            reporter=events,
            load_app=load_app,
            clock=clock,
        )
    )
    recovery = Recovery(
        docker=docker,
        proxy=proxy,
        switch=switch,
        drainer=drainer,
        deploys=deploys,
        releases=releases,
        pipeline=pipeline,
        locks=locks,
        reporter=events,
        load_app=load_app,
    )
    views = Views(docker=docker, deploys=deploys, releases=releases, paths=paths, http_port=http_port)
    workers = Workers(deploys, pipeline.run, recovery.mend, events.wake)
    deploying = Deploying(deploys, events, workers, views)
    remover = Remover(
        docker=docker,
        proxy=proxy,
        kamal=kamal,
        deploys=deploys,
        releases=releases,
        events=events,
        env=env,
        paths=paths,
        views=views,
    )
    rerouter = Rerouter(
        docker=docker, switch=switch, drainer=drainer, releases=releases, locks=locks, load_app=load_app
    )
    operations = (
        AppOperations(
            paths=paths,
            docker=docker,
            views=views,
            deploys=deploys,
            releases=releases,
            locks=locks,
            remover=remover,
            http_port=http_port,
            started_at=clock(),
        ),
        DeployOperations(paths=paths, deploys=deploys, releases=releases, deploying=deploying, views=views),
        SettingOperations(
            paths=paths,
            env=env,
            releases=releases,
            deploying=deploying,
            rerouter=rerouter,
            views=views,
            now=lambda: datetime.now(UTC),
        ),
        PushOperation(paths, deploying, views),
    )
    handlers = {name: handler for group in operations for name, handler in group.handlers().items()}
    return Daemon(handlers, workers, recovery, docker)


def refresh_hooks(paths: Paths) -> None:
    """Given the paths, have every app's repository and hook as this version writes them: an upgrade moves the interpreter."""
    for config in apps.load(paths.apps_yml).apps.values():
        ensure_repository(paths, config.name, config.branch)
