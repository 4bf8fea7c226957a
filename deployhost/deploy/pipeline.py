"""One deploy from the queue to live: image, container, ready, switch; each stage recorded, each failure explained."""

import contextlib
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.containers.attempt import Attempt
from deployhost.containers.make import DirectEngine
from deployhost.containers.ran_with import ran_with
from deployhost.containers.release_containers import Crews
from deployhost.deploy.build_turns import BuildTurns
from deployhost.deploy.kamal.images import Provides
from deployhost.deploy.queue import BUILDS, REPEATS, next_version
from deployhost.errors import AppNotFound, DeployCancelled, DeployhostError, FileProblem, InternalError, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.journal.telling import Progress, Reporter
from deployhost.kamal import contract
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.patience import patiently
from deployhost.model import WEB, AppName, Deploy, DeployStatus, EngineName, Release, Strategy, Trigger, Version
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Image
from deployhost.system.git import BareRepository
from deployhost.system.stop import Stop
from deployhost.traffic.drain import MARGIN, Drainer
from deployhost.traffic.live import Live
from deployhost.traffic.switch import Switch
from deployhost.upkeep.build_files import remove_build_files
from deployhost.upkeep.prune import Pruner

LOCK_PATIENCE = 120.0  # seconds to wait for somebody else's `kamal deploy`
log = logging.getLogger(__name__)


class Way(Protocol):
    """How a release comes to serve: deploy.overlap, deploy.handover, or Kamal's own."""

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Given an attempt and its image, return once requests go to it. Raise what stopped it: what served before serves then."""


class Cancelling(Protocol):
    """Who knows whether somebody wants a deploy to end."""

    def event(self, number: int, /) -> Stop:
        """Given a deploy that runs, return what is set once it is to end."""

    def check(self, number: int, /) -> None:
        """Given a deploy that runs, raise DeployCancelled if it is to end."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the pipeline works with; `load_app` reads an app's settings anew (raises AppNotFound once it is removed)."""

    docker: Docker
    images: Provides
    crews: Crews
    engine: DirectEngine
    ways: Mapping[Strategy | EngineName, Way]
    switch: Switch
    drainer: Drainer
    pruner: Pruner
    locks: KamalLocks
    kamal: KamalFiles
    deploys: Deploys
    releases: Releases
    env: EnvStore
    paths: Paths
    reporter: Reporter
    cancelling: Cancelling
    load_app: Callable[[AppName], AppConfig]
    clock: Callable[[], float]
    builds_at_once: int = 1


class Unrecorded(Exception):
    """A switch has happened and that is not official yet: `finish` is to be called again, and nothing is to be undone."""


class Pipeline:
    """Given the tools, run deploys. One at a time per app is the caller's business, how many builds at a time ours."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._turns = BuildTurns(tools.builds_at_once)

    def run(self, queued: Deploy) -> None:
        """Given a queued deploy, carry it out to its end in the journal: a failure is an outcome.

        Raise FileProblem or Unrecorded when the journal itself can't be written; the deploy is then in it as running.
        """
        tools = self._tools
        if queued.trigger in REPEATS and (live := tools.releases.live(queued.app)) is not None:
            # It repeats what is live by now, which need not be what was live when it was asked for.
            queued = replace(queued, sha=live.sha, subject=live.subject)
        version = next_version(queued.sha, tools.deploys.version_numbers(queued.app, queued.sha))
        deploy = tools.deploys.begin(queued, version)
        if deploy is None:
            return  # superseded, or its app removed, since it was taken from the queue
        progress = Progress(deploy.id, tools.deploys, tools.reporter, ())
        progress.timed("queue", round(max(0.0, tools.clock() - deploy.requested_at) * 1000, 1))
        try:
            config, env = self._wanted(deploy)
            progress = Progress(deploy.id, tools.deploys, tools.reporter, env.values())
            stop = tools.cancelling.event(deploy.id)

            def check() -> None:
                if stop.is_set():
                    tools.cancelling.check(deploy.id)

            self._deploy(Attempt(deploy, version, config, env, progress, stop, check))
        except Unrecorded:
            raise
        except AppNotFound as error:
            tools.deploys.end(deploy.id, DeployStatus.CANCELLED, error.to_json())
            self._leave_nothing(deploy, version)
            return
        except DeployhostError as error:
            self._failed(deploy, error, progress)
        except Exception as error:
            log.exception("deploy %d", deploy.id)
            self._failed(deploy, InternalError(f"a defect of deployhost: {error!r}", details=_where(error)), progress)
        if tools.deploys.is_forgotten(deploy.id):
            self._leave_nothing(deploy, version)

    def finish(
        self, deploy: Deploy, version: Version, image: str, container: Container, *, port: int, drain: float
    ) -> list[Container]:
        """Given a deploy to whose web container the proxy sends requests, make that official; return the containers it replaced.

        `image` is the image's id, `drain` the seconds that requests of what it replaced may still take. Everything here can
        be done twice: converging calls it for a switch that an earlier run of ours did not live to write down. Raise Unrecorded.
        """
        tools = self._tools
        now = tools.clock()
        try:
            patiently(lambda: tools.crews.keep(deploy))
        except DeployhostError as error:
            raise Unrecorded(
                f"deploy {deploy.id} is live, and its containers can't be kept running: {error}"
            ) from error
        # What drains since an earlier deploy goes on draining: its requests have their own last moment.
        draining = {one.container for one in tools.releases.drains()}
        replaced = [one for one in tools.crews.others(deploy) if one.id not in draining]
        release = Release(
            app=deploy.app,
            version=version,
            sha=deploy.sha,
            subject=deploy.subject,
            image=image,
            container=container.id,
            port=port,
            deploy=deploy.id,
            live_since=now,
            is_live=True,
        )
        # The journal comes last: whatever does not live to see that entry is found running, and finished by recovery.
        self._tell_others(deploy, version, image)
        try:
            tools.releases.went_live(release, [one.id for one in replaced], now + drain + MARGIN)
        except FileProblem as error:
            raise Unrecorded(f"deploy {deploy.id} is live, which can't be written down: {error}") from error
        return replaced

    def _tell_others(self, deploy: Deploy, version: Version, image: str) -> None:
        """Tell git and Kamal what is live. Requests go there already, so what can't be told does not fail the deploy."""
        tools = self._tools

        def move_branch() -> None:
            if deploy.branch is not None:
                BareRepository(tools.paths.repo(deploy.app)).move_branch(deploy.branch, deploy.sha)

        for tell in (
            move_branch,
            lambda: tools.docker.tag(image, contract.latest_image(deploy.app)),
            lambda: tools.kamal.audit(deploy.app, f"[{WEB}] Booted app version {version}"),
        ):
            try:
                tell()
            except (DeployhostError, OSError) as error:
                log.warning("deploy %d is live, but: %s", deploy.id, error)
                tools.reporter.append(deploy.id, {"event": "note", "text": f"it is live, but: {error}"})

    def _deploy(self, attempt: Attempt) -> None:
        tools, deploy = self._tools, attempt.deploy
        with self._turns.turn(attempt) if deploy.trigger in BUILDS else contextlib.nullcontext():
            attempt.check()
            image = tools.images.provide(attempt)
        attempt.check()

        waits: list[float] = []

        def waiting(who: str) -> None:
            waits.append(tools.clock())
            attempt.progress.note(f"waiting for Kamal's lock: {who}")

        held = tools.locks.held(
            deploy.app, attempt.version, patience=LOCK_PATIENCE, waiting=waiting, check=attempt.check
        )
        with held:
            for since in waits:
                attempt.progress.timed("lock", round((tools.clock() - since) * 1000, 1))
            attempt = self._as_wanted_now(attempt)
            live = self._way(attempt.config).go_live(attempt, image)
            attempt.progress.timed("live", round((tools.clock() - deploy.requested_at) * 1000, 1))
            drain = attempt.config.drain
            replaced = self.finish(deploy, attempt.version, live.web.image_id, live.web, port=live.port, drain=drain)
        tools.drainer.follow(live.switched, replaced, drain, lambda: tools.pruner.prune(deploy.app))

    def _way(self, config: AppConfig) -> Way:
        kamal = config.deploys_with is EngineName.KAMAL
        return self._tools.ways[EngineName.KAMAL if kamal else config.takes_over]

    def _as_wanted_now(self, attempt: Attempt) -> Attempt:
        """The app may have been removed (and added again), or its settings changed, while the image was built."""
        tools, deploy = self._tools, attempt.deploy
        config, env = self._wanted(deploy)
        if not tools.deploys.is_open(deploy.id):
            raise AppNotFound(f"{deploy.app} was removed", hint=f"deployhost add {deploy.app}")
        attempt.progress.conceal(env.values())
        return replace(attempt, config=config, env=env)

    def _wanted(self, deploy: Deploy) -> tuple[AppConfig, dict[str, str]]:
        """Return the settings and variables of a deploy: the app's, or for an automatic rollback those with which the release ran."""
        tools = self._tools
        config = tools.load_app(deploy.app)
        if deploy.trigger is Trigger.AUTO_ROLLBACK and deploy.target is not None:
            release = tools.releases.get(deploy.app, deploy.target)
            before = None if release is None else ran_with(tools.docker, release, config)
            if before is not None:
                return before
        return config, {str(name): value for name, value in tools.env.read(deploy.app).items()}

    def _leave_nothing(self, deploy: Deploy, version: Version) -> None:
        """The app was removed during the deploy: take away what the removal could not know of.

        Its next deploy, of another app of that name too, waits for the end of this one: nothing of it is here yet.
        """
        tools = self._tools
        if tools.deploys.is_forgotten(deploy.id):
            remove_build_files(tools.paths, deploy.app)
        try:
            tools.docker.remove_image(contract.image(deploy.app, version))
        except DeployhostError as problem:
            log.warning("the image of the removed app %s stays: %s", deploy.app, problem)

    def _failed(self, deploy: Deploy, error: DeployhostError, progress: Progress) -> None:
        tools = self._tools
        try:
            failed = tools.deploys.get(deploy.id)
        except NotFound:
            return  # the app was removed meanwhile, and its deploys with it
        container = failed.container
        lines = error.details
        if container is not None and not isinstance(error, InternalError | DeployCancelled):
            lines = (*error.details, *tools.engine.last_lines(container))
        hint = error.hint or f"deployhost logs {deploy.app} --deploy {deploy.id}"
        cancelled = isinstance(error, DeployCancelled)
        body = {
            **error.to_json(),
            "message": progress.redacted(error.message),
            "details": [progress.redacted(line) for line in lines],
            "hint": hint,
        }
        status = DeployStatus.CANCELLED if cancelled else DeployStatus.FAILED
        if not tools.deploys.end(deploy.id, status, body):
            log.warning("deploy %d had ended before: %s", deploy.id, error.message)
        threading.Thread(target=self._tidy, args=(failed,), name=f"tidy-{deploy.app}", daemon=True).start()

    def _tidy(self, failed: Deploy) -> None:
        # Its containers are kept, stopped, so that their output can still be read.
        tools = self._tools
        try:
            # From the switch on it is the proxy who knows whether the web container serves.
            for container in tools.crews.of_deploy(failed):
                if failed.port is None or not tools.switch.leads_to(failed.app, container.id):
                    tools.docker.stop(container.id, timeout=1)
            tools.pruner.prune(failed.app)
        except DeployhostError as error:
            log.warning("tidying up after deploy %d: %s", failed.id, error)


def _where(error: Exception) -> tuple[str, ...]:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return tuple(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
