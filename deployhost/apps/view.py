"""Apps and deploys as the control socket shows them (control/messages.py)."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from deployhost.config.app import AppConfig
from deployhost.errors import DockerUnavailable
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Deploy, DeployStatus, Release
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container

View = dict[str, Any]


class Views:
    """Given the journal, the engine and the proxy's port, show apps and deploys."""

    def __init__(
        self, *, docker: Docker, deploys: Deploys, releases: Releases, paths: Paths, http_port: Callable[[], int]
    ) -> None:
        self._docker = docker
        self._deploys = deploys
        self._releases = releases
        self._paths = paths
        self._http_port = http_port

    def app(self, config: AppConfig) -> View:
        """Given an app's settings, return its AppView."""
        live = self._releases.live(config.name)
        newest = self._deploys.newest(config.name)
        pushed = self._deploys.newest(config.name, pushed=True)
        repo = self._paths.repo(config.name)
        state, why = self._state(config.name, live, newest)
        return {
            "name": config.name,
            "state": state,
            "url": self.url(config.name),
            "urls": [self._address(host) for host in config.hosts],
            "branch": config.branch,
            "remote": str(repo),
            "ssh_remote": f"ssh://root@{socket.gethostname()}{repo}",
            "domains": list(config.domains),
            "storage": str(self._paths.storage(config.name)) if config.storage else None,
            "live": None if live is None else _live(live),
            "head": None if pushed is None else pushed.sha,
            "last_deploy": None if newest is None else self.deploy(newest),
            "note": "; ".join(note for note in (why, _note(live, pushed)) if note),
        }

    def deploy(self, deploy: Deploy) -> View:
        """Given a deploy, return its DeployView."""
        end = deploy.live_at or deploy.finished_at
        return {
            "id": deploy.id,
            "app": deploy.app,
            "sha": deploy.sha,
            "subject": deploy.subject,
            "version": deploy.version,
            "trigger": deploy.trigger,
            "status": deploy.status,
            "requested_at": iso(deploy.requested_at),
            "started_at": iso(deploy.started_at),
            "live_at": iso(deploy.live_at),
            "finished_at": iso(deploy.finished_at),
            "phases": [{"name": phase.name, "ms": phase.ms} for phase in deploy.phases],
            "total_ms": None if end is None else round((end - deploy.requested_at) * 1000, 1),
            "url": self.url(deploy.app),
            "error": deploy.error,
            "superseded_by": deploy.superseded_by,
        }

    def url(self, app: AppName) -> str:
        """Given an app, return the address at which it always answers on this machine."""
        return self._address(f"{app}.localhost")

    def _address(self, host: str) -> str:
        port = self._http_port()
        return f"http://{host}" if port == 80 else f"http://{host}:{port}"

    def _state(self, app: AppName, live: Release | None, newest: Deploy | None) -> tuple[str, str]:
        """Return the app's state, and what to say of it. What the journal knows is shown without the engine too."""
        if newest is not None and not newest.status.ended:
            return "deploying", ""
        if live is None:
            return "empty" if newest is None else "failed", ""
        try:
            container = self._docker.find(live.container)
        except DockerUnavailable as error:
            return "down", error.message
        if container is not None and container.running:
            return "live", _restarts(container)
        return "down", f"{_why_down(container)}; to start it again: deployhost restart {app}"


def iso(seconds: float | None) -> str | None:
    """Given unix seconds or None, return ISO 8601 in UTC with milliseconds, or None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _live(release: Release) -> View:
    return {
        "version": release.version,
        "sha": release.sha,
        "subject": release.subject,
        "since": iso(release.live_since),
        "container": release.container[:12],
        "image": release.image,
        "port": release.port,
    }


def _restarts(container: Container) -> str:
    """Say how often the engine has started it again, and how it ended last while that is known: not once it runs again."""
    count = container.restart_count
    if not count:
        return ""
    ended = "" if container.running else f" (last exit code {container.exit_code})"
    return f"it ended and was started again {count} {'time' if count == 1 else 'times'} since it went live{ended}"


def _why_down(container: Container | None) -> str:
    if container is None:
        return "its container is gone"
    ended = container.status == "exited"
    return _restarts(container) or (
        f"it ended with exit code {container.exit_code}" if ended else f"its container is {container.status}"
    )


def _note(live: Release | None, pushed: Deploy | None) -> str:
    """Say it where the newest pushed commit and the live one differ, and why (promise 4)."""
    if pushed is None or live is None or pushed.sha == live.sha or not pushed.status.ended:
        return ""
    if pushed.status is DeployStatus.FAILED:
        return f"the newest push {pushed.sha.short} failed; {live.sha.short} still serves"
    return f"the newest push is {pushed.sha.short} ({pushed.status}); {live.sha.short} serves"
