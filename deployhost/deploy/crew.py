"""The containers of one release: made, started, proved and taken away together, its release command run before."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deployhost.deploy.attempt import Attempt
from deployhost.deploy.boot import Ready
from deployhost.deploy.direct import DEPLOY_LABEL, DirectEngine
from deployhost.deploy.processes import Processes, processes_of
from deployhost.errors import BootFailed
from deployhost.kamal.files import KamalFiles
from deployhost.model import WEB, AppName, Deploy, ProcessName, Trigger
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Image

WORKER_PROOF = 1.0  # seconds that a worker must have run before the release it belongs to goes live
RELEASE_LIMIT = 300.0  # seconds for the release command
POLL = 0.05


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
            if (
                attempt.deploy.trigger is not Trigger.AUTO_ROLLBACK
            ):  # that one's variables are those of a container before
                self._kamal.write_env(attempt.deploy.app, process.name, dict(attempt.env))
        web = self._engine.create(attempt, image, processes.web)
        workers = tuple((worker.name, self._engine.create(attempt, image, worker)) for worker in processes.workers)
        return Created(image, processes, web, workers)

    def release(self, attempt: Attempt, created: Created) -> None:
        """Given an attempt and its containers, run its release command, if it has one, to its end. Raise BootFailed if that fails."""
        argv = created.processes.release
        if argv is None:
            return
        with attempt.progress.stage("release", detail=" ".join(argv)):
            container = self._engine.create_release(attempt, created.image, argv)
            try:
                self._run_release(attempt, container)
            finally:
                self._docker.remove(container, force=True)

    def start(self, created: Created) -> Container:
        """Given created containers, start them all and return the web one. Raise BootFailed."""
        workers = [container for _, container in created.workers]
        with ThreadPoolExecutor(max_workers=1 + len(workers)) as pool:
            web, *_ = list(pool.map(self._engine.start, (created.web, *workers)))
        self._joined(AppName(web.labels["service"]))
        return web

    def wait(self, attempt: Attempt, created: Created, web: Container, last_port: int | None) -> Ready:
        """Given started containers, return once the web process is ready and every worker has run for a moment. Raise BootFailed."""
        began = time.monotonic()
        ready = self._engine.wait_ready(web, created.image, attempt.config, last_port, attempt.check)
        if created.workers:
            time.sleep(max(0.0, WORKER_PROOF - (time.monotonic() - began)))
        for name, container in created.workers:
            self._engine.prove_worker(name, container)
        self._joined(attempt.deploy.app)  # from now on others may ask it, too
        return ready

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
        if containers:
            with ThreadPoolExecutor(max_workers=min(8, len(containers))) as pool:
                list(pool.map(lambda one: self._docker.stop(one.id, timeout), containers))

    def _run_release(self, attempt: Attempt, container: str) -> None:
        try:
            self._engine.start(container)
            self._joined(attempt.deploy.app)
            self._await_end(attempt, container)
        finally:
            for line in self._engine.last_lines(container):
                attempt.progress.output(line)
        ended = self._docker.inspect(container)
        if ended.exit_code != 0 or ended.oom_killed:
            why = "it ran out of memory" if ended.oom_killed else f"exit code {ended.exit_code}"
            raise BootFailed(f"the release command failed: {why}", details=tuple(self._engine.last_lines(container)))

    def _await_end(self, attempt: Attempt, container: str) -> None:
        deadline = time.monotonic() + RELEASE_LIMIT
        while self._docker.inspect(container).running:
            attempt.check()
            if time.monotonic() > deadline:
                raise BootFailed(f"the release command did not end within {RELEASE_LIMIT:g} s")
            time.sleep(POLL)
