"""One container of a release: made as Kamal makes it (Kamal 2.11, lib/kamal/commands/app.rb), through the Docker API; started; waited for."""

import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from deployhost.build.labels import DEPLOY_LABEL, SETTINGS_LABEL, WORKERS_LABEL, of_container
from deployhost.config.app import AppConfig
from deployhost.config.env import revealed
from deployhost.containers.attempt import Attempt
from deployhost.containers.boot import BootRules, BootWatch, Ready, how_it_ended
from deployhost.containers.processes import RELEASE, Process
from deployhost.containers.spec import (
    PUSHED_AT,
    container_of,
    port_for,
    proxy_variables,
    pushed_at,
    settings_label,
)
from deployhost.errors import BootFailed, Conflict, DockerRefused, DockerUnavailable, NotFound
from deployhost.kamal import contract
from deployhost.model import WEB, ProcessName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, ContainerSpec, Image
from deployhost.system.stop import Stop

LOG_TAIL = 25


@dataclass(frozen=True, kw_only=True)
class ContainerMaker:
    """Makes single containers of releases, starts them and waits until they are ready.

    `size_limit` returns the bytes that each may write beyond its image, None where the engine can't limit that.
    """

    docker: Docker
    paths: Paths
    boot: BootWatch
    size_limit: Callable[[], int | None]

    def create(self, attempt: Attempt, image: Image, process: Process, workers: Sequence[ProcessName] = ()) -> str:
        """Create the container of one of an attempt's processes, not yet started, and return its id.

        `workers` are those that are made beside the web process: its container says so, whatever apps.yml has later.
        """
        app, config = attempt.deploy.app, attempt.config
        beside = {SETTINGS_LABEL: settings_label(config)} if process.name == WEB else {}
        beside |= {WORKERS_LABEL: " ".join(workers)}
        spec, name = self._spec(attempt, image, process), contract.container_name(app, process.name, attempt.version)
        labels = {**contract.role_labels(app, process.name), DEPLOY_LABEL: str(attempt.deploy.id), **beside}
        env = {**spec.env, **contract.container_env(app, process.name, attempt.version)}
        return self._create(replace(spec, name=name, labels=of_container(image.labels, labels), env=env))

    def create_release(self, attempt: Attempt, image: Image, argv: tuple[str, ...]) -> str:
        """Create the container that runs an attempt's release command once, and return its id.

        As Kamal's exec containers it has no role: nothing takes it for a process of the app.
        """
        app = attempt.deploy.app
        labels = {"service": app, "role": "", DEPLOY_LABEL: str(attempt.deploy.id)}
        spec = replace(
            self._spec(attempt, image, Process(ProcessName(RELEASE), argv)),
            name=f"{app}-release-exec-{attempt.version}-{secrets.token_hex(3)}",
            labels=of_container(image.labels, labels),
        )
        return self._create(spec)

    def _spec(self, attempt: Attempt, image: Image, process: Process) -> ContainerSpec:
        """Return what a container of this deploy is made from, less its name and labels."""
        app = attempt.deploy.app
        spec = container_of(image, attempt.config, process, self.paths.storage(app))
        return replace(
            spec,
            image=contract.image(app, attempt.version),
            env={
                **revealed(attempt.env),
                "KAMAL_VERSION": attempt.version,
                **spec.env,
                PUSHED_AT: pushed_at(attempt.deploy),
                **proxy_variables(self.docker.network(contract.NETWORK), self.docker.find(contract.PROXY_CONTAINER)),
            },
            hostname=f"127.0.0.1-{secrets.token_hex(6)}",
            size=self.size_limit(),
            restart="no",  # until it is live: an app that ends at boot must not begin again before its exit code is read
        )

    def start(self, container: str) -> Container:
        """Start a created container and return it running. Raise BootFailed if it can't be started at all."""
        try:
            self._start(container)
        except DockerRefused as error:
            # A command that does not exist is the app's fault, and the engine says so in a 400.
            raise BootFailed(f"the app can't be started: {error.message.removeprefix('Docker refused: ')}") from error
        return self.docker.inspect(container)

    def _start(self, container: str) -> None:
        try:
            self.docker.start(container)
        except DockerRefused:
            raise
        except DockerUnavailable:
            # It may have been started all the same, and a release command must not run twice.
            if self.docker.inspect(container).status == "created":
                self.docker.start(container)

    def wait_ready(
        self,
        container: Container,
        image: Image,
        config: AppConfig,
        last_port: int | None,
        check: Callable[[], None] = lambda: None,
        *,
        stop: Stop | None = None,
    ) -> Ready:
        """Return once a started container is ready; `last_port` is where its last release listened.

        `check` is called all the while, and at once when `stop` is set; it may raise. Raise BootFailed.
        """
        rules = BootRules(
            port=port_for(image, config),
            port_fixed=config.port is not None,
            last_port=last_port,
            health=config.health,
            host=config.domains[0] if config.domains else config.hosts[0],
            limit=config.boot_limit,
        )
        return self.boot.wait(container, container.ips.get(contract.NETWORK, ""), rules, check, stop)

    def prove_worker(self, name: ProcessName, container: str) -> None:
        """Return if a worker that was started a moment ago still runs. Raise BootFailed."""
        found = self.boot.now(container)
        if found is None or not found.running:
            how = "its container was removed" if found is None else how_it_ended(found)
            raise BootFailed(
                f"the process {name} ended while starting, {how}",
                details=tuple(self.last_lines(container)),
                process=name,
            )

    def last_lines(self, container: str) -> list[str]:
        """Return the last lines of a container's output."""
        try:
            return [entry.line for entry in self.docker.logs(container, tail=LOG_TAIL)]
        except (NotFound, DockerUnavailable):
            return []

    def _create(self, spec: ContainerSpec) -> str:
        """Create the container; one of that name is renamed as Kamal does it.

        Kamal made it, or a lost journal knew it, or the engine ended before it could say that it had made it.
        """
        try:
            return self.docker.create(spec)
        except DockerRefused as error:
            if spec.size is None or "storage" not in error.message.lower():
                raise
            return self.docker.create(replace(spec, size=None))  # it can't after all
        except (Conflict, DockerUnavailable):
            with contextlib.suppress(NotFound):
                self.docker.rename(spec.name, contract.replaced_name(spec.name, secrets.token_hex(8)))
            return self.docker.create(spec)
