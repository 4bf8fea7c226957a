"""The operations on apps as a whole: add, list, status, remove."""

import os
from collections.abc import Callable

import deployhost
from deployhost.apps.known_apps import known_apps
from deployhost.apps.remove import Remover
from deployhost.apps.repositories import Repositories
from deployhost.apps.running import Sight
from deployhost.apps.view import Views, iso
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.errors import DeployhostError, DockerUnavailable
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import PROXY_CONTAINER
from deployhost.model import AppName, Branch, Domain
from deployhost.paths import Paths
from deployhost.system.docker import Docker


class AppOperations:
    """Given the rooms' tools, carry out the operations."""

    def __init__(
        self,
        *,
        paths: Paths,
        docker: Docker,
        releases: Releases,
        views: Views,
        remover: Remover,
        repositories: Repositories,
        http_port: Callable[[], int],
        started_at: float,
        warnings: Callable[[], list[Message]] = list,
    ) -> None:
        self._paths = paths
        self._docker = docker
        self._releases = releases
        self._views = views
        self._remover = remover
        self._repositories = repositories
        self._http_port = http_port
        self._started_at = started_at
        self._warnings = warnings

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {
            "ping": self.ping,
            "app.add": self.add,
            "app.list": self.list_apps,
            "app.status": self.status,
            "app.remove": self.remove,
        }

    def ping(self, _request: Message, _emit: Emit) -> Message:
        """Return who answers."""
        return {"version": deployhost.__version__, "pid": os.getpid(), "started_at": iso(self._started_at)}

    def add(self, request: Message, _emit: Emit) -> Message:
        """Given a name, have an app with an empty repository; return its AppView."""
        name = requests.app_name(request)
        branch = None if request.get("branch") is None else Branch(requests.text(request, "branch"))
        domains = [Domain(domain) for domain in requests.texts(request, "domains")]
        if name not in apps.load(self._paths.apps_yml).known:
            self._remover.finish(name)  # what an app of that name was before must not take this one with it
        return self._views.app(self._repositories.add(name, branch, domains))

    def list_apps(self, _request: Message, _emit: Emit) -> Message:
        """Return every app."""
        return self._seen(self._views.look(), None)

    def status(self, request: Message, _emit: Emit) -> Message:
        """Return the server and its apps, or the one that is named."""
        name = None if request.get("name") is None else requests.app_name(request)
        sight = self._views.look()
        return {"server": self._server(sight), **self._seen(sight, name)}

    def remove(self, request: Message, _emit: Emit) -> Message:
        """Given a name, remove the app (or with dry_run only say how); return the steps."""
        name, found = requests.app_name(request), apps.load(self._paths.apps_yml)
        lost = name not in found.known and (self._remover.is_open(name) or self._remover.is_left(name))
        config = AppConfig(name) if lost else found.get(name)
        with_storage = bool(request.get("storage"))
        applied = not request.get("dry_run")
        act = self._remover.remove if applied else self._remover.plan
        plan = act(config, with_storage=with_storage)
        steps = [step.to_json() for step in plan]
        return {"app": config.name, "steps": steps, "notes": list(plan.notes), "applied": applied}

    def _seen(self, sight: Sight, name: AppName | None) -> Message:
        """Given what was seen, return all apps, or the one that is named, and what is wrong with apps.yml."""
        known = known_apps(self._paths, self._releases)
        wanted = {*known.apps, *known.unlisted} if name is None else {known.name(name)}
        views = [
            self._views.unread(app, sight) if config is None else self._views.app(config, sight)
            for app, config in known.apps.items()
            if app in wanted
        ]
        views += [self._views.unlisted(app, sight) for app in known.unlisted if app in wanted]
        return {"apps": views, "problem": None if known.problem is None else known.problem.to_json()}

    def _server(self, sight: Sight) -> Message:
        docker, proxy = None, sight.problem or "unknown"
        try:
            if sight.problem:  # it need not be waited for twice
                raise DockerUnavailable(sight.problem)
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
            "warnings": self._warnings(),
        }
