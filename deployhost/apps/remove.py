"""Removing an app: looks at what there is, and carries out remove_plan's steps. Can be interrupted and run again."""

import contextlib
import hashlib
import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
from deployhost.apps.repositories import Repositories
from deployhost.apps.view import Views
from deployhost.build.labels import APP_LABEL
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.deploy.build_files import remove_build_files
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
from deployhost.system.files import read

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
    repositories: Repositories
    removed: Counter[AppName] = field(default_factory=Counter)  # how often each app was removed in this life

    def plan(self, config: AppConfig, *, with_storage: bool) -> Plan:
        """Given an app's settings and whether its data goes too, return what removing it would do."""
        return plan_removal(self.facts(config), with_storage=with_storage)

    def remove(self, config: AppConfig, *, with_storage: bool) -> Plan:
        """Given an app's settings, remove it and return the steps. From here on a crash does not leave it half removed.

        Raise Conflict while somebody else holds its lock, AppNotFound if another removal was faster.
        """
        app = config.name
        for deploy in self.deploys.open():
            if deploy.app == app and deploy.status is DeployStatus.QUEUED:
                self.deploys.end(deploy.id, DeployStatus.CANCELLED)
        with self._alone(app):
            self.removals.begin(app, with_storage=with_storage)
            plan = self.plan(config, with_storage=with_storage)
            apply(plan, lambda step: self.act(app, step), _Quiet())
        return plan

    def resume(self) -> None:
        """Finish the removals that an earlier run of ours began. One that can't be finished is in nobody's way: it is logged.

        Deploys that ran while their app was removed go, too, with what they made since.
        """
        for deploy in self.deploys.sweep():
            self.events.remove(deploy.id)
            remove_build_files(self.paths, deploy.app)
            if deploy.version is not None:
                self.docker.remove_image(contract.image(deploy.app, deploy.version))
        for app in self.removals.open():
            try:
                self.finish(app)
            except DeployhostError as error:
                log.warning("the removal of %s, begun before, can't be finished: %s", app, error)

    def finish(self, app: AppName) -> None:
        """Finish the removal of an app that is open, or wait until another thread has. Raise what `remove` raises, InvalidConfig."""
        with_storage = self.removals.open().get(app)
        if with_storage is None:
            return
        found, before = apps.load(self.paths.apps_yml), self.removals.taken_from(app)
        listed = app in found.known
        with contextlib.suppress(AppNotFound):  # another removal was faster
            if listed and before not in ("", _name_of(self.paths.apps_yml)):
                self.removals.done(app)  # all else was done, and somebody has put a new app of that name there since
            elif listed or self.is_left(app):
                self.remove(found.get(app) if listed else AppConfig(app), with_storage=with_storage)
            else:
                with self._alone(app):
                    self._finish(app)

    @contextlib.contextmanager
    def _alone(self, app: AppName) -> Iterator[None]:
        """Hold an app's lock. What has its name once another removal has ended is a new app: then raise."""
        before = self.removed[app]
        with self.locks.held(app, NO_VERSION, patience=PATIENCE, waiting=lambda _: None):
            if self.removed[app] != before:
                raise AppNotFound(f"there is no app {app} any more", hint="deployhost list")
            yield
            self.removed[app] += 1

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
                self._take_out(app)
            case _:
                raise InternalError(f"no such step of a removal: {step}")
        return ""

    def _take_out(self, app: AppName) -> None:
        """Take an app out of apps.yml, and make sure that nothing of it is left, whoever was at work on it until then."""
        path = self.paths.apps_yml
        self._forget(app)
        try:
            apps.remove_app(path, app, ready=lambda: self.removals.takes_out(app, _name_of(path)))
        except AppNotFound:
            pass  # its owner took it out by hand
        except DeployhostError:
            with contextlib.suppress(DeployhostError):
                self.removals.takes_out(app, "")
            raise
        self._finish(app)

    def _finish(self, app: AppName) -> None:
        """Delete what came back: whoever read apps.yml while the app was there may have gone by that until now."""
        self._remove_files(app)
        self._forget(app)
        self.removals.done(app)

    def _forget(self, app: AppName) -> None:
        self.releases.forget(app)
        for number in self.deploys.forget(app):
            self.events.remove(number)

    def _remove_files(self, app: AppName) -> None:
        self.repositories.delete(app)
        remove_build_files(self.paths, app)
        self.paths.kamal_building(app).unlink(missing_ok=True)
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


def _name_of(file: Path) -> str:
    """Return what tells a file's content from any other."""
    return hashlib.sha256(read(file) or b"").hexdigest()


def _remove_tree(paths: Paths, app: AppName) -> None:
    try:
        shutil.rmtree(paths.storage(app))
    except OSError as error:
        raise FileProblem(f"{paths.storage(app)} can't be deleted: {error.strerror}") from error
