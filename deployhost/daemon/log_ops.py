"""The operation `logs`: what an app wrote."""

from collections.abc import Iterator
from dataclasses import dataclass

from deployhost.apps.known import known_apps
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler, until_gone
from deployhost.deploy.direct import DEPLOY_LABEL
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, Deploy, ProcessName, Version
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import LogLine
from deployhost.system.stop import Stop

LOG_LINES = 100


@dataclass(frozen=True)
class _Wanted:
    """Whose output is wanted: of what serves, or of the deploy with that number; the last `tail` lines, and what follows."""

    app: AppName
    process: ProcessName
    deploy: int | None
    tail: int | None
    follow: bool


class LogOperation:
    """Given the rooms' tools, show what apps wrote."""

    def __init__(self, *, paths: Paths, docker: Docker, deploys: Deploys, releases: Releases, events: EventLog) -> None:
        self._paths = paths
        self._docker = docker
        self._deploys = deploys
        self._releases = releases
        self._events = events

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {"logs": self.logs}

    def logs(self, request: Message, emit: Emit) -> Message:
        """Given a name, emit the lines of the app's output: of what serves, or of the deploy that is named; of one `process`.

        Following goes on with the next release once the one that is shown has ended, until the client goes.
        """
        wanted = _Wanted(
            app=known_apps(self._paths, self._releases)[0].get(requests.app_name(request)).name,
            process=WEB if request.get("process") is None else ProcessName(requests.text(request, "process")),
            deploy=requests.whole(request, "deploy", None),
            tail=requests.whole(request, "lines", LOG_LINES),
            follow=bool(request.get("follow")),
        )
        any_lines = False
        with until_gone(emit) as gone:
            for entry in self._lines(wanted, gone):
                emit({"event": "log", "line": entry.line, "stream": entry.stream, "at": entry.at})
                any_lines = True
        if wanted.deploy is not None and not any_lines:
            self._emit_build(
                wanted.deploy, wanted.tail or 0, emit
            )  # it was never started: what ran before that says why
        return {}

    def _lines(self, wanted: _Wanted, gone: Stop) -> Iterator[LogLine]:
        if wanted.deploy is not None and self._of_app(wanted.app, wanted.deploy).container is None:
            return
        shown, tail, container = None, wanted.tail, self._container(wanted)
        while container != shown and not gone.is_set():
            yield from self._docker.logs(container, tail=tail, follow=wanted.follow, timestamps=True, stop=gone)
            shown, tail = container, None
            if wanted.follow and wanted.deploy is None:
                container = self._container(wanted)

    def _emit_build(self, number: int, lines: int, emit: Emit) -> None:
        """Given a deploy whose container said nothing, emit the last lines of its build and its release command."""
        written = [event for event in self._events.follow(number, lambda: True) if event.get("event") == "output"]
        for event in written[-lines:] if lines else []:
            emit({"event": "log", "line": str(event.get("line", "")), "stream": "stdout", "at": ""})

    def _of_app(self, app: AppName, number: int) -> Deploy:
        deploy = self._deploys.get(number)
        if deploy.app != app:
            raise NotFound(f"deploy {number} is not one of {app}", hint=f"deployhost status {app}")
        return deploy

    def _container(self, wanted: _Wanted) -> str:
        app, number = wanted.app, wanted.deploy
        live = None if number is not None else self._releases.live(app)
        if live is not None:
            return live.container if wanted.process == WEB else self._other(wanted, live.deploy, live.version)
        deploy = self._deploys.newest(app) if number is None else self._of_app(app, number)
        if deploy is None or deploy.container is None:
            hint = f"deployhost status {app}" if deploy is None else f"deployhost logs {app} --deploy {deploy.id}"
            raise NotFound(f"{app} has not run yet, so it has no logs of its own", hint=hint)
        return deploy.container if wanted.process == WEB else self._other(wanted, deploy.id, None)

    def _other(self, wanted: _Wanted, deploy: int, version: Version | None) -> str:
        """Return the container of a process beside the web one, made by us for that deploy or by Kamal for that version."""
        app, process = wanted.app, wanted.process
        name = None if version is None else contract.container_name(app, process, version)
        for listed in self._docker.listed(contract.role_labels(app, process)):
            made_for = listed.labels.get(DEPLOY_LABEL)
            if made_for == str(deploy) or (made_for is None and listed.name == name):
                return listed.id
        raise NotFound(f"{app} has no process {process}", hint=f"deployhost status {app}")
