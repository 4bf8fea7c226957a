"""What an app wrote: of its live release, or of one deploy; and, where no container is left of that, what tells more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from deployhost.containers.belongs import is_of
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, Deploy, DeployStatus, ProcessName, Version
from deployhost.system.docker import Docker
from deployhost.system.docker_model import LogLine
from deployhost.system.stop import Stop


@dataclass(frozen=True, kw_only=True)
class OutputWanted:
    """Whose output is wanted: of the live release, or of the deploy with that number; the last `tail` lines, and what follows."""

    app: AppName
    process: ProcessName = WEB
    deploy: int | None = None
    tail: int | None = None
    follow: bool = False


@dataclass(frozen=True, kw_only=True)
class AppOutput:
    """Reads what apps wrote."""

    docker: Docker
    deploys: Deploys
    releases: Releases
    events: EventLog

    def read(self, wanted: OutputWanted, gone: Stop) -> Iterator[LogLine | str]:
        """Yield lines of output, and, as plain text, notes on them.

        Following goes on with the next release once the one that is shown has ended, until `gone` is set. Raise NotFound.
        """
        any_lines = False
        for line in self._lines(wanted, gone):
            any_lines = True
            yield line
        if wanted.deploy is None:
            return
        deploy = self._of_app(wanted.app, wanted.deploy)
        other = _culprit(deploy) if wanted.process == WEB else None
        if any_lines and other is not None:
            again = f"deployhost logs {wanted.app} --deploy {deploy.id} --process {other}"
            yield f"the process {other} failed; to see its output: {again}"
        elif not any_lines:
            yield from self._what_is_left(wanted, deploy, other, gone)

    def _what_is_left(
        self, wanted: OutputWanted, deploy: Deploy, other: ProcessName | None, gone: Stop
    ) -> Iterator[LogLine | str]:
        """Yield what tells more of a deploy whose container says nothing: another process's output, what the journal kept, the build's.

        Raise NotFound where there was a container, and nothing is left of its output.
        """
        if other is not None and self._of_process(wanted.app, other, deploy.id, None) is not None:
            yield f"web wrote nothing; the process {other} failed, and wrote:"
            yield from self._lines(replace(wanted, process=other, follow=False), gone)
            return
        if deploy.container is None or self.docker.find(deploy.container) is not None:
            # It was never started: what ran before that says why.
            yield from _last(self._written(deploy.id), wanted.tail)
            return
        kept = [str(line) for line in (deploy.error or {}).get("details") or ()]
        if not kept and deploy.status is DeployStatus.FAILED:
            kept = self._written(deploy.id)  # of its release command, at the end
        removed = f"the container of deploy {deploy.id} is gone"
        if not kept:
            raise NotFound(f"{removed}, and its output with it", hint=f"deployhost logs {wanted.app}")
        yield f"{removed}; these last lines were kept:"
        yield from _last(kept, wanted.tail)

    def _lines(self, wanted: OutputWanted, gone: Stop) -> Iterator[LogLine]:
        if wanted.deploy is not None and self._of_app(wanted.app, wanted.deploy).container is None:
            return
        shown, tail, container = None, wanted.tail, self._container(wanted)
        while container is not None and container != shown and not gone.is_set():
            if self.docker.find(container) is None:
                if wanted.deploy is not None:
                    return
                what = f"the container of {wanted.app} is gone, and its output with it"
                raise NotFound(what, hint=f"deployhost restart {wanted.app}")
            yield from self.docker.logs(container, tail=tail, follow=wanted.follow, timestamps=True, stop=gone)
            shown, tail = container, None
            if wanted.follow and wanted.deploy is None:
                container = self._container(wanted)

    def _written(self, number: int) -> list[str]:
        """Return what a deploy's build and its release command wrote."""
        events = self.events.follow(number, lambda: True)
        return [str(event.get("line", "")) for event in events if event.get("event") == "output"]

    def _of_app(self, app: AppName, number: int) -> Deploy:
        deploy = self.deploys.get(number)
        if deploy.app != app:
            raise NotFound(f"deploy {number} is not one of {app}", hint=f"deployhost status {app}")
        return deploy

    def _container(self, wanted: OutputWanted) -> str | None:
        app, number = wanted.app, wanted.deploy
        live = None if number is not None else self.releases.live(app)
        if live is not None:
            return live.container if wanted.process == WEB else self._other(wanted, live.deploy, live.version)
        deploy = self.deploys.newest(app) if number is None else self._of_app(app, number)
        if deploy is None or deploy.container is None:
            hint = f"deployhost status {app}" if deploy is None else f"deployhost logs {app} --deploy {deploy.id}"
            raise NotFound(f"{app} has not run yet, so it has no logs of its own", hint=hint)
        return deploy.container if wanted.process == WEB else self._other(wanted, deploy.id, None)

    def _other(self, wanted: OutputWanted, deploy: int, version: Version | None) -> str | None:
        """Return the container of a process beside the web one; None if it is gone, and the journal may know more of it."""
        found = self._of_process(wanted.app, wanted.process, deploy, version)
        if found is None and (wanted.deploy is None or _culprit(self.deploys.get(deploy)) != wanted.process):
            raise NotFound(f"{wanted.app} has no process {wanted.process}", hint=f"deployhost status {wanted.app}")
        return found

    def _of_process(self, app: AppName, process: ProcessName, deploy: int, version: Version | None) -> str | None:
        """Return the container of a process that was made by us for that deploy or by Kamal for that version, or None."""
        listed = self.docker.listed(contract.role_labels(app, process))
        return next((one.id for one in listed if is_of(one, app, deploy=deploy, version=version)), None)


def _culprit(deploy: Deploy) -> ProcessName | None:
    """Return the process beside the web one that made a deploy fail, as its error says, or None."""
    name = str((deploy.error or {}).get("process", ""))
    return ProcessName(name) if ProcessName.pattern.fullmatch(name) and name != WEB else None


def _last(lines: list[str], tail: int | None) -> Iterator[LogLine]:
    for line in lines[-tail:] if tail else []:
        yield LogLine("stdout", line)
