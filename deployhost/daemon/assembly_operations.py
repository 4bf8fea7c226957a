"""Joining the operations that the control socket answers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from deployhost.apps.export import Exports
from deployhost.apps.live_settings import InForce
from deployhost.apps.remove import Remover
from deployhost.apps.view import Views
from deployhost.config import apps
from deployhost.control.messages import Message
from deployhost.daemon.app_ops import AppOperations
from deployhost.daemon.assembly_shared import Shared
from deployhost.daemon.control import Handler
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
from deployhost.traffic.reroute import Rerouter


def make_handlers(
    shared: Shared, workers: Workers, views: Views, remover: Remover, unowned: Callable[[], Sequence[str]]
) -> dict[str, Handler]:
    """Given what is shared, the workers, the views and what removes apps, return every operation by its name, but for converging.

    `unowned` returns what is to be said of repositories that are no app's.
    """
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
            releases=releases,
            views=views,
            remover=remover,
            repositories=shared.repositories,
            http_port=shared.http_port,
            started_at=shared.clock(),
            warnings=lambda: [*_unfinished(remover), *shared.troubles.now(shared.isolation.problem, *unowned())],
        ),
        DeployOperations(
            paths=paths,
            deploys=deploys,
            releases=releases,
            deploying=deploying,
            views=views,
            env=shared.env,
            planner=shared.planner,
            clock=shared.clock,
        ),
        SettingOperations(
            paths=paths,
            env=shared.env,
            releases=releases,
            deploying=deploying,
            rerouter=rerouter,
            in_force=InForce(docker, releases, paths),
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
            Exports(
                docker=docker,
                releases=releases,
                env=shared.env,
                paths=paths,
                planner=shared.planner,
                load_app=shared.load_app,
            )
        ),
        PruneOperation(shared.pruner, shared.disks, lambda: apps.load(paths.apps_yml).known, shared.registry.run),
    )
    return {name: handler for group in groups for name, handler in group.handlers().items()}


def _unfinished(remover: Remover) -> list[Message]:
    """Return a warning for each removal that has begun and could not be finished."""
    return [
        {"message": f"the removal of {app} can't be finished: {error.message}", "hint": f"deployhost remove {app}"}
        for app, error in remover.unfinished().items()
    ]


def make_remover(shared: Shared, views: Views) -> Remover:
    """Given what is shared and the views, return what removes apps."""
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
        repositories=shared.repositories,
    )
