"""The operations on apps as a whole: add, list, status, remove, logs."""

import os
from collections.abc import Callable

import deployhost
from deployhost.apps.remove import Remover
from deployhost.apps.repository import ensure_repository
from deployhost.apps.view import Views, iso
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.errors import DeployhostError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import PROXY_CONTAINER
from deployhost.model import AppName, Branch, Deploy, Domain
from deployhost.paths import Paths
from deployhost.system.docker import Docker

LOG_LINES = 100


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
        events: EventLog,
        remover: Remover,
        http_port: Callable[[], int],
        started_at: float,
    ) -> None:
        self._paths = paths
        self._docker = docker
        self._views = views
        self._deploys = deploys
        self._releases = releases
        self._events = events
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
        try:
            ensure_repository(self._paths, name, branch)
        except DeployhostError:
            apps.remove_app(self._paths.apps_yml, name)  # all of an app or nothing
            raise
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
        with_storage = bool(request.get("storage"))
        applied = not request.get("dry_run")
        act = self._remover.remove if applied else self._remover.plan
        plan = act(config, with_storage=with_storage)
        steps = [step.to_json() for step in plan]
        return {"app": config.name, "steps": steps, "notes": list(plan.notes), "applied": applied}

    def logs(self, request: Message, emit: Emit) -> Message:
        """Given a name, emit the lines of the app's output: of what serves, or of the deploy that is named.

        Following goes on with the next release once the one that is shown has ended.
        """
        config = apps.load(self._paths.apps_yml).get(requests.app_name(request))
        number = requests.whole(request, "deploy", None)
        follow = bool(request.get("follow"))
        tail = requests.whole(request, "lines", LOG_LINES)
        if number is not None and self._of_app(config.name, number).container is None:
            self._emit_build(number, tail or 0, emit)
            return {}
        shown, container = None, self._container(config.name, number)
        while container != shown:
            for entry in self._docker.logs(container, tail=tail, follow=follow, timestamps=True):
                emit({"event": "log", "line": entry.line, "stream": entry.stream, "at": entry.at})
            shown, tail = container, None
            if follow and number is None:
                container = self._container(config.name, None)
        return {}

    def _emit_build(self, number: int, lines: int, emit: Emit) -> None:
        """Given a deploy that came to no container, emit the last lines of its build."""
        written = [event for event in self._events.follow(number, lambda: True) if event.get("event") == "output"]
        for event in written[-lines:] if lines else []:
            emit({"event": "log", "line": str(event.get("line", "")), "stream": "stdout", "at": ""})

    def _of_app(self, app: AppName, number: int) -> Deploy:
        deploy = self._deploys.get(number)
        if deploy.app != app:
            raise NotFound(f"deploy {number} is not one of {app}", hint=f"deployhost status {app}")
        return deploy

    def _container(self, app: AppName, number: int | None) -> str:
        live = None if number is not None else self._releases.live(app)
        if live is not None:
            return live.container
        deploy = self._deploys.newest(app) if number is None else self._of_app(app, number)
        if deploy is None or deploy.container is None:
            hint = f"deployhost status {app}" if deploy is None else f"deployhost logs {app} --deploy {deploy.id}"
            raise NotFound(f"{app} has not run yet, so it has no logs of its own", hint=hint)
        return deploy.container

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
