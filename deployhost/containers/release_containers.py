"""The containers of one release: made, started, proved and taken away together, its release command run before."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.boot import Ready, how_it_ended
from deployhost.containers.make import DEPLOY_LABEL, DirectEngine
from deployhost.containers.processes import Processes, processes_of
from deployhost.errors import BootFailed, DeployhostError, DockerRefused, NotFound
from deployhost.kamal import contract
from deployhost.kamal.files import KamalFiles
from deployhost.model import WEB, AppName, Deploy, ProcessName, Trigger
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Image

WORKER_PROOF = 1.0  # seconds that a worker must have run before the release it belongs to goes live
RELEASE_LIMIT = 300.0  # seconds for the release command
HELD_LONG = 5.0  # seconds of it after which the person is told that requests are held meanwhile
POLL = 0.05
REFUSES_HOST = 400  # what frameworks answer that were not told their host names; it proves that the app runs
LAST_WORDS = 5.0  # seconds for the output of a release command that has ended
MOST_AT_ONCE = 8  # containers that are started or stopped side by side
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Created:
    """The containers of a release, not yet started, by id; `processes` is what they run."""

    image: Image
    processes: Processes
    web: str
    workers: tuple[tuple[ProcessName, str], ...]


class Crews:
    """Given the engines and Kamal's files, look after the containers of releases."""

    def __init__(
        self, docker: Docker, engine: DirectEngine, kamal: KamalFiles, joined: Callable[[AppName], None]
    ) -> None:
        self._docker = docker
        self._engine = engine
        self._kamal = kamal
        self._joined = joined

    def create(self, attempt: Attempt, image: Image) -> Created:
        """Given an attempt and its image, create the containers of all its processes, none of them started."""
        processes = processes_of(image, attempt.config)
        for process in (processes.web, *processes.workers):
            # An automatic rollback has the variables of a container before: those that are wanted stay in the file.
            if attempt.deploy.trigger is not Trigger.AUTO_ROLLBACK:
                self._kamal.write_env(attempt.deploy.app, process.name, dict(attempt.env))
        names = [worker.name for worker in processes.workers]
        web = self._engine.create(attempt, image, processes.web, names)
        workers = tuple((worker.name, self._engine.create(attempt, image, worker)) for worker in processes.workers)
        return Created(image, processes, web, workers)

    def release(self, attempt: Attempt, created: Created, *, held: bool = False) -> None:
        """Given an attempt and its containers, run its release command, if it has one, to its end. Raise BootFailed if that fails.

        `held` is whether requests of the app wait meanwhile: then it is told if that takes long.
        """
        argv = created.processes.release
        if argv is None:
            return
        with attempt.progress.stage("release", detail=created.processes.release_text):
            container = self._engine.create_release(attempt, created.image, argv)
            todays = attempt.deploy.trigger is Trigger.ROLLBACK and attempt.config.release is not None
            try:
                with _explained(attempt, "the release command (release:)", todays):
                    self._run_release(attempt, container, held=held)
            finally:
                self._docker.remove(container, force=True)

    def start(self, attempt: Attempt, created: Created) -> Container:
        """Given an attempt and its containers, start them all and return the web one. Raise BootFailed."""
        names = {container: name for name, container in created.workers}

        def start(container: str) -> None:
            name = names[container]
            with _explained(attempt, f"the process {name} (processes:)", _is_added(created, name)):
                self._engine.start(container)

        self._side_by_side(start, list(names))
        web = self._engine.start(created.web)
        self._joined(AppName(web.labels["service"]))
        return web

    def wait(self, attempt: Attempt, created: Created, web: Container, last_port: int | None) -> Ready:
        """Given started containers, return once the web process is ready and every worker has run for a moment. Raise BootFailed."""
        began = time.monotonic()
        ready = self._engine.wait_ready(web, created.image, attempt.config, last_port, attempt.check)
        if created.workers:
            time.sleep(max(0.0, WORKER_PROOF - (time.monotonic() - began)))
        for name, container in created.workers:
            with _explained(attempt, f"the process {name} (processes:)", _is_added(created, name)):
                self._engine.prove_worker(name, container)
        if ready.probe.status == REFUSES_HOST:
            attempt.progress.note(
                f"it answers 400 to its own host name {ready.host} (GET {ready.probe.path}): "
                "if that is Django, name the host in ALLOWED_HOSTS"
            )
        return ready

    def keep(self, deploy: Deploy) -> None:
        """Given a deploy that is live, have its processes restart by themselves from now on, and others reach them as they may.

        The 20 ms that it takes are none that visitors wait for. Twice is no harm.
        """
        for container in self.of_deploy(deploy):
            if not container.labels.get("role") or container.restart == contract.RESTART:
                continue
            try:
                self._docker.set_restart(container.id, contract.RESTART)
            except (NotFound, DockerRefused) as error:  # somebody has just removed it; or it would be refused for ever
                log.warning("%s does not restart by itself: %s", container.name, error)
        self._joined(deploy.app)

    def others(self, deploy: Deploy) -> list[Container]:
        """Given a deploy, return the running containers of its app's other releases, Kamal's own too, the web process first."""
        found = self._docker.containers({"service": deploy.app, "destination": ""}, running_only=True)
        others = [one for one in found if one.labels.get(DEPLOY_LABEL) != str(deploy.id) and one.labels.get("role")]
        return sorted(others, key=lambda one: one.labels["role"] != WEB)

    def found(self, container: str) -> Container:
        """Given a container's id, return it as it is now. Raise NotFound."""
        return self._docker.inspect(container)

    def of_deploy(self, deploy: Deploy) -> list[Container]:
        """Given a deploy, return every container made for it."""
        return self._docker.containers({DEPLOY_LABEL: str(deploy.id), "service": deploy.app})

    def stop(self, containers: list[Container], timeout: int | None = None) -> None:
        """Given containers, stop them side by side."""
        self._side_by_side(lambda container: self._docker.stop(container, timeout), [one.id for one in containers])

    def _side_by_side(self, act: Callable[[str], object], containers: list[str]) -> None:
        if len(containers) < 2:
            for container in containers:
                act(container)
            return
        with ThreadPoolExecutor(max_workers=MOST_AT_ONCE) as pool:
            list(pool.map(act, containers))

    def _run_release(self, attempt: Attempt, container: str, *, held: bool) -> None:
        self._engine.start(container)
        self._joined(attempt.deploy.app)
        listener = threading.Thread(target=self._pass_on, args=(attempt, container), name="release", daemon=True)
        listener.start()
        self._await_end(attempt, container, held=held)
        listener.join(LAST_WORDS)
        ended = self._docker.inspect(container)
        if ended.exit_code != 0 or ended.oom_killed:
            raise BootFailed(f"the release command failed, {how_it_ended(ended)}")

    def _pass_on(self, attempt: Attempt, container: str) -> None:
        with contextlib.suppress(DeployhostError):
            for entry in self._docker.logs(container, follow=True):
                attempt.progress.output(entry.line)

    def _await_end(self, attempt: Attempt, container: str, *, held: bool) -> None:
        began = time.monotonic()
        to_tell = held
        while self._docker.inspect(container).running:
            attempt.check()
            taken = time.monotonic() - began
            if taken > RELEASE_LIMIT:
                raise BootFailed(f"the release command did not end within {RELEASE_LIMIT:g} s")
            if to_tell and taken >= HELD_LONG:
                to_tell = False
                since = f"visitors wait since {HELD_LONG:g} s"
                attempt.progress.note(f"{since}: a release command runs while requests are held")
            time.sleep(POLL)


def _is_added(created: Created, name: ProcessName) -> bool:
    return any(worker.name == name and worker.added for worker in created.processes.workers)


@contextlib.contextmanager
def _explained(attempt: Attempt, what: str, added: bool) -> Iterator[None]:
    """Given what is run in the block, and whether only apps.yml names it, say that of one that fails in a rollback."""
    try:
        yield
    except BootFailed as error:
        if attempt.deploy.target is None or not added:
            raise
        why = f"apps.yml names {what}, which the older release may not have"
        raise BootFailed(error.message, hint=error.hint, details=(why, *error.details)) from error
