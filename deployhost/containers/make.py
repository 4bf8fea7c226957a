"""The direct engine: Kamal's steps for one container, through the Docker API (kamal-contract 3.6)."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from deployhost.config.app import AppConfig
from deployhost.containers import image_user
from deployhost.containers.attempt import Attempt
from deployhost.containers.boot import BootRules, BootWatch, Ready, how_it_ended
from deployhost.containers.processes import RELEASE, Process
from deployhost.containers.spec import (
    PUSHED_AT,
    SETTINGS_LABEL,
    container_of,
    port_for,
    pushed_at,
    settings_label,
)
from deployhost.errors import BootFailed, Conflict, DockerRefused, DockerUnavailable, NotFound
from deployhost.kamal import contract
from deployhost.model import MOUNTED_AT, WEB, AppName, ProcessName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import TABLE_LIMIT, Container, ContainerSpec, Image

DEPLOY_LABEL = "deployhost.deploy"  # the deploy that made a container; names and numbers only
WORKERS_LABEL = "deployhost.workers"  # on the web container: the workers that were made with it, with spaces between
LOG_TAIL = 25


class DirectEngine:
    """Given the engine and the paths, make containers of releases and wait for them to be ready."""

    def __init__(self, docker: Docker, paths: Paths) -> None:
        self._docker = docker
        self._paths = paths
        self._watch = BootWatch(docker)

    def create(self, attempt: Attempt, image: Image, process: Process, workers: Sequence[ProcessName] = ()) -> str:
        """Given an attempt, its image and one of its processes, create that container, not yet started, and return its id.

        `workers` are those that are made beside the web process: its container says so, whatever apps.yml has later.
        """
        app, config = attempt.deploy.app, attempt.config
        beside = {SETTINGS_LABEL: settings_label(config)} if process.name == WEB else {}
        beside |= {WORKERS_LABEL: " ".join(workers)} if workers else {}
        spec = replace(
            self._spec(attempt, image, process),
            name=contract.container_name(app, process.name, attempt.version),
            labels={**contract.role_labels(app, process.name), DEPLOY_LABEL: str(attempt.deploy.id), **beside},
        )
        env = {**spec.env, **contract.container_env(app, process.name, attempt.version)}
        container = self._create(replace(spec, env=env))
        if config.storage:
            self._prepare_storage(attempt, container, image.user)
        return container

    def create_release(self, attempt: Attempt, image: Image, argv: tuple[str, ...]) -> str:
        """Given an attempt, its image and its release command, create the container that runs that once, and return its id.

        As Kamal's exec containers it has no role: nothing takes it for a process of the app.
        """
        app = attempt.deploy.app
        spec = replace(
            self._spec(attempt, image, Process(ProcessName(RELEASE), argv)),
            name=f"{app}-release-exec-{attempt.version}-{secrets.token_hex(3)}",
            labels={"service": app, "role": "", DEPLOY_LABEL: str(attempt.deploy.id)},  # its image may have a role
        )
        container = self._create(spec)
        if attempt.config.storage:
            self._prepare_storage(attempt, container, image.user)
        return container

    def _spec(self, attempt: Attempt, image: Image, process: Process) -> ContainerSpec:
        """Return what a container of this deploy is made from, less its name and labels."""
        app = attempt.deploy.app
        spec = container_of(image, attempt.config, process, self._paths.storage(app))
        return replace(
            spec,
            image=contract.image(app, attempt.version),
            env={**attempt.env, "KAMAL_VERSION": attempt.version, **spec.env, PUSHED_AT: pushed_at(attempt.deploy)},
            hostname=f"127.0.0.1-{secrets.token_hex(6)}",
            restart="no",  # until it is live: an app that ends at boot must not begin again before its exit code is read
        )

    def start(self, container: str) -> Container:
        """Given a created container, start it and return it running. Raise BootFailed if it can't be started at all."""
        try:
            self._start(container)
        except DockerRefused as error:
            # A command that does not exist is the app's fault, and the engine says so in a 400.
            raise BootFailed(f"the app can't be started: {error.message.removeprefix('Docker refused: ')}") from error
        return self._docker.inspect(container)

    def _start(self, container: str) -> None:
        try:
            self._docker.start(container)
        except DockerRefused:
            raise
        except DockerUnavailable:
            # It may have been started all the same, and a release command must not run twice.
            if self._docker.inspect(container).status == "created":
                self._docker.start(container)

    def wait_ready(
        self,
        container: Container,
        image: Image,
        config: AppConfig,
        last_port: int | None,
        check: Callable[[], None] = lambda: None,
    ) -> Ready:
        """Given a started container and its last release's port, return once it is ready.

        `check` is called all the while, and may raise. Raise BootFailed.
        """
        rules = BootRules(
            port=port_for(image, config),
            port_fixed=config.port is not None,
            last_port=last_port,
            health=config.health,
            host=config.domains[0] if config.domains else config.hosts[0],
            limit=config.boot_limit,
        )
        return self._watch.wait(container, container.ips.get(contract.NETWORK, ""), rules, check)

    def prove_worker(self, name: ProcessName, container: str) -> None:
        """Given a worker that was started a moment ago, see that it runs. Raise BootFailed."""
        found = self._watch.now(container)
        if found is None or not found.running:
            how = "its container was removed" if found is None else how_it_ended(found)
            raise BootFailed(
                f"the process {name} ended while starting, {how}",
                details=tuple(self.last_lines(container)),
            )

    def last_lines(self, container: str) -> list[str]:
        """Given a container, return the last lines of its output."""
        try:
            return [entry.line for entry in self._docker.logs(container, tail=LOG_TAIL)]
        except (NotFound, DockerUnavailable):
            return []

    def _create(self, spec: ContainerSpec) -> str:
        """Create the container; one of that name is renamed as Kamal does it.

        Kamal made it, or a lost journal knew it, or the engine ended before it could say that it had made it.
        """
        try:
            return self._docker.create(spec)
        except DockerRefused:
            raise
        except (Conflict, DockerUnavailable):
            with contextlib.suppress(NotFound):
                self._docker.rename(spec.name, contract.replaced_name(spec.name, secrets.token_hex(8)))
            return self._docker.create(spec)

    def _prepare_storage(self, attempt: Attempt, container: str, user: str) -> None:
        app = attempt.deploy.app
        directory = self._paths.storage(app)
        if not directory.exists() and self._had(app, directory, container):
            attempt.progress.note(f"the storage directory {directory} was missing: it was made anew, and is empty")
        directory.mkdir(parents=True, exist_ok=True)
        owner = self._owner(container, user)
        now = directory.stat()
        if (now.st_uid, now.st_gid) != owner:
            _give(directory, (now.st_uid, now.st_gid), owner)

    def _had(self, app: AppName, directory: Path, new: str) -> bool:
        """Return whether a container before this one has had the storage, so that a directory which is not there was lost."""
        others = self._docker.containers({"service": app})
        return any((str(directory), MOUNTED_AT) in other.mounts for other in others if other.id != new)

    def _owner(self, container: str, user: str) -> tuple[int, int]:
        """Given a container and its image's USER, return uid and gid, by its own passwd and group where it takes them."""
        tables = ("/etc/passwd", "/etc/group") if image_user.needs_tables(user) else ()
        found = image_user.owner(user, *(self._table(container, path) for path in tables))
        if found is None:
            raise BootFailed(f"the image's user {user!r} is not in its /etc/passwd and /etc/group")
        return found

    def _table(self, container: str, path: str) -> str:
        try:
            return self._docker.read_file(container, path, limit=TABLE_LIMIT).decode("utf-8", "replace")
        except NotFound:
            return ""


def _give(directory: Path, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Given a storage directory and its old and new owner, hand over what belonged to the old one. Never follows a link."""
    for _, names, files, descriptor in os.fwalk(directory, follow_symlinks=False):
        for name in (*names, *files):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            # A file with several names might be anybody's, linked in to be handed over.
            hard_linked = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
            if (found.st_uid, found.st_gid) == old and not hard_linked:
                os.chown(name, *new, dir_fd=descriptor, follow_symlinks=False)
    os.chown(directory, *new)
