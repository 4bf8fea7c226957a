"""The operations on apps as a whole: add, list, status, remove, logs."""

import os
from collections.abc import Callable

import deployhost
from deployhost.apps.remove import Remover
from deployhost.apps.remove_plan import plan_removal
from deployhost.apps.repository import ensure_repository
from deployhost.apps.view import Views, iso
from deployhost.config import apps
from deployhost.config.apps import AppConfig
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.errors import DeployhostError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import PROXY_CONTAINER
from deployhost.kamal.lock import KamalLocks
from deployhost.model import AppName, Branch, DeployStatus, Domain, Version
from deployhost.paths import Paths
from deployhost.steps import Step, apply
from deployhost.system.docker import Docker

LOG_LINES = 100
REMOVE_PATIENCE = 120.0  # seconds for a deploy that is just switching


class AppOperations:
    """Given the rooms' tools, carry out the operations."""

    def __init__(
        self,
        *,
        paths: Paths,
        docker: Docker,
        views: Views,
        deploys: Deploys,
        releases: Releases,
        locks: KamalLocks,
        remover: Remover,
        http_port: Callable[[], int],
        started_at: float,
    ) -> None:
        self._paths = paths
        self._docker = docker
        self._views = views
        self._deploys = deploys
        self._releases = releases
        self._locks = locks
        self._remover = remover
        self._http_port = http_port
        self._started_at = started_at

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {
            "ping": self.ping,
            "app.add": self.add,
            "app.list": self.list_apps,
            "app.status": self.status,
            "app.remove": self.remove,
            "logs": self.logs,
        }

    def ping(self, _request: Message, _emit: Emit) -> Message:
        """Return who answers."""
        return {"version": deployhost.__version__, "pid": os.getpid(), "started_at": iso(self._started_at)}

    def add(self, request: Message, _emit: Emit) -> Message:
        """Given a name, have an app with an empty repository; return its AppView."""
        name = requests.app_name(request)
        branch = None if request.get("branch") is None else Branch(requests.text(request, "branch"))
        domains = [Domain(domain) for domain in requests.texts(request, "domains")]
        config = apps.add_app(self._paths.apps_yml, name, branch, domains)
        ensure_repository(self._paths, name, branch)
        return self._views.app(config)

    def list_apps(self, _request: Message, _emit: Emit) -> Message:
        """Return every app."""
        return {"apps": [self._views.app(config) for config in self._configs().values()]}

    def status(self, request: Message, _emit: Emit) -> Message:
        """Return the server and its apps, or the one that is named."""
        configs = self._configs()
        if request.get("name") is not None:
            name = requests.app_name(request)
            configs = {name: apps.load(self._paths.apps_yml).get(name)}
        return {"server": self._server(), "apps": [self._views.app(config) for config in configs.values()]}

    def remove(self, request: Message, _emit: Emit) -> Message:
        """Given a name, remove the app (or with dry_run only say how); return the steps."""
        config = apps.load(self._paths.apps_yml).get(requests.app_name(request))
        plan = plan_removal(self._remover.facts(config), with_storage=bool(request.get("storage")))
        shown = {"app": config.name, "steps": [step.to_json() for step in plan], "notes": list(plan.notes)}
        if request.get("dry_run"):
            return {**shown, "applied": False}
        for deploy in self._deploys.open():
            if deploy.app == config.name and deploy.status is DeployStatus.QUEUED:
                self._deploys.end(deploy.id, DeployStatus.CANCELLED)
        with self._locks.held(config.name, _SOME_VERSION, patience=REMOVE_PATIENCE, waiting=lambda _: None):
            # Looked at again: a deploy may have made a container since.
            plan = plan_removal(self._remover.facts(config), with_storage=bool(request.get("storage")))
            apply(plan, lambda step: self._remover.act(config.name, step), _Quiet())
        return {**shown, "steps": [step.to_json() for step in plan], "applied": True}

    def logs(self, request: Message, emit: Emit) -> Message:
        """Given a name, emit the lines of the app's output: of what serves, or of the deploy that is named.

        Following goes on with the next release once the one that is shown has ended.
        """
        config = apps.load(self._paths.apps_yml).get(requests.app_name(request))
        number = requests.whole(request, "deploy", None)
        follow = bool(request.get("follow"))
        shown, container = None, self._container(config.name, number)
        tail = requests.whole(request, "lines", LOG_LINES)
        while container != shown:
            for entry in self._docker.logs(container, tail=tail, follow=follow, timestamps=True):
                emit({"event": "log", "line": entry.line, "stream": entry.stream, "at": entry.at})
            shown, tail = container, None
            if follow and number is None:
                container = self._container(config.name, None)
        return {}

    def _container(self, app: AppName, number: int | None) -> str:
        if number is not None:
            deploy = self._deploys.get(number)
            if deploy.app != app or deploy.container is None:
                raise NotFound(f"deploy {number} of {app} has no container", hint=f"deployhost status {app}")
            return deploy.container
        live = self._releases.live(app)
        if live is not None:
            return live.container
        newest = self._deploys.newest(app)
        if newest is None or newest.container is None:
            raise NotFound(f"{app} has not run yet, so it has no logs", hint=f"deployhost status {app}")
        return newest.container

    def _configs(self) -> dict[AppName, AppConfig]:
        return dict(apps.load(self._paths.apps_yml).apps)

    def _server(self) -> Message:
        docker, proxy = None, "unknown"
        try:
            docker = self._docker.info().version
            container = self._docker.find(PROXY_CONTAINER)
            proxy = "missing" if container is None else container.status
        except DeployhostError as error:
            proxy = error.message
        return {
            "version": deployhost.__version__,
            "pid": os.getpid(),
            "started_at": iso(self._started_at),
            "docker": docker,
            "proxy": proxy,
            "http_port": self._http_port(),
        }


_SOME_VERSION = Version("0" * 40)  # a removal's lock has no version to name; Kamal only shows it


class _Quiet:
    """A recorder for whoever shows the steps afterwards."""

    def started(self, step: Step) -> None:
        """Nothing to show yet."""

    def done(self, step: Step, said: str) -> None:
        """Nothing to show yet."""

    def failed(self, step: Step, error: Exception) -> None:
        """The error itself is shown."""
