"""The operation `logs`: what an app wrote."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from deployhost.apps.known_apps import known_apps
from deployhost.containers.make import DEPLOY_LABEL
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler, until_gone
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, Deploy, DeployStatus, ProcessName, Version
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
            app=known_apps(self._paths, self._releases).name(requests.app_name(request)),
            process=WEB if request.get("process") is None else ProcessName(requests.text(request, "process")),
            deploy=requests.whole(request, "deploy", None),
            tail=requests.whole(request, "lines", LOG_LINES),
            follow=bool(request.get("follow")),
        )
        any_lines = self._emit_output(wanted, emit)
        if wanted.deploy is not None:
            deploy = self._of_app(wanted.app, wanted.deploy)
            culprit = _culprit(deploy)
            other = culprit if wanted.process == WEB else None
            if any_lines and other is not None:
                again = f"deployhost logs {wanted.app} --deploy {deploy.id} --process {other}"
                emit({"event": "note", "text": f"what failed is the process {other}: {again}"})
            elif not any_lines:
                self._emit_what_is_left(wanted, deploy, other, emit)
        return {}

    def _emit_output(self, wanted: _Wanted, emit: Emit) -> bool:
        any_lines = False
        with until_gone(emit) as gone:
            for entry in self._lines(wanted, gone):
                emit({"event": "log", "line": entry.line, "stream": entry.stream, "at": entry.at})
                any_lines = True
        return any_lines

    def _emit_what_is_left(self, wanted: _Wanted, deploy: Deploy, other: ProcessName | None, emit: Emit) -> None:
        """Given a deploy whose container says nothing, emit what tells more: another process's output, what the journal kept, the build's.

        Raise NotFound where there was a container, and nothing is left of its output.
        """
        if other is not None and self._of_role(wanted.app, other, deploy.id, None) is not None:
            emit({"event": "note", "text": f"web wrote nothing; what failed is the process {other}, which wrote:"})
            self._emit_output(replace(wanted, process=other, follow=False), emit)
            return
        if deploy.container is None or self._docker.find(deploy.container) is not None:
            # It was never started: what ran before that says why.
            _emit_lines(self._written(deploy.id), wanted.tail or 0, emit)
            return
        kept = [str(line) for line in (deploy.error or {}).get("details") or ()]
        if not kept and deploy.status is DeployStatus.FAILED:
            kept = self._written(deploy.id)  # of its release command, at the end
        gone = f"the container of deploy {deploy.id} is gone"
        if not kept:
            raise NotFound(f"{gone}, and its output with it", hint=f"deployhost logs {wanted.app}")
        emit({"event": "note", "text": f"{gone}; these last lines were kept:"})
        _emit_lines(kept, wanted.tail or 0, emit)

    def _lines(self, wanted: _Wanted, gone: Stop) -> Iterator[LogLine]:
        if wanted.deploy is not None and self._of_app(wanted.app, wanted.deploy).container is None:
            return
        shown, tail, container = None, wanted.tail, self._container(wanted)
        while container is not None and container != shown and not gone.is_set():
            if self._docker.find(container) is None:
                if wanted.deploy is not None:
                    return
                what = f"the container of {wanted.app} is gone, and its output with it"
                raise NotFound(what, hint=f"deployhost restart {wanted.app}")
            yield from self._docker.logs(container, tail=tail, follow=wanted.follow, timestamps=True, stop=gone)
            shown, tail = container, None
            if wanted.follow and wanted.deploy is None:
                container = self._container(wanted)

    def _written(self, number: int) -> list[str]:
        """Given a deploy, return what its build and its release command wrote."""
        events = self._events.follow(number, lambda: True)
        return [str(event.get("line", "")) for event in events if event.get("event") == "output"]

    def _of_app(self, app: AppName, number: int) -> Deploy:
        deploy = self._deploys.get(number)
        if deploy.app != app:
            raise NotFound(f"deploy {number} is not one of {app}", hint=f"deployhost status {app}")
        return deploy

    def _container(self, wanted: _Wanted) -> str | None:
        app, number = wanted.app, wanted.deploy
        live = None if number is not None else self._releases.live(app)
        if live is not None:
            return live.container if wanted.process == WEB else self._other(wanted, live.deploy, live.version)
        deploy = self._deploys.newest(app) if number is None else self._of_app(app, number)
        if deploy is None or deploy.container is None:
            hint = f"deployhost status {app}" if deploy is None else f"deployhost logs {app} --deploy {deploy.id}"
            raise NotFound(f"{app} has not run yet, so it has no logs of its own", hint=hint)
        return deploy.container if wanted.process == WEB else self._other(wanted, deploy.id, None)

    def _other(self, wanted: _Wanted, deploy: int, version: Version | None) -> str | None:
        """Return the container of a process beside the web one; None if it is gone, and the journal may know more of it."""
        found = self._of_role(wanted.app, wanted.process, deploy, version)
        if found is None and (wanted.deploy is None or _culprit(self._deploys.get(deploy)) != wanted.process):
            raise NotFound(f"{wanted.app} has no process {wanted.process}", hint=f"deployhost status {wanted.app}")
        return found

    def _of_role(self, app: AppName, process: ProcessName, deploy: int, version: Version | None) -> str | None:
        """Return the container of a process that was made by us for that deploy or by Kamal for that version, or None."""
        name = None if version is None else contract.container_name(app, process, version)
        for listed in self._docker.listed(contract.role_labels(app, process)):
            made_for = listed.labels.get(DEPLOY_LABEL)
            if made_for == str(deploy) or (made_for is None and listed.name == name):
                return listed.id
        return None


def _culprit(deploy: Deploy) -> ProcessName | None:
    """Return the process beside the web one that made a deploy fail, as its error says, or None."""
    said = re.search(r"\bthe process (\S+)", str((deploy.error or {}).get("message", "")))
    name = "" if said is None else said[1]
    return ProcessName(name) if ProcessName.pattern.fullmatch(name) and name != WEB else None


def _emit_lines(lines: list[str], tail: int, emit: Emit) -> None:
    for line in lines[-tail:] if tail else []:
        emit({"event": "log", "line": line, "stream": "stdout", "at": ""})
