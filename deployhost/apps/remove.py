"""Removing an app: looks at what there is, and carries out remove_plan's steps. Can be interrupted and run again."""

import contextlib
import logging
import shutil
from dataclasses import dataclass

from deployhost.apps.remove_plan import (
    AppFacts,
    RemoveContainers,
    RemoveFiles,
    RemoveImages,
    RemoveRoute,
    RemoveSettings,
    RemoveStorage,
    plan_removal,
)
from deployhost.apps.view import Views
from deployhost.build.labels import APP_LABEL
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.deploy.direct import DEPLOY_LABEL
from deployhost.errors import AppNotFound, DeployhostError, FileProblem, InternalError
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.kamal import contract, registry
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.project import KamalProject
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, DeployStatus, Version
from deployhost.paths import Paths
from deployhost.steps import Plan, Step, apply
from deployhost.system.docker import Docker
from deployhost.system.git import index_of

log = logging.getLogger(__name__)
PATIENCE = 120.0  # seconds for a deploy that is just switching
NO_VERSION = Version("0" * 40)  # a removal's lock has no version to name; Kamal only shows it


@dataclass(frozen=True, kw_only=True)
class Remover:
    """Given the tools, look at an app and remove it step by step."""

    docker: Docker
    proxy: KamalProxy
    kamal: KamalFiles
    deploys: Deploys
    releases: Releases
    events: EventLog
    env: EnvStore
    paths: Paths
    views: Views
    locks: KamalLocks
    removals: Removals

    def plan(self, config: AppConfig, *, with_storage: bool) -> Plan:
        """Given an app's settings and whether its data goes too, return what removing it would do."""
        return plan_removal(self.facts(config), with_storage=with_storage)

    def remove(self, config: AppConfig, *, with_storage: bool) -> Plan:
        """Given an app's settings, remove it and return the steps. From here on a crash does not leave it half removed.

        Raise Conflict while somebody else holds its lock.
        """
        app = config.name
        for deploy in self.deploys.open():
            if deploy.app == app and deploy.status is DeployStatus.QUEUED:
                self.deploys.end(deploy.id, DeployStatus.CANCELLED)
        with self.locks.held(app, NO_VERSION, patience=PATIENCE, waiting=lambda _: None):
            self.removals.begin(app, with_storage=with_storage)
            plan = self.plan(config, with_storage=with_storage)
            apply(plan, lambda step: self.act(app, step), _Quiet())
            self.removals.done(app)
        return plan

    def resume(self) -> None:
        """Finish the removals that an earlier run of ours began. One that can't be finished is in nobody's way: it is logged.

        Deploys that ran while their app was removed go, too.
        """
        for number in self.deploys.sweep():
            self.events.remove(number)
        for app, with_storage in self.removals.open().items():
            try:
                found = apps.load(self.paths.apps_yml)
                if app in found.known:
                    self.remove(found.get(app), with_storage=with_storage)
                elif self.is_left(app):
                    self.remove(AppConfig(app), with_storage=with_storage)
                else:  # taking it out of apps.yml was the last step
                    self.removals.done(app)
            except DeployhostError as error:
                log.warning("the removal of %s, begun before, can't be finished: %s", app, error)

    def is_left(self, app: AppName) -> bool:
        """Given an app that apps.yml does not have, return whether there is something of it that deployhost made."""
        if self.paths.repo(app).exists() or self.releases.of_app(app) or self.env.entries(app):
            return True
        if any(DEPLOY_LABEL in container.labels for container in self.docker.listed({"service": app})):
            return True
        return bool(self.docker.images(f"{APP_LABEL}={app}"))

    def facts(self, config: AppConfig) -> AppFacts:
        """Given an app's settings, return what there is of it."""
        app = config.name
        storage = self.paths.storage(app)
        images = [tag for image in self.docker.images(f"service={app}") for tag in image.tags]
        return AppFacts(
            app=app,
            urls=self.views.urls(config),
            containers=[container.id for container in self.docker.containers({"service": app})],
            images=[tag for tag in images if tag.startswith(f"{contract.repository(app)}:")],
            variables=list(self.env.read(app)),
            repository=self.paths.repo(app),
            storage=storage,
            has_storage=storage.is_dir(),
            listed=app in apps.load(self.paths.apps_yml).known,
        )

    def act(self, app: AppName, step: Step) -> str:
        """Given an app and one step of its removal, carry it out."""
        match step:
            case RemoveRoute():
                self.proxy.remove(contract.service_name(app, WEB))
            case RemoveContainers(containers=containers):
                for container in containers:
                    self.docker.remove(container, force=True)
            case RemoveImages(images=images):
                for image in images:
                    self.docker.remove_image(image)
            case RemoveFiles():
                self._remove_files(app)
            case RemoveStorage():
                _remove_tree(self.paths, app)
            case RemoveSettings():
                self.releases.forget(app)
                for number in self.deploys.forget(app):
                    self.events.remove(number)
                with contextlib.suppress(AppNotFound):  # its owner took it out by hand
                    apps.remove_app(self.paths.apps_yml, app)
            case _:
                raise InternalError(f"no such step of a removal: {step}")
        return ""

    def _remove_files(self, app: AppName) -> None:
        tree = self.paths.build_tree(app)
        for directory in (self.paths.repo(app), tree, self.paths.build_work(app)):
            shutil.rmtree(directory, ignore_errors=True)
        for file in (index_of(tree), self.paths.kamal_building(app)):
            file.unlink(missing_ok=True)
        self.env.remove(app)
        self.kamal.remove(app)
        KamalProject(self.paths).remove(app)
        registry.forget(self.paths, app)


class _Quiet:
    """A recorder for whoever shows the steps afterwards."""

    def started(self, step: Step) -> None:
        """Nothing to show yet."""

    def done(self, step: Step, said: str) -> None:
        """Nothing to show yet."""

    def failed(self, step: Step, error: Exception) -> None:
        """The error itself is shown."""


def _remove_tree(paths: Paths, app: AppName) -> None:
    try:
        shutil.rmtree(paths.storage(app))
    except OSError as error:
        raise FileProblem(f"{paths.storage(app)} can't be deleted: {error.strerror}") from error
