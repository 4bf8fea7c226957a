"""Watching releases in their first minute, and going back automatically from those that fail. One thread for all of them.

Nothing here has to survive: which releases are on probation, and which of them failed, is in the journal.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.config.env import EnvStore
from deployhost.config.server import ServerSettings
from deployhost.containers.ran_with import workers_beside
from deployhost.containers.readiness import paths_to_ask
from deployhost.deploy.intake import Intake
from deployhost.deploy.probation import FORGOTTEN, Observation, ProcessSeen, bad_answer, judge, way_back
from deployhost.errors import AppNotFound, DeployhostError, DockerUnavailable, NotFound, ReleaseFailed, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.redactor import Redactor
from deployhost.journal.releases import Releases
from deployhost.journal.telling import shortened
from deployhost.kamal.contract import NETWORK, RUNNING, service_name
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Release, Trigger
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.system.http import Get

TICK = 1.0  # seconds between looks
ASK_EVERY = 2.0  # seconds between questions from outside: the app's log is not ours to fill
ANSWER_WITHIN = 2.0
LOG_TAIL = 25  # lines of its output that the error shows
LOOPBACK = "127.0.0.1"
log = logging.getLogger(__name__)


@dataclass
class _Watched:
    """What was seen of one release so far."""

    config: AppConfig
    observations: list[Observation] = field(default_factory=list)
    asked_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Watches releases in their first minute, and goes back from those that fail.

    `went_wrong` keeps for `status` what was raised when something was done, `forget` ends that.
    """

    docker: Docker
    proxy: KamalProxy
    releases: Releases
    deploys: Deploys
    events: EventLog
    intake: Intake
    apps: Apps
    env: EnvStore
    settings: ServerSettings
    get: Get
    clock: Clock
    went_wrong: Callable[[str, Exception], None]
    forget: Callable[[str], None]
    _watched: dict[tuple[AppName, str], _Watched] = field(default_factory=dict, init=False, repr=False)
    _troubled: set[AppName] = field(default_factory=set, init=False, repr=False)

    def run(self) -> None:
        """Watch for ever."""
        while True:
            try:
                self.tick()
            except DeployhostError as error:
                log.debug("watching: %s", error)  # whoever converges tells it
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may go well
                self.went_wrong("watching", error)
            else:
                self.forget("watching")
            self.clock.sleep(TICK)

    def tick(self) -> None:
        """Look once at every release on probation. Raise FileProblem when the journal can't be read."""
        releases = self.releases.on_probation()
        here = {_key(release) for release in releases}
        for gone in set(self._watched) - here:
            del self._watched[gone]
        for app in self._troubled - {release.app for release in releases}:
            self._well(app)
        for release in releases:
            try:
                self._look(release)
                self._well(release.app)
            except (DockerUnavailable, SwitchFailed):
                self._watched.pop(_key(release), None)  # an engine that comes back shows containers in odd states
                raise
            except (NotFound, AppNotFound):
                self._watched.pop(_key(release), None)  # its container was removed, or the app: somebody is at it
            except Exception as error:  # noqa: BLE001 - one app's trouble is its own
                self._troubled.add(release.app)
                self.went_wrong(_what(release.app), error)

    def _well(self, app: AppName) -> None:
        if app in self._troubled:
            self._troubled.discard(app)
            self.forget(_what(app))

    def _look(self, release: Release) -> None:
        lived = self.clock.time() - release.live_since
        if release.failed:
            self._go_back(release, release.failed)
            return
        watched = self._watched.get(_key(release))
        if watched is None:
            # Read once: apps.yml is not to be parsed each second.
            watched = self._watched[_key(release)] = _Watched(self.apps.get(release.app))
        if lived > FORGOTTEN and not watched.observations:
            self.releases.mark_proven(release.app, release.version)
            return
        watched.observations.append(self._observe(release, watched))
        verdict = judge(watched.observations, lived)
        if verdict.why and not (verdict.by_answers and not self._serves(release)):
            self._blame(release, verdict.why, verdict.process)
            self.releases.mark_failed(release.app, release.version, verdict.why)
            self._go_back(release, verdict.why)
        elif verdict.why:
            watched.observations.clear()  # the bad answers were not its own: they did not reach it
        elif verdict.proven:
            self.releases.mark_proven(release.app, release.version)

    def _observe(self, release: Release, watched: _Watched) -> Observation:
        web = self.docker.inspect(release.container)
        processes = tuple(
            ProcessSeen(
                name=one.labels.get("role", WEB),
                status=one.status,
                restarts=one.restart_count,
                exit_code=0 if one.running else one.exit_code,
                out_of_memory=one.oom_killed,
            )
            for one in (web, *workers_beside(self.docker, release))
        )
        now = self.clock.monotonic()
        if now - watched.asked_at < ASK_EVERY or not web.running:
            return Observation(now, processes)
        watched.asked_at = now
        bad, said = self._ask(watched.config)
        return Observation(self.clock.monotonic(), processes, bad, said)

    def _ask(self, config: AppConfig) -> tuple[bool | None, str]:
        """Ask as a visitor does, through the proxy; the paths are those that proved the app at boot."""
        host = config.domains[0] if config.domains else config.hosts[0]
        statuses, missing, said = [], [], ""
        for path in paths_to_ask(config.health):
            answer = self.get(LOOPBACK, self.settings.current().http_port, path, host=host, timeout=ANSWER_WITHIN)
            if answer.missing == "refused":
                return None, ""  # that is the proxy, not the app
            statuses.append(answer.status)
            missing.append(answer.missing)
            said = f"GET {path} → {answer.status or answer.problem}"
            if 0 < answer.status < 500:
                break
        return bad_answer(statuses, missing), said

    def _serves(self, release: Release) -> bool:
        """Return whether requests reach it: else it is in maintenance, its route is lost, or it was taken off the network."""
        if NETWORK not in self.docker.inspect(release.container).networks:
            return False
        route = self.proxy.routes().get(service_name(release.app, WEB))
        return route is not None and route.state == RUNNING and route.leads_to(release.container)

    def _go_back(self, release: Release, why: str) -> None:
        """Queue the rollback, or note why there is none. What is queued already, or may yet mend it, is waited for."""
        app = release.app
        deploys = self.deploys.of_app(app)
        way = way_back(
            release,
            next((deploy for deploy in deploys if deploy.id == release.deploy), None),
            allowed=self.apps.get(app).auto_rollback,
            earlier=[one for one in self.releases.of_app(app) if self.docker.image(one.image) is not None],
            others=[deploy for deploy in deploys if deploy.id > release.deploy],
        )
        if way.target is not None:
            deploy = self.intake.back(way.target, Trigger.AUTO_ROLLBACK, reason=why)
            self._note(release, f"rolled back automatically to {way.target.version.short}: deploy {deploy.id}")
        elif not way.wait:
            self._note(release, way.note)
            self.releases.mark_proven(app, release.version)  # settled, not well: `failed` says so

    def _blame(self, release: Release, why: str, process: str) -> None:
        redacted = Redactor(frozenset(self.env.read(release.app).values())).redacted
        error = ReleaseFailed(
            f"it went live, and failed in its first minute: {why}",
            hint=f"deployhost logs {release.app} --deploy {release.deploy}",
            details=tuple(
                shortened(redacted(entry.line)) for entry in self.docker.logs(release.container, tail=LOG_TAIL)
            ),
            process=process,
        )
        self.deploys.blame(release.deploy, error.to_json())
        self._note(release, error.message)

    def _note(self, release: Release, text: str) -> None:
        log.info("%s: %s", release.app, text)
        self.events.append(release.deploy, {"event": "note", "text": text})


def _what(app: AppName) -> str:
    return f"watching {app}"


def _key(release: Release) -> tuple[AppName, str]:
    return release.app, release.container
