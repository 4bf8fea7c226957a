"""Carries out the steps that concern one app; its lock is held."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from deployhost.build.labels import DEPLOY_LABEL, SETTINGS_LABEL
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.containers.belongs import app_of
from deployhost.containers.processes import processes_of
from deployhost.containers.spec import DEFAULT_PORT
from deployhost.containers.storage import Storage
from deployhost.converge.findings.adoption_plan import Adopt
from deployhost.converge.findings.broken_off_plan import BeginAgain, EndDeploy, FinishSwitched, RemoveContainer
from deployhost.converge.findings.drains_plan import EndDrain
from deployhost.converge.findings.held_plan import LetGo
from deployhost.converge.findings.lost_plan import MakeAgain
from deployhost.converge.findings.network_plan import Connect
from deployhost.converge.findings.presence_plan import NoteStopped, StartContainer
from deployhost.converge.findings.routes_plan import Reroute
from deployhost.converge.findings.strays_plan import StopContainer
from deployhost.deploy.going_live import GoingLive
from deployhost.deploy.intake import Intake
from deployhost.deploy.standstill import Standstill
from deployhost.errors import DeployhostError, InternalError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, Deploy, Release, Sha, Trigger
from deployhost.steps import Acts, Step, carry_out
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.drain import MARGIN, Drainer
from deployhost.traffic.switch import Switch

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AppActor:
    """Carries out single steps with the tools of the deploy room.

    `subject_of` knows a commit's subject, "" if it is not there.
    """

    docker: Docker
    proxy: KamalProxy
    storage: Storage
    switch: Switch
    drainer: Drainer
    deploys: Deploys
    releases: Releases
    going_live: GoingLive
    standstill: Standstill
    intake: Intake
    events: EventLog
    apps: Apps
    subject_of: Callable[[AppName, Sha], str]
    clock: Clock

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step."""
        return {
            LetGo: self._let_go,
            FinishSwitched: self._finish,
            RemoveContainer: self._remove,
            EndDeploy: self._end_deploy,
            BeginAgain: self._begin_again,
            Adopt: self._adopt,
            StartContainer: self._start,
            NoteStopped: self._note_stopped,
            Connect: self._connect,
            MakeAgain: self._make_again,
            Reroute: self._reroute,
            StopContainer: self._stop,
            EndDrain: self._end_drain,
        }

    def act(self, step: Step) -> str:
        """Carry out a step. Raise what its tools raise."""
        return carry_out(step, self.acts)

    def _let_go(self, step: LetGo) -> None:
        self.standstill.mend(step.hold)

    def _connect(self, step: Connect) -> None:
        self.docker.connect(step.container, contract.NETWORK, step.aliases)

    def _start(self, step: StartContainer) -> None:
        if (app := app_of(self.docker.inspect(step.container))) is not None:
            self.storage.give_back(app)
        self.docker.start(step.container)
        self.docker.set_restart(step.container, contract.RESTART)

    def _stop(self, step: StopContainer) -> None:
        with contextlib.suppress(NotFound):
            self.docker.stop(step.container)

    def _remove(self, step: RemoveContainer) -> None:
        if step.gently:
            with contextlib.suppress(NotFound):
                self.docker.stop(step.container)
        self.docker.remove(step.container, force=True)

    def _end_drain(self, step: EndDrain) -> None:
        end = self.releases.drained if step.forget else self.drainer.stop
        end(step.drain.container)

    def _make_again(self, step: MakeAgain) -> None:
        self.intake.repeat(step.release, Trigger.RESTART, reason=step.reason)

    def _end_deploy(self, step: EndDeploy) -> None:
        self.storage.give_back(self.deploys.get(step.deploy).app)  # its containers are gone by now
        self.deploys.end(step.deploy, step.status, step.error, by=step.by)

    def _begin_again(self, step: BeginAgain) -> None:
        self.deploys.requeue(step.deploy)
        text = "deployhostd was restarted: the deploy begins again"
        self.events.append(step.deploy, {"event": "note", "text": text})

    def _note_stopped(self, step: NoteStopped) -> None:
        self.releases.mark_stopped(step.release.app, step.release.version, step.by)

    def _finish(self, step: FinishSwitched) -> None:
        deploy, serving = step.deploy, self.docker.inspect(step.container)
        if deploy.version is None:
            raise InternalError(f"deploy {deploy.id} has switched without a version")
        config = self.apps.get(deploy.app)
        self.going_live.record(deploy, deploy.version, serving, port=step.port, drain=config.drain)
        # Kamal moves the requests before it starts the workers.
        if self._lacks_workers(deploy, serving, config) and (live := self.releases.live(deploy.app)) is not None:
            reason = "Kamal was interrupted before it had started all workers"
            self.intake.repeat(live, Trigger.RESTART, reason=reason)

    def _lacks_workers(self, deploy: Deploy, serving: Container, config: AppConfig) -> bool:
        if serving.labels.get(SETTINGS_LABEL):
            return False  # we made it, and what we make is there before the switch; apps.yml may want others by now
        image = self.docker.image(serving.image_id)
        wanted = set() if image is None else {worker.name for worker in processes_of(image, config).workers}
        found = self.docker.containers({"service": deploy.app, DEPLOY_LABEL: str(deploy.id)})
        return not wanted <= {one.labels.get("role") for one in found}

    def _adopt(self, step: Adopt) -> None:
        serving = self.docker.inspect(step.container)
        sha = step.version.sha
        if step.tag:
            self.docker.tag(step.image, contract.image(step.app, step.version))
        try:
            drain = self.apps.get(step.app).drain
        except DeployhostError:
            drain = AppConfig.drain
        release = Release(
            app=step.app,
            version=step.version,
            sha=sha,
            subject=self.subject_of(step.app, sha),
            image=step.image,
            container=serving.id,
            port=step.port or _port(serving),
            deploy=0,
            live_since=_since(serving, self.clock.time()),
            is_live=True,
        )
        replaced = [step.replaces] if step.replaces else []
        stop_at = self.clock.time() + drain + MARGIN
        self.releases.adopt(release, f"{serving.name} was deployed with Kamal", replaced, stop_at)
        if self.storage.is_out_of_hand(serving, step.app):
            reason = f"{serving.name} runs as another user than the one whose the storage is: a restart hands it over"
            self.intake.repeat(release, Trigger.RESTART, reason=reason)

    def _reroute(self, step: Reroute) -> None:
        """Lead the hosts to the same container as before: nothing is drained but what the route led to by mistake."""
        release = step.release
        config = self.apps.get(release.app)
        container = self.docker.inspect(release.container)
        if step.anew:
            # After a restart of the proxy `resume` would kill it (kamal-proxy v0.9.2, internal/server/pause_controller.go).
            self.proxy.remove(contract.service_name(release.app, WEB))
        switched = self.switch.to(container, release.port, config)
        drained = self.docker.find(step.drains) if step.drains else None
        self.drainer.follow(switched, () if drained is None else (drained,), config.drain, lambda: None)


def _port(container: Container) -> int:
    """Return where a container whose route is lost listens, as its own PORT has it."""
    values = [entry.removeprefix("PORT=") for entry in container.env if entry.startswith("PORT=")]
    return int(values[-1]) if values and values[-1].isdecimal() else DEFAULT_PORT


def _since(container: Container, now: float) -> float:
    """Return when a container was started, as far as the engine says so, else `now`."""
    try:
        # The engine writes nanoseconds, which datetime does not read.
        return datetime.fromisoformat(f"{container.started_at[:19]}+00:00").timestamp()
    except ValueError:
        return now
