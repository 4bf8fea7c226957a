"""Apps, deploys and releases as the control socket shows them (control/views.py)."""

import contextlib
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from deployhost.apps import notes
from deployhost.apps.running import Running, RunningReader
from deployhost.config.app import LOCAL, AppConfig
from deployhost.config.current import Apps
from deployhost.config.server import ServerSettings
from deployhost.control.views import (
    AppView,
    DeployView,
    DomainView,
    FindingView,
    LiveView,
    LockView,
    ProcessView,
    ReleaseView,
    RolledBackView,
    StepView,
)
from deployhost.edge.records import DomainRecords
from deployhost.errors import DeployhostError, ErrorView
from deployhost.github import source_notes
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.journal.sources import Sources
from deployhost.kamal import contract
from deployhost.kamal.lock import LockDetails
from deployhost.model import MOUNTED_AT, WEB, AppName, Branch, Deploy, Domain, ProcessName, Release, Trigger
from deployhost.paths import Paths
from deployhost.steps import Finding, Severity, Step
from deployhost.system import bind_mount
from deployhost.system.clock import Clock
from deployhost.system.docker_model import Container

ROLLBACKS = (Trigger.ROLLBACK, Trigger.AUTO_ROLLBACK)


@dataclass(frozen=True, kw_only=True)
class Views:
    """Shows apps, deploys and releases.

    `left_alone` returns why deployhost does not touch the containers of an app, or "".
    """

    running: RunningReader
    deploys: Deploys
    releases: Releases
    sources: Sources
    paths: Paths
    settings: ServerSettings
    apps: Apps
    records: DomainRecords
    clock: Clock
    left_alone: Callable[[AppName], str] = lambda _app: ""

    def app(self, config: AppConfig, running: Running | None = None) -> AppView:
        """Return the view of an app by its settings and what runs."""
        running = running or self.running.read()
        app = config.name
        if (error := running.failed.get(app)) is not None:
            raise error
        live, newest = self.releases.live(app), self.deploys.newest(app)
        pushed, chosen = self.deploys.newest(app, by=Trigger.PUSH), self.deploys.chosen(app)
        containers = running.containers.get(app, ())
        route = None if running.routes is None else running.routes.get(contract.service_name(app, WEB))
        state, why = notes.state(app, live, newest, problem=running.problem, containers=containers, route=route)
        lock, tried = running.locks.get(app), self._way_back(live)
        repo = self.paths.repo(app)
        explained = (
            "" if tried and state == "down" else why,  # it would fail again as it did
            tried,
            notes.difference(app, live, pushed, chosen, state=state),
            notes.settings(app, live, self.deploys.newest(app, by=Trigger.SETTINGS)),
            notes.workers(containers),
            notes.old_mount(app) if config.storage and self._has_old_mount(containers) else "",
            self.left_alone(app),
            "" if config.source is None else source_notes.note(self.sources.problem(app), self.clock.time()),
            "" if lock is None else notes.lock(app, lock, self.clock.time()),
        )
        return {
            "name": app,
            "listed": True,
            "state": state,
            "url": self.urls(config)[0],
            "urls": self.urls(config),
            "branch": config.branch or self._default_branch(config),
            "source": config.source,
            "remote": str(repo),
            "ssh_remote": f"ssh://root@{socket.gethostname()}{repo}",
            "domains": list(config.domains),
            "records": self.domains(config),
            "storage": str(self.paths.storage(app)) if config.storage else None,
            "strategy": config.takes_over,
            "engine": config.deploys_with,
            "live": None if live is None else _live(live),
            "processes": [_process(container, config) for container in containers],
            "maintenance": route is not None and route.state == contract.STOPPED,
            "route": None if running.routes is None else "missing" if route is None else route.state,
            "lock": None if lock is None else self._lock(lock),
            "rolled_back": _rolled_back(live, pushed, chosen),
            "head": None if pushed is None else pushed.sha,
            "last_deploy": None if newest is None else self.deploy(newest),
            "note": "; ".join(note for note in explained if note),
        }

    def _has_old_mount(self, containers: Sequence[Container]) -> bool:
        """Return whether the storage is mounted without setuid and devices, and not so in a container."""
        pids = [container.pid for container in containers if container.running]
        return bind_mount.is_bound(self.paths.storage_root) and any(
            bind_mount.lacks_flags(pid, MOUNTED_AT) for pid in pids
        )

    def _default_branch(self, config: AppConfig) -> Branch | None:
        pinned = None if config.source is None else self.sources.of(config.name)
        return None if pinned is None else pinned.default_branch

    def _way_back(self, live: Release | None) -> str:
        if live is None or not live.failed:
            return ""
        later = (one for one in self.deploys.of_app(live.app) if one.id > live.deploy)
        tried = next((one for one in later if one.trigger is Trigger.AUTO_ROLLBACK), None)
        releases = self.releases.of_app(live.app)
        led_to = next((one for one in releases if tried is not None and one.version == tried.target), live)
        before = [one for one in releases if one.live_since < led_to.live_since and not one.failed]
        return notes.way_back(live, tried, next((one for one in before if one.image != led_to.image), None))

    def unread(self, app: AppName, running: Running) -> AppView:
        """Return the view of an app whose settings can't be read, as far as it is known: its hosts are those of its route."""
        route = (running.routes or {}).get(contract.service_name(app, WEB))
        hosts = () if route is None else route.hosts
        others = [host for host in hosts if host != f"{app}.localhost" and Domain.pattern.fullmatch(host)]
        config = AppConfig(app, domains=tuple(map(Domain, others)))
        return {**self.app(config, running), "branch": None, "storage": None, "strategy": None, "engine": None}

    def unlisted(self, app: AppName, running: Running) -> AppView:
        """Return the view of an app that is no longer in apps.yml, with what can be done about it."""
        return {**self.unread(app, running), "listed": False, "note": notes.unlisted(app)}

    def deploy(self, deploy: Deploy) -> DeployView:
        """Return the view of a deploy."""
        # What Kamal did on its own was only found when it was done.
        end = None if deploy.trigger is Trigger.KAMAL else deploy.live_at or deploy.finished_at
        return {
            "id": deploy.id,
            "app": deploy.app,
            "sha": deploy.sha,
            "subject": deploy.subject,
            "version": deploy.version,
            "trigger": deploy.trigger,
            "target": deploy.target,
            "reason": deploy.reason,
            "status": deploy.status,
            "requested_at": iso(deploy.requested_at),
            "started_at": iso(deploy.started_at),
            "live_at": iso(deploy.live_at),
            "finished_at": iso(deploy.finished_at),
            "phases": [{"name": phase.name, "ms": phase.ms} for phase in deploy.phases],
            "total_ms": None if end is None else round((end - deploy.requested_at) * 1000, 1),
            "url": self.url(deploy.app),
            # Until it has ended, what is there is who cancelled it.
            "error": cast("ErrorView | None", deploy.error) if deploy.status.ended else None,
            "superseded_by": deploy.superseded_by,
        }

    def release(
        self, release: Release, deploy: Deploy | None, after: Deploy | None, *, has_image: bool | None
    ) -> ReleaseView:
        """Return the view of a release that `deploy` made and that was live until `after` went live."""
        left, why = notes.left(release, after)
        return {
            "version": release.version,
            "sha": release.sha,
            "subject": release.subject,
            "live": release.is_live,
            "live_since": iso(release.live_since),
            "left": left,
            "why": why,
            "left_at": None if release.is_live or after is None else iso(after.live_at),
            "how": None if deploy is None else deploy.trigger,
            "target": None if deploy is None else deploy.target,
            "image": release.image,
            "image_available": has_image,
            "proven_at": iso(release.proven_at),
            "deploy": None if deploy is None else self.deploy(deploy),
        }

    def url(self, app: AppName) -> str:
        """Return the address at which an app is shown: its first domain that Cloudflare serves, else the one on this machine."""
        if self.records.connected:
            with contextlib.suppress(DeployhostError):
                return self.urls(self.apps.get(app))[0]
        return self.local_url(app)

    def local_url(self, app: AppName) -> str:
        """Return the address of an app on this machine."""
        return self._address(f"{app}{LOCAL}")

    def urls(self, config: AppConfig) -> list[str]:
        """Return every address at which an app answers, those that Cloudflare serves first."""
        public = self.records.public(config.name, config.domains)
        return [
            *(f"https://{domain}" for domain in public),
            *(self._address(host) for host in config.hosts if host not in public),
        ]

    def domains(self, config: AppConfig) -> list[DomainView]:
        """Return an app's domains, each with how it stands with its DNS record."""
        public = self.records.public(config.name, config.domains)
        return [
            {
                "domain": one.domain,
                "url": f"https://{one.domain}" if one.domain in public else self._address(one.domain),
                "record": one.standing.value,
                "why": one.why,
                "fix": one.fix,
            }
            for one in self.records.states(config.name, config.domains)
        ]

    def _address(self, host: str) -> str:
        port = self.settings.current().http_port
        return f"http://{host}" if port == 80 else f"http://{host}:{port}"

    def _lock(self, lock: LockDetails) -> LockView:
        return {"by": lock.by, "text": lock.text, "since": iso(lock.since), "age_s": round(lock.age(self.clock.time()))}


def steps(plan: Iterable[Step]) -> list[StepView]:
    """Return the views of a plan's steps."""
    return [{"step": step.word, "what": step.what, "why": step.why} for step in plan]


def finding(found: Finding) -> FindingView:
    """Return the view of a finding."""
    severity: Literal["error", "warning"] = "error" if found.severity is Severity.ERROR else "warning"
    return {"severity": severity, "what": found.what, "why": found.why, "fix": found.fix}


def iso(seconds: float | None) -> str | None:
    """Return unix seconds as ISO 8601 in UTC with milliseconds, and None as None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _live(release: Release) -> LiveView:
    return {
        "version": release.version,
        "sha": release.sha,
        "subject": release.subject,
        "since": iso(release.live_since),
        "container": release.container[:12],
        "image": release.image,
        "port": release.port,
        "failed": release.failed,
        "proven_at": iso(release.proven_at),
    }


def _process(container: Container, config: AppConfig) -> ProcessView:
    name = ProcessName(container.labels.get("role", WEB))
    return {
        "name": name,
        "state": container.status,
        "restarts": container.restart_count,
        "exit_code": None if container.running else container.exit_code,
        "container": container.short_id,
        # What it was started with; a change in apps.yml takes effect on the next deploy.
        "memory": container.memory,
        "cpus": container.cpus,
        "wanted_memory": config.memory_of(name),
        "wanted_cpus": config.cpus_of(name),
    }


def _rolled_back(live: Release | None, pushed: Deploy | None, chosen: Deploy | None) -> RolledBackView | None:
    """Return the rollback that chose the live release, if something else was pushed last."""
    if live is None or chosen is None or chosen.trigger not in ROLLBACKS:
        return None
    if chosen.trigger is Trigger.ROLLBACK and (pushed is None or pushed.sha == live.sha):
        return None
    return {
        "by": "deployhost" if chosen.trigger is Trigger.AUTO_ROLLBACK else "person",
        "to": chosen.target,
        "reason": chosen.reason,
        "at": iso(chosen.live_at),
        "deploy": chosen.id,
    }
