"""Putting the rooms together: every dependency of the daemon is made and passed in here, once."""

import time
from dataclasses import dataclass

from deployhost.apps.remove import Remover
from deployhost.apps.repositories import Repositories
from deployhost.apps.running import PATIENCE as LOOK_PATIENCE
from deployhost.apps.running import Lookout
from deployhost.apps.view import Views
from deployhost.build.planner import Planner
from deployhost.converge.rounds import Converge
from deployhost.daemon.assembly_deploys import make_converge, make_pipeline, make_watch
from deployhost.daemon.assembly_operations import make_handlers, make_remover
from deployhost.daemon.assembly_shared import engine_address, share
from deployhost.daemon.control import Handler
from deployhost.daemon.converge_ops import ConvergeOperation
from deployhost.daemon.troubles import Troubles
from deployhost.daemon.worker import Workers
from deployhost.deploy.watch import Watch
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.traffic.isolation import Isolation
from deployhost.upkeep.kamal_registry import RegistryCollector


@dataclass(frozen=True)
class Daemon:
    """The assembled daemon: what it answers, what works, what mends."""

    handlers: dict[str, Handler]
    workers: Workers
    converge: Converge
    watch: Watch
    remover: Remover
    repositories: Repositories
    registry: RegistryCollector
    isolation: Isolation
    planner: Planner
    troubles: Troubles


def assemble(paths: Paths) -> Daemon:
    """Given the paths, open the journal and put the rooms together. Raise FileProblem, InvalidConfig."""
    shared = share(paths, time.time)
    pipeline = make_pipeline(shared)
    # The two need each other: who works on what, and who mends what broke off.
    workers = Workers(shared.deploys, pipeline.run, lambda deploy: converge.mend(deploy), shared.events.wake)  # noqa: PLW0108
    converge = make_converge(shared, pipeline, workers)
    views = Views(
        # Who only wants to know does not wait long: an engine of its own, so to speak.
        lookout=Lookout(Docker(engine_address(), timeout=LOOK_PATIENCE), shared.proxy, shared.releases, shared.locks),
        deploys=shared.deploys,
        releases=shared.releases,
        paths=paths,
        http_port=shared.http_port,
        clock=shared.clock,
        left_alone=converge.left_alone,
    )
    remover = make_remover(shared, views)
    converging = ConvergeOperation(converge, shared.load_app, lambda: shared.isolation.problem)
    handlers = make_handlers(shared, workers, views, remover, converge.unowned) | converging.handlers()
    return Daemon(
        handlers,
        workers,
        converge,
        make_watch(shared, workers),
        remover,
        shared.repositories,
        shared.registry,
        shared.isolation,
        shared.planner,
        shared.troubles,
    )
