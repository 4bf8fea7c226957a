"""The containers of one release: made, started, proved and taken away together, its release command run before."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from deployhost.build.labels import DEPLOY_LABEL
from deployhost.build.output_pace import OutputPace, left_out
from deployhost.config.env import revealed
from deployhost.containers import image_user
from deployhost.containers.app_users import AppUsers
from deployhost.containers.attempt import Attempt
from deployhost.containers.belongs import process_of
from deployhost.containers.boot import Ready, how_it_ended
from deployhost.containers.image_users import ImageUsers
from deployhost.containers.make import ContainerMaker
from deployhost.containers.processes import Process, Processes, processes_of
from deployhost.containers.storage import Storage
from deployhost.errors import BootFailed, DeployhostError, DockerRefused, NotFound
from deployhost.kamal import contract
from deployhost.kamal.files import KamalFiles
from deployhost.model import WEB, AppName, Deploy, Trigger
from deployhost.system.clock import Clock, until
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Image
from deployhost.system.owners import Owner
from deployhost.system.side_by_side import side_by_side

WORKER_PROOF = 1.0  # seconds that a worker must have run before the release it belongs to goes live
RELEASE_LIMIT = 300.0  # seconds for the release command
HELD_LONG = 5.0  # seconds of it after which the person is told that requests are held meanwhile
POLL = 0.05
REFUSES_HOST = 400  # what frameworks answer that were not told their host names; it proves that the app runs
LAST_WORDS = 5.0  # seconds for the output of a release command that has ended
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Created:
    """The containers of a release, not yet started, by id; `processes` is what they run.

    `owner` is whom its storage has to belong to before they start, None for anybody; `checked` tells once the image's user is known to
    be nobody else's.
    """

    image: Image
    processes: Processes
    web: str
    workers: tuple[tuple[Process, str], ...]
    owner: Owner | None
    checked: Future[None]


@dataclass(frozen=True, kw_only=True)
class ReleaseContainers:
    """The containers of releases, one for each process: creates, starts, proves and stops them together.

    `joined` is told of an app that has a container more: others may reach it from then on, and it them.
    """

    docker: Docker
    maker: ContainerMaker
    storage: Storage
    image_users: ImageUsers
    app_users: AppUsers
    kamal: KamalFiles
    joined: Callable[[AppName], object]
    clock: Clock

    def create(self, attempt: Attempt, image: Image) -> Created:
        """Create the containers of all processes of an attempt, none of them started."""
        processes = processes_of(image, attempt.config)
        for process in (processes.web, *processes.workers):
            # An automatic rollback has the variables of a container before: those that are wanted stay in the file.
            if attempt.deploy.trigger is not Trigger.AUTO_ROLLBACK:
                self.kamal.write_env(attempt.deploy.app, process.name, revealed(attempt.env))
        web = self.maker.create(attempt, image, processes.web, [worker.name for worker in processes.workers])
        workers = tuple((worker, self.maker.create(attempt, image, worker)) for worker in processes.workers)
        owner, checked = self._user(attempt, image, web)
        return Created(image, processes, web, workers, owner, checked)

    def run_release_command(self, attempt: Attempt, image: Image, processes: Processes, *, held: bool = False) -> None:
        """Run a release command, if there is one, to its end. Raise BootFailed if it fails.

        `held` is whether requests of the app wait meanwhile: then it is told if that takes long.
        """
        if processes.release is None:
            return
        with attempt.progress.stage("release", detail=processes.release_text):
            container = self.maker.create_release(attempt, image, processes.release)
            todays = attempt.deploy.trigger is Trigger.ROLLBACK and attempt.config.release is not None
            try:
                with _explained(attempt, "the release command (release:)", todays):
                    self._run_release(attempt, container, held=held)
            finally:
                self.docker.remove(container, force=True)

    def start(self, attempt: Attempt, created: Created) -> Container:
        """Start all containers of an attempt and return the web one. Raise BootFailed."""

        def start(made: tuple[Process, str]) -> None:
            worker, container = made
            with _explained(attempt, f"the process {worker.name} (processes:)", worker.added):
                self.maker.start(container)

        side_by_side(start, created.workers)
        web = self.maker.start(created.web)
        self.joined(AppName(web.labels["service"]))
        return web

    def wait(self, attempt: Attempt, created: Created, web: Container, last_port: int | None) -> Ready:
        """Return once the web process is ready and every worker has run for a moment. Raise BootFailed."""
        began = self.clock.monotonic()

        def check() -> None:
            attempt.check()
            if created.checked.done():  # who runs as somebody else does so no longer than it takes to know that
                created.checked.result()

        ready = self.maker.wait_ready(web, created.image, attempt.config, last_port, check, stop=attempt.stop)
        if created.workers:
            self.clock.sleep(max(0.0, WORKER_PROOF - (self.clock.monotonic() - began)))
        created.checked.result()
        for worker, container in created.workers:
            with _explained(attempt, f"the process {worker.name} (processes:)", worker.added):
                self.maker.prove_worker(worker.name, container)
        if ready.probe.status == REFUSES_HOST:
            attempt.progress.note(
                f"it answers 400 to its own host name {ready.host} (GET {ready.probe.path}): "
                "if that is Django, name the host in ALLOWED_HOSTS"
            )
        return ready

    def keep(self, deploy: Deploy) -> None:
        """Have the processes of a live deploy restart by themselves from now on, and others reach them as they may.

        The 20 ms that it takes are none that visitors wait for. Twice is no harm.
        """
        for container in self.of_deploy(deploy):
            if not container.labels.get("role") or container.restart == contract.RESTART:
                continue
            try:
                self.docker.set_restart(container.id, contract.RESTART)
            except (NotFound, DockerRefused) as error:  # somebody has just removed it; or it would be refused for ever
                log.warning("%s does not restart by itself: %s", container.name, error)
        self.joined(deploy.app)

    def others(self, deploy: Deploy) -> list[Container]:
        """Return the running containers of an app's other releases, Kamal's own too, the web process first."""
        found = self.docker.containers({"service": deploy.app, "destination": ""}, running_only=True)
        others = [one for one in found if one.labels.get(DEPLOY_LABEL) != str(deploy.id) and process_of(one)]
        return sorted(others, key=lambda one: one.labels["role"] != WEB)

    def of_deploy(self, deploy: Deploy) -> list[Container]:
        """Return every container that was made for a deploy."""
        return self.docker.containers({DEPLOY_LABEL: str(deploy.id), "service": deploy.app})

    def stop(self, containers: list[Container], timeout: int | None = None) -> None:
        """Stop containers side by side."""
        side_by_side(lambda one: self.docker.stop(one.id, timeout), containers)

    def _user(self, attempt: Attempt, image: Image, web: str) -> tuple[Owner | None, Future[None]]:
        """Have an attempt's storage there, and return whom it has to belong to, and what tells whether the image's user is its own.

        Looking a name up in the image takes 20 ms and more: without storage nothing waits for that but the switch.
        """
        if attempt.config.storage or not image_user.needs_tables(image.user):
            user = self.image_users.owner(image, web)
            self.app_users.check(attempt, image, user.uid)
            checked = Future[None]()
            checked.set_result(None)
            return self.storage.prepare(attempt, image, user, web), checked
        beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="user")
        checked = beside.submit(self._check_user, attempt, image, web)
        beside.shutdown(wait=False)
        return None, checked

    def _check_user(self, attempt: Attempt, image: Image, web: str) -> None:
        try:
            user = self.image_users.owner(image, web)
        except DeployhostError as error:  # the engine itself starts the image, or does not: nothing else depends on it
            log.warning("the user of %s is not known: %s", image.id, error)
            return
        self.app_users.check(attempt, image, user.uid)

    def _run_release(self, attempt: Attempt, container: str, *, held: bool) -> None:
        self.maker.start(container)
        self.joined(attempt.deploy.app)
        listener = threading.Thread(target=self._pass_on, args=(attempt, container), name="release", daemon=True)
        listener.start()
        self._await_end(attempt, container, held=held)
        listener.join(LAST_WORDS)
        ended = self.docker.inspect(container)
        if ended.exit_code != 0 or ended.oom_killed:
            lines = tuple(self.maker.last_lines(container))
            raise BootFailed(f"the release command failed, {how_it_ended(ended)}", details=lines)

    def _pass_on(self, attempt: Attempt, container: str) -> None:
        with contextlib.suppress(DeployhostError):
            pace = OutputPace()
            for entry in self.docker.logs(container, follow=True):
                _tell(attempt, pace, pace.take(entry.line))
            _tell(attempt, pace, pace.rest())

    def _await_end(self, attempt: Attempt, container: str, *, held: bool) -> None:
        began = self.clock.monotonic()
        to_tell = held

        def meanwhile() -> None:
            nonlocal to_tell
            attempt.check()
            if to_tell and self.clock.monotonic() - began >= HELD_LONG:
                to_tell = False
                since = f"visitors have been waiting for {HELD_LONG:g} s"
                attempt.progress.note(f"{since}: a release command runs while requests are held")

        def ended() -> bool:
            return not self.docker.inspect(container).running

        if not until(ended, within=RELEASE_LIMIT, every=POLL, check=meanwhile, clock=self.clock):
            raise BootFailed(f"the release command did not end within {RELEASE_LIMIT:g} s")


def _tell(attempt: Attempt, pace: OutputPace, lines: list[str]) -> None:
    if dropped := pace.dropped if lines else 0:
        attempt.progress.output(left_out(dropped))
    for line in lines:
        attempt.progress.output(line)


@contextlib.contextmanager
def _explained(attempt: Attempt, what: str, added: bool) -> Iterator[None]:
    """Explain a failure of the block in a rollback where only apps.yml names what it runs."""
    try:
        yield
    except BootFailed as error:
        if attempt.deploy.target is None or not added:
            raise
        why = f"apps.yml names {what}, which the older release may not have"
        raise BootFailed(
            error.message, hint=error.hint, details=(why, *error.details), process=error.process, settings=why
        ) from error
