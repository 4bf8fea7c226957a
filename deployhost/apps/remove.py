"""Removing an app: looks at what there is, and carries out remove_plan's steps. Can be interrupted and run again."""

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
)
from deployhost.apps.view import Views
from deployhost.config import apps
from deployhost.config.apps import AppConfig
from deployhost.config.env import EnvStore
from deployhost.errors import FileProblem, InternalError
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName
from deployhost.paths import Paths
from deployhost.steps import Step
from deployhost.system.docker import Docker


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

    def facts(self, config: AppConfig) -> AppFacts:
        """Given an app's settings, return what there is of it."""
        app = config.name
        storage = self.paths.storage(app)
        images = [tag for image in self.docker.images(f"service={app}") for tag in image.tags]
        return AppFacts(
            app=app,
            url=self.views.url(app),
            containers=[container.id for container in self.docker.containers({"service": app})],
            images=[tag for tag in images if tag.startswith(f"{contract.repository(app)}:")],
            variables=list(self.env.read(app)),
            repository=self.paths.repo(app),
            storage=storage,
            has_storage=storage.is_dir(),
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
                apps.remove_app(self.paths.apps_yml, app)
            case _:
                raise InternalError(f"no such step of a removal: {step}")
        return ""

    def _remove_files(self, app: AppName) -> None:
        tree = self.paths.build_tree(app)
        for directory in (self.paths.repo(app), tree, tree.with_name(f"{app}.work")):
            shutil.rmtree(directory, ignore_errors=True)
        tree.with_name(f"{app}.index").unlink(missing_ok=True)
        self.env.remove(app)
        self.kamal.remove(app)


def _remove_tree(paths: Paths, app: AppName) -> None:
    try:
        shutil.rmtree(paths.storage(app))
    except OSError as error:
        raise FileProblem(f"{paths.storage(app)} can't be deleted: {error.strerror}") from error
