"""Removing an app: looks at what there is, and carries out remove_plan's steps. Can be interrupted and run again."""

import contextlib
import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from deployhost.apps.remove_plan import (
    RemovalFacts,
    RemoveContainers,
    RemoveFiles,
    RemoveImages,
    RemoveRecords,
    RemoveRoute,
    RemoveSettings,
    RemoveStorage,
    plan_removal,
)
from deployhost.apps.repositories import Repositories
from deployhost.apps.view import Views
from deployhost.build.labels import APP_LABEL
from deployhost.build.sources.names import fetched_image
from deployhost.config import apps as apps_yml
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.config.env import EnvStore
from deployhost.containers.belongs import deploy_of
from deployhost.edge.records import DomainRecords
from deployhost.errors import AppNotFound, DeployhostError, DockerUnavailable, FileProblem, InternalError
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.journal.removals import TAKEN_OUT, Removals
from deployhost.journal.sources import Sources
from deployhost.kamal import contract, registry
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.project import KamalProject
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, DeployStatus, Version
from deployhost.paths import Paths
from deployhost.steps import Acts, Plan, carry_out
from deployhost.system.docker import Docker
from deployhost.system.tree import remove_tree
from deployhost.upkeep.build_files import remove_build_files

log = logging.getLogger(__name__)
PATIENCE = 120.0  # seconds for a deploy that is just switching
NO_VERSION = Version("0" * 40)  # a removal's lock has no version to name; Kamal only shows it


@dataclass(frozen=True, kw_only=True)
class Remover:
    """Removes apps, step by step."""

    docker: Docker
    proxy: KamalProxy
    kamal: KamalFiles
    deploys: Deploys
    releases: Releases
    events: EventLog
    env: EnvStore
    paths: Paths
    apps: Apps
    views: Views
    locks: KamalLocks
    removals: Removals
    sources: Sources
    repositories: Repositories
    records: DomainRecords
    removed: Counter[AppName] = field(default_factory=Counter)  # how often each app was removed in this life
    failed: dict[AppName, DeployhostError] = field(default_factory=dict)  # why a removal that has begun has not ended

    def plan(self, config: AppConfig, *, with_storage: bool) -> Plan:
        """Return what removing an app would do; `with_storage`: its data goes too."""
        return plan_removal(self.facts(config), with_storage=with_storage)

    def remove(self, config: AppConfig, *, with_storage: bool) -> Plan:
        """Remove an app and return the steps. A crash from here on does not leave it half removed.

        Raise Conflict while somebody else holds its lock, AppNotFound if another removal was faster.
        """
        app, since = config.name, self.removed[config.name]
        for deploy in self.deploys.open():
            if deploy.app == app and deploy.status is DeployStatus.QUEUED:
                self.deploys.end(deploy.id, DeployStatus.CANCELLED)
        with self._alone(app, since):
            return self._remove(config, with_storage=with_storage, at_once=True)

    def resume(self) -> None:
        """Finish the removals that an earlier run began, and delete what deploys of removed apps left behind.

        A removal that can't be finished does not stop the others: `unfinished` returns it. Raise DockerUnavailable.
        """
        for deploy in self.deploys.forgotten():
            try:
                self._sweep(deploy)
            except DockerUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the other apps are not concerned
                log.warning("what deploy %d of the removed app %s made stays: %s", deploy.id, deploy.app, _told(error))
        self.retry()

    def retry(self) -> None:
        """Finish the removals that broke off, without waiting for locks. An app that this daemon is working on is skipped."""
        for app in self.removals.open():
            before = self.failed.get(app)
            try:
                if self.locks.read(app) is not None and app not in self.locks.of_others():
                    continue
                self.finish(app, patience=0)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other apps are not concerned
                problem = self.failed[app] = _told(error)
                if before is None or before.message != problem.message:  # the same error is logged once
                    log.warning("the removal of %s can't be finished: %s", app, problem)

    def unfinished(self) -> dict[AppName, DeployhostError]:
        """Return the apps whose removal has begun and could not be finished, each with the error."""
        failed = dict(self.failed)
        return {app: failed[app] for app in self.removals.open() if app in failed} if failed else {}

    def finish(self, app: AppName, *, patience: float = PATIENCE) -> None:
        """Finish an app's open removal, or wait up to `patience` seconds until another thread has.

        Raise Conflict while somebody else holds its lock, InvalidConfig, and what a step raises.
        """
        since = self.removed[app]  # read before the journal: after another removal, the name is a new app's
        if not self.is_open(app):
            return
        with contextlib.suppress(AppNotFound), self._alone(app, since, patience):
            with_storage = self.removals.open().get(app)
            if with_storage is None:
                return
            found = self.apps.now()
            listed = app in found.known
            if listed and self.removals.taken_out(app) not in ("", _digest(found.known[app])):
                # The entry is a new app's: what was still to be deleted must not take anything of it.
                self.removals.done(app)
                self.failed.pop(app, None)
            elif listed or self.is_left(app):
                self._remove(found.get(app) if listed else AppConfig(app), with_storage=with_storage)
            else:
                self._finish(app)

    def is_open(self, app: AppName) -> bool:
        """Return whether a removal of an app has begun and not ended."""
        return app in self.removals.open()

    def _sweep(self, deploy: Deploy) -> None:
        """Delete what a deploy of a removed app left behind, its record last, so that a crash leaves nothing unknown."""
        self.events.remove(deploy.id)
        remove_build_files(self.paths, deploy.app)
        if deploy.version is not None:
            self.docker.remove_image(contract.image(deploy.app, deploy.version))
        self.deploys.sweep(deploy.id)

    @contextlib.contextmanager
    def _alone(self, app: AppName, since: int, patience: float = PATIENCE) -> Iterator[None]:
        """Hold an app's lock. Raise AppNotFound if the app was removed more than `since` times by then: the name is a new app's."""
        with self.locks.held(app, NO_VERSION, patience=patience, waiting=lambda _: None):
            if self.removed[app] != since:
                raise AppNotFound(f"there is no app {app} any more", hint="deployhost list")
            yield

    def _remove(self, config: AppConfig, *, with_storage: bool, at_once: bool = False) -> Plan:
        app = config.name
        facts = self.facts(config)  # first: what can't even be looked at has not begun
        plan = plan_removal(facts, with_storage=with_storage)
        self.removals.begin(app, with_storage=with_storage, listed=facts.listed)
        try:
            for step in plan:
                carry_out(step, self.acts(app, at_once=at_once))
        except DeployhostError as error:
            self.failed[app] = error
            raise
        return plan

    def is_left(self, app: AppName) -> bool:
        """Return whether there is something that deployhost made of an app that apps.yml does not have."""
        if self.paths.repo(app).exists() or self.releases.of_app(app) or self.env.entries(app):
            return True
        if any(deploy_of(container) is not None for container in self.docker.listed({"service": app})):
            return True
        # A base image of anybody's may have the label too, but not such a name.
        tags = (tag for image in self.docker.images(f"{APP_LABEL}={app}") for tag in image.tags)
        return any(tag.startswith(f"{contract.repository(app)}:") for tag in tags)

    def facts(self, config: AppConfig) -> RemovalFacts:
        """Return what there is of an app."""
        app, storage = config.name, self.paths.storage(config.name)
        fetched = self.docker.image(fetched_image(app))  # of a build that was broken off
        found = (*self.docker.images(f"service={app}"), *(() if fetched is None else (fetched,)))
        ours = (f"{contract.repository(app)}:", fetched_image(app))
        return RemovalFacts(
            app=app,
            urls=self.views.urls(config),
            containers=[container.id for container in self.docker.containers({"service": app})],
            images=[tag for image in found for tag in image.tags if tag.startswith(ours)],
            variables=list(self.env.read(app)),
            repository=self.paths.repo(app),
            storage=storage,
            has_storage=storage.is_dir(),
            records=self.records.owned(config),
            source=config.source,
            listed=app in self.apps.now().known,
        )

    def acts(self, app: AppName, *, at_once: bool = False) -> Acts:
        """Return what carries out each type of step of an app's removal.

        Its DNS records are deleted `at_once` only where a person waits for that: else by the job that asks Cloudflare, since
        they are wanted no more from now on, and nothing else here has to wait for an answer.
        """
        return {
            RemoveRoute: lambda _step: self.proxy.remove(contract.service_name(app, WEB)),
            RemoveRecords: self._remove_records if at_once else lambda _step: None,
            RemoveContainers: self._remove_containers,
            RemoveImages: self._remove_images,
            RemoveFiles: lambda _step: self._remove_files(app),
            RemoveStorage: lambda _step: remove_tree(self.paths.storage(app)),
            RemoveSettings: lambda step: self._remove_settings(app, step),
        }

    def _remove_records(self, step: RemoveRecords) -> None:
        self.records.settle(step.domains)

    def _remove_containers(self, step: RemoveContainers) -> None:
        for container in step.containers:
            self.docker.remove(container, force=True)

    def _remove_images(self, step: RemoveImages) -> None:
        for image in step.images:
            self.docker.remove_image(image)

    def _remove_settings(self, app: AppName, step: RemoveSettings) -> None:
        if step.listed:
            self._take_out(app)
        self._finish(app)

    def _take_out(self, app: AppName) -> None:
        """Take an app out of apps.yml, and make sure that nothing of it is left, whoever was at work on it until then."""
        self._forget(app)

        def going(config: AppConfig) -> None:
            # After a crash before `gone`, this tells the entry, if it is still there, from a new app's.
            self.removals.note_taken_out(app, _digest(config))

        def gone() -> None:
            # From here on, the same entry put back is a new app's. The file is written: an error here can't undo that.
            with contextlib.suppress(DeployhostError):
                self.removals.note_taken_out(app, TAKEN_OUT)

        try:
            apps_yml.remove_app(self.paths.apps_yml, app, ready=going, then=gone)
        except AppNotFound:
            gone()  # its owner took it out by hand
        except DeployhostError:
            with contextlib.suppress(DeployhostError):
                self.removals.note_taken_out(app, "")
            raise

    def _finish(self, app: AppName) -> None:
        """Delete what came back: whoever read apps.yml while the app was there may have gone by that until now."""
        self._remove_files(app)
        self._forget(app)
        self.removals.done(app)
        self.failed.pop(app, None)
        self.removed[app] += 1

    def _forget(self, app: AppName) -> None:
        self.releases.forget(app)
        self.sources.forget(app)
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


def _told(error: Exception) -> DeployhostError:
    """Return what was raised as an error that a person can read."""
    if isinstance(error, DeployhostError):
        return error
    return FileProblem(str(error)) if isinstance(error, OSError) else InternalError.of(error)


def _digest(config: AppConfig | None) -> str:
    """Return what tells an app's entry in apps.yml from another of that name.

    It leaves out `may_reach`, which the removal of another app changes.
    """
    return hashlib.sha256(repr(config and replace(config, may_reach=())).encode()).hexdigest()
