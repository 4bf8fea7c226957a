"""Carrying out one step of converging; `converge_plan` has decided it, and the app's lock is held."""

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.containers.belongs import DEPLOY_LABEL
from deployhost.containers.processes import processes_of
from deployhost.containers.spec import DEFAULT_PORT, SETTINGS_LABEL
from deployhost.converge.adoption_plan import Adopt
from deployhost.converge.facts import AppFacts
from deployhost.converge.steps import (
    BeginAgain,
    Connect,
    EndDeploy,
    EndDrain,
    FinishSwitched,
    LetGo,
    MakeAgain,
    NoteStopped,
    RemoveContainer,
    Reroute,
    StartContainer,
    StopContainer,
)
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
from deployhost.steps import Step
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.drain import MARGIN, Drainer
from deployhost.traffic.switch import Switch

log = logging.getLogger(__name__)


class Actor:
    """Given the tools of the deploy room, carry out single steps.

    `subject_of` knows a commit's subject, "" if it is not there.
    """

    def __init__(
        self,
        *,
        docker: Docker,
        proxy: KamalProxy,
        switch: Switch,
        drainer: Drainer,
        deploys: Deploys,
        releases: Releases,
        going_live: GoingLive,
        standstill: Standstill,
        intake: Intake,
        reporter: EventLog,
        apps: Apps,
        subject_of: Callable[[AppName, Sha], str],
        clock: Callable[[], float],
    ) -> None:
        self._docker = docker
        self._proxy = proxy
        self._switch = switch
        self._drainer = drainer
        self._deploys = deploys
        self._releases = releases
        self._going_live = going_live
        self._standstill = standstill
        self._intake = intake
        self._reporter = reporter
        self._apps = apps
        self._subject_of = subject_of
        self._clock = clock

    def act(self, facts: AppFacts, step: Step) -> None:
        """Given what was seen of an app and one of its steps, carry that out. Raise what its tools raise."""
        match step:
            case LetGo(hold=hold):
                self._standstill.mend(hold)
            case FinishSwitched():
                self._finish(step)
            case Adopt():
                self._adopt(facts, step)
            case Reroute():
                self._reroute(step)
            case Connect(container=container, aliases=aliases):
                self._docker.connect(container, contract.NETWORK, aliases)
            case RemoveContainer() | StartContainer() | StopContainer():
                self._container(step)
            case EndDrain(drain=drain, forget=forget):
                (self._releases.drained if forget else self._drainer.stop)(drain.container)
            case MakeAgain(release=release, reason=reason):
                self._intake.repeat(release, Trigger.RESTART, reason=reason)
            case EndDeploy() | BeginAgain() | NoteStopped():
                self._journal(step)
            case _:
                raise InternalError(f"no such step: {step}")

    def _container(self, step: RemoveContainer | StartContainer | StopContainer) -> None:
        if isinstance(step, StartContainer):
            self._docker.start(step.container)
            self._docker.set_restart(step.container, contract.RESTART)
            return
        if isinstance(step, StopContainer) or step.gently:
            with contextlib.suppress(NotFound):
                self._docker.stop(step.container)
        if isinstance(step, RemoveContainer):
            self._docker.remove(step.container, force=True)

    def _journal(self, step: EndDeploy | BeginAgain | NoteStopped) -> None:
        match step:
            case EndDeploy():
                error = None if step.error is None else dict(step.error)
                self._deploys.end(step.deploy, step.status, error, by=step.by)
            case BeginAgain(deploy=number):
                self._deploys.requeue(number)
                text = "deployhostd was restarted: the deploy begins again"
                self._reporter.append(number, {"event": "note", "text": text})
            case NoteStopped(release=release, by=by):
                self._releases.mark_stopped(release.app, release.version, by)

    def _finish(self, step: FinishSwitched) -> None:
        deploy, serving = step.deploy, self._docker.inspect(step.container)
        if deploy.version is None:
            raise InternalError(f"deploy {deploy.id} has switched without a version")
        config = self._apps.get(deploy.app)
        self._going_live.record(deploy, deploy.version, serving, port=step.port, drain=config.drain)
        if self._lacks_workers(deploy, serving, config):
            # Kamal moves the requests before it starts the workers.
            live = self._releases.live(deploy.app)
            if live is not None:
                reason = "Kamal was interrupted before it had started all workers"
                self._intake.repeat(live, Trigger.RESTART, reason=reason)

    def _lacks_workers(self, deploy: Deploy, serving: Container, config: AppConfig) -> bool:
        if SETTINGS_LABEL in serving.labels:
            return False  # we made it, and what we make is there before the switch; apps.yml may want others by now
        image = self._docker.image(serving.image_id)
        wanted = set() if image is None else {worker.name for worker in processes_of(image, config).workers}
        found = self._docker.containers({"service": deploy.app, DEPLOY_LABEL: str(deploy.id)})
        return not wanted <= {one.labels.get("role") for one in found}

    def _adopt(self, facts: AppFacts, step: Adopt) -> None:
        serving = self._docker.inspect(step.container)
        before, sha = facts.live, step.version.sha
        if step.tag:
            self._docker.tag(step.image, contract.image(facts.app, step.version))
        try:
            drain = self._apps.get(facts.app).drain
        except DeployhostError:
            drain = AppConfig.drain
        release = Release(
            app=facts.app,
            version=step.version,
            sha=sha,
            subject=self._subject_of(facts.app, sha),
            image=step.image,
            container=serving.id,
            port=step.port or _port(serving),
            deploy=0,
            live_since=_since(serving, self._clock()),
            is_live=True,
        )
        replaced = [] if before is None else [before.container]
        stop_at = self._clock() + drain + MARGIN
        self._releases.adopt(release, f"{serving.name} was deployed with Kamal", replaced, stop_at)

    def _reroute(self, step: Reroute) -> None:
        """Same container, same requests in flight: nothing is drained but what the route led to by mistake."""
        release = step.release
        config = self._apps.get(release.app)
        container = self._docker.inspect(release.container)
        if step.anew:
            # After a restart of the proxy `resume` would kill it (kamal-proxy v0.9.2, internal/server/pause_controller.go).
            self._proxy.remove(contract.service_name(release.app, WEB))
        switched = self._switch.to(container, release.port, config)
        drained = self._docker.find(step.drains) if step.drains else None
        self._drainer.follow(switched, () if drained is None else (drained,), config.drain, lambda: None)


def _port(container: Container) -> int:
    """Given a container whose route is lost, return where it listens, as its own PORT has it."""
    values = [entry.removeprefix("PORT=") for entry in container.env if entry.startswith("PORT=")]
    return int(values[-1]) if values and values[-1].isdecimal() else DEFAULT_PORT


def _since(container: Container, now: float) -> float:
    """Given a container, return when it was started, as far as the engine says so."""
    try:
        # The engine writes nanoseconds, which datetime does not read.
        return datetime.fromisoformat(f"{container.started_at[:19]}+00:00").timestamp()
    except ValueError:
        return now
