"""One deploy from the queue to live: image, container, ready, switch; each stage recorded, each failure explained."""

import logging
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.config.env import EnvStore
from deployhost.containers.attempt import Attempt
from deployhost.containers.make import ContainerMaker
from deployhost.containers.ran_with import ran_with
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.deploy.build_turns import BuildBounds
from deployhost.deploy.cancel import Cancellations
from deployhost.deploy.going_live import GoingLive, Unrecorded
from deployhost.deploy.kamal.images import KamalImages
from deployhost.deploy.queue import REPEATS, next_version
from deployhost.errors import AppNotFound, DeployCancelled, DeployhostError, InternalError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.journal.telling import Progress, shortened
from deployhost.kamal import contract
from deployhost.kamal.lock import KamalLocks
from deployhost.model import Deploy, DeployStatus, EngineName, Secret, Strategy, Trigger, Version
from deployhost.paths import Paths
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.traffic.drain import Drainer
from deployhost.traffic.switch import Live, Switch
from deployhost.upkeep.build_files import remove_build_files
from deployhost.upkeep.prune import Pruner

LOCK_PATIENCE = 120.0  # seconds to wait for somebody else's `kamal deploy`
log = logging.getLogger(__name__)


class Way(Protocol):
    """How a release comes to serve: overlap, handover, or Kamal's own."""

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Return once requests go to an attempt's release. Raise what stopped it: what served before serves then."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Carries deploys out. One at a time per app is the caller's business."""

    docker: Docker
    images: KamalImages
    containers: ReleaseContainers
    maker: ContainerMaker
    ways: Mapping[Strategy | EngineName, Way]
    switch: Switch
    drainer: Drainer
    pruner: Pruner
    locks: KamalLocks
    deploys: Deploys
    releases: Releases
    env: EnvStore
    paths: Paths
    events: EventLog
    cancellations: Cancellations
    apps: Apps
    bounds: BuildBounds
    going_live: GoingLive
    clock: Clock

    def run(self, queued: Deploy) -> None:
        """Carry a queued deploy out to its end in the journal: a failure is an outcome.

        Raise FileProblem or Unrecorded when the journal itself can't be written; the deploy is then in it as running.
        """
        if queued.trigger in REPEATS and (live := self.releases.live(queued.app)) is not None:
            # It repeats what is live by now, which need not be what was live when it was asked for.
            queued = replace(queued, sha=live.sha, subject=live.subject)
        version = next_version(queued.sha, self.deploys.version_numbers(queued.app, queued.sha))
        deploy = self.deploys.begin(queued, version)
        if deploy is None:
            return  # superseded, or its app removed, since it was taken from the queue
        progress = Progress(deploy.id, self.deploys, self.events, ())
        progress.timed("queue", round(max(0.0, self.clock.time() - deploy.requested_at) * 1000, 1))
        try:
            config, env = self._wanted(deploy)
            progress = Progress(deploy.id, self.deploys, self.events, env.values())
            stop = self.cancellations.event(deploy.id)

            def check() -> None:
                if stop.is_set():
                    self.cancellations.check(deploy.id)

            self._deploy(Attempt(deploy, version, config, env, progress, stop, check))
        except Unrecorded:
            raise
        except AppNotFound as error:
            self.deploys.end(deploy.id, DeployStatus.CANCELLED, error.to_json())
            self._leave_nothing(deploy, version)
            return
        except DeployhostError as error:
            self._failed(deploy, error, progress)
        except Exception as error:
            log.exception("deploy %d", deploy.id)
            self._failed(deploy, InternalError(f"a defect of deployhost: {error!r}", details=_where(error)), progress)
        if self.deploys.is_forgotten(deploy.id):
            self._leave_nothing(deploy, version)

    def _deploy(self, attempt: Attempt) -> None:
        deploy = attempt.deploy
        attempt.check()
        with self.bounds.of(attempt) as bounded:
            image = self.images.provide(bounded)
        attempt.check()

        waits: list[float] = []

        def waiting(who: str) -> None:
            waits.append(self.clock.time())
            attempt.progress.note(f"waiting for Kamal's lock: {who}")

        with self.locks.held(deploy.app, attempt.version, patience=LOCK_PATIENCE, waiting=waiting, check=attempt.check):
            for since in waits:
                attempt.progress.timed("lock", round((self.clock.time() - since) * 1000, 1))
            attempt = self._as_wanted_now(attempt)
            kamal = attempt.config.deploys_with is EngineName.KAMAL
            way = self.ways[EngineName.KAMAL if kamal else attempt.config.takes_over]
            live = way.go_live(attempt, image)
            attempt.progress.timed("live", round((self.clock.time() - deploy.requested_at) * 1000, 1))
            drain = attempt.config.drain
            replaced = self.going_live.record(deploy, attempt.version, live.web, port=live.port, drain=drain)
        self.drainer.follow(live.switched, replaced, drain, lambda: self.pruner.prune(deploy.app))

    def _as_wanted_now(self, attempt: Attempt) -> Attempt:
        """The app may have been removed (and added again), or its settings changed, while the image was built."""
        deploy = attempt.deploy
        config, env = self._wanted(deploy)
        if not self.deploys.is_open(deploy.id):
            raise AppNotFound(f"{deploy.app} was removed", hint=f"deployhost add {deploy.app}")
        attempt.progress.conceal(env.values())
        return replace(attempt, config=config, env=env)

    def _wanted(self, deploy: Deploy) -> tuple[AppConfig, dict[str, Secret]]:
        """Return the settings and variables of a deploy: the app's, or for an automatic rollback those with which the release ran."""
        config = self.apps.get(deploy.app)
        if deploy.trigger is Trigger.AUTO_ROLLBACK and deploy.target is not None:
            release = self.releases.get(deploy.app, deploy.target)
            before = None if release is None else ran_with(self.docker, release, config)
            if before is not None:
                return before
        return config, self.env.read(deploy.app)

    def _leave_nothing(self, deploy: Deploy, version: Version) -> None:
        """The app was removed during the deploy: take away what the removal could not know of.

        Its next deploy, of another app of that name too, waits for the end of this one: nothing of it is here yet.
        """
        if self.deploys.is_forgotten(deploy.id):
            remove_build_files(self.paths, deploy.app)
        try:
            self.docker.remove_image(contract.image(deploy.app, version))
        except DeployhostError as problem:
            log.warning("the image of the removed app %s stays: %s", deploy.app, problem)

    def _failed(self, deploy: Deploy, error: DeployhostError, progress: Progress) -> None:
        try:
            failed = self.deploys.get(deploy.id)
        except NotFound:
            return  # the app was removed meanwhile, and its deploys with it
        container = failed.container
        lines = error.details
        if container is not None and not isinstance(error, InternalError | DeployCancelled):
            lines = (*error.details, *self.maker.last_lines(container))
        body = {
            **error.to_json(),
            "message": shortened(progress.redacted(error.message)),
            "details": [shortened(progress.redacted(line)) for line in lines],
            "hint": error.hint or f"deployhost logs {deploy.app} --deploy {deploy.id}",
        }
        status = DeployStatus.CANCELLED if isinstance(error, DeployCancelled) else DeployStatus.FAILED
        if not self.deploys.end(deploy.id, status, body):
            log.warning("deploy %d had ended before: %s", deploy.id, error.message)
        threading.Thread(target=self._tidy, args=(failed,), name=f"tidy-{deploy.app}", daemon=True).start()

    def _tidy(self, failed: Deploy) -> None:
        # Its containers are kept, stopped, so that their output can still be read.
        try:
            # From the switch on it is the proxy who knows whether the web container serves.
            for container in self.containers.of_deploy(failed):
                if failed.port is None or not self.switch.leads_to(failed.app, container.id):
                    self.docker.stop(container.id, timeout=1)
            self.pruner.prune(failed.app)
        except DeployhostError as error:
            log.warning("tidying up after deploy %d: %s", failed.id, error)


def _where(error: Exception) -> tuple[str, ...]:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return tuple(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
