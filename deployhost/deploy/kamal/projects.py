"""Apps as Kamal's CLI is to see them: facts from apps.yml, the journal and Docker, written as a Kamal project."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployhost.build.labels import DEPLOY_LABEL, OURS
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.config.env import RESERVED, EnvStore, revealed
from deployhost.config.server import ServerSettings
from deployhost.containers import readiness
from deployhost.containers.attempt import Attempt
from deployhost.containers.processes import processes_of
from deployhost.containers.spec import PUSHED_AT, container_of, port_for, proxy_variables, pushed_at
from deployhost.deploy.queue import next_version
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal import contract, env_values
from deployhost.kamal.deploy_yml import Build, KamalApp, Registry, Ssh
from deployhost.kamal.project import KamalProject, Project
from deployhost.kamal.trusted_yml import CONFIG
from deployhost.model import WEB, AppName, Deploy, ProcessName, Release, Secret, Strategy, Version
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec, Image
from deployhost.system.http import Get

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # Docker's names by the kernel's
NOBODY = "deployhost"  # Kamal insists on a user and a password, also for a registry that asks for none
PROBE_TIMEOUT = 2.0
ANYTHING = "/"
BUILDING = frozenset({"deploy", "redeploy", "build", "setup"})  # Kamal's verbs that make an image


@dataclass(frozen=True, kw_only=True)
class KamalProjects:
    """Writes the Kamal projects of apps. `size_limit` returns the bytes that each container may write, None where that can't be limited."""

    docker: Docker
    deploys: Deploys
    releases: Releases
    env: EnvStore
    paths: Paths
    apps: Apps
    settings: ServerSettings
    get: Get
    project: KamalProject
    size_limit: Callable[[], int | None]

    def prepare(self, name: AppName, argv: Sequence[str], health: str = ANYTHING) -> Project:
        """Write the project in which a person runs Kamal's CLI with these arguments.

        Its version is that of what is live; for a verb that builds, an unused one of the same commit. What it builds is the
        live image again. `health` is the path that Kamal asks where neither apps.yml nor what runs tells a better one. Raise
        AppNotFound, NotFound.
        """
        config = self.apps.get(name)
        live = self.releases.live(name)
        env = revealed(self.env.read(name))
        image = None if live is None else self.docker.image(live.image)
        if live is None or image is None:
            raise NotFound(f"{name} has no release that Kamal could work on", hint=f"deployhost deploy {name}")
        version = live.version
        self.docker.tag(image.id, contract.image(name, version))
        if self.is_trusted(config):
            return Project(self._write_trusted(config, env), self._version(live, argv), live.port)
        known = self._health(config, live)
        app = self._behind_proxy(self._seen(config, image, self.deploys.get(live.deploy), live.port, known or health))
        directory = self.project.write(app, env, contract.image(name, version))
        return Project(directory, self._version(live, argv), live.port, tuple(_warnings(config, image, env, known)))

    def is_trusted(self, config: AppConfig) -> bool:
        """Return whether an app's checkout has a configuration of its own that Kamal may read."""
        return config.trust_repo_config and (self.paths.build_tree(config.name) / CONFIG).is_file()

    def of_trusted(self, attempt: Attempt) -> Project:
        """Write the project of an attempt whose checkout has a trusted configuration. Raise InvalidConfig."""
        return Project(self._write_trusted(attempt.config, _own(attempt.env), attempt.deploy), attempt.version, None)

    def _version(self, live: Release, argv: Sequence[str]) -> Version:
        """Return the version to run Kamal with."""
        if not BUILDING & set(argv):
            return live.version
        released = (one.version for one in self.releases.of_app(live.app))
        return next_version(live.sha, {*self.deploys.version_numbers(live.app, live.sha), *released})

    def of_attempt(self, attempt: Attempt, image: Image) -> Project:
        """Write the project in which Kamal deploys an attempt's image. Raise InvalidConfig for what Kamal can't do."""
        config, deploy = attempt.config, attempt.deploy
        env, live = _own(attempt.env), self.releases.live(deploy.app)
        env_values.refuse_unfit(config.name, env_values.split(env))
        known = live if deploy.target is None else self.releases.get(deploy.app, deploy.target)
        port = config.port or (port_for(image, config) if known is None else known.port)
        health = (config.health if live is None else self._health(config, live)) or ANYTHING
        app = replace(self._behind_proxy(self._seen(config, image, deploy, port, health)), labels=_labels(deploy))
        directory = self.project.write(app, env, contract.image(config.name, attempt.version), deploying=True)
        return Project(directory, attempt.version, port, health=health)

    def _seen(self, config: AppConfig, image: Image, deploy: Deploy, port: int, health: str) -> KamalApp:
        found, storage = processes_of(image, config), self.paths.storage(config.name)
        specs = {one.name: container_of(image, config, one, storage) for one in (found.web, *found.workers)}
        size = self.size_limit()
        roles = {
            name: replace(spec, size=size, env={**spec.env, PUSHED_AT: pushed_at(deploy)})
            for name, spec in specs.items()
        }
        return self._app(config, roles, port, health)

    def _behind_proxy(self, app: KamalApp) -> KamalApp:
        """Return an app whose processes know whose X-Forwarded-… headers they may believe."""
        more = proxy_variables(self.docker.network(contract.NETWORK), self.docker.find(contract.PROXY_CONTAINER))
        roles = {name: replace(spec, env={**spec.env, **more}) for name, spec in app.roles.items()}
        return replace(app, roles=roles)

    def _write_trusted(self, config: AppConfig, env: Mapping[str, str], deploy: Deploy | None = None) -> Path:
        """Write the project of an app with a configuration of its own: of ours, only how this server is reached counts."""
        app = self._app(config, {WEB: ContainerSpec(name=config.name, image="")}, config.port or 80, ANYTHING)
        app = app if deploy is None else replace(app, labels=_labels(deploy))
        return self.project.write_trusted(app, env, self.paths.build_tree(config.name), deploying=deploy is not None)

    def _app(self, config: AppConfig, roles: Mapping[ProcessName, ContainerSpec], port: int, health: str) -> KamalApp:
        server = self.settings.current()
        return KamalApp(
            config=config,
            roles=roles,
            hosts=config.hosts,
            port=port,
            health=health,
            registry=Registry(contract.REGISTRY, NOBODY, password=NOBODY),
            build=Build(arch=architecture()),
            ssh=Ssh(server.ssh_port, self.paths.ssh_key, self.paths.ssh / "config"),
            proxy_port=server.http_port,
        )

    def _health(self, config: AppConfig, live: Release) -> str | None:
        """Return a path that Kamal's own check takes for healthy, or None: it takes 2xx only, after redirects."""
        if config.health is not None:
            return config.health
        container = self.docker.find(live.container)
        address = "" if container is None else container.ips.get(contract.NETWORK, "")
        host = f"{live.container[:12]}:{live.port}"  # what kamal-proxy asks for
        if not address:
            return None
        statuses = {
            path: self.get(address, live.port, path, host=host, timeout=PROBE_TIMEOUT).status
            for path in readiness.paths_to_ask(None)
        }
        return next((path for kind in (2, 3) for path, status in statuses.items() if status // 100 == kind), None)


def _labels(deploy: Deploy) -> dict[str, str]:
    """Return our labels of the containers that Kamal makes in a deploy: as those of the direct engine, none is left to the image."""
    return dict.fromkeys(OURS, "") | {DEPLOY_LABEL: str(deploy.id)}


def _own(env: Mapping[str, Secret]) -> dict[str, str]:
    """Return the variables that are the app's own: Kamal and deployhost set the others anew."""
    return {name: value for name, value in revealed(env).items() if not name.startswith(RESERVED) and name != "PORT"}


def architecture() -> str:
    """Return Docker's name of this machine's architecture."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def _warnings(config: AppConfig, image: Image, env: Mapping[str, str], health: str | None) -> Iterator[str]:
    """Yield what a person who uses Kamal on this app should know."""
    if unfit := env_values.split(env).unfit:
        yield f"Kamal can't pass on values of several lines: a container that it starts lacks {', '.join(unfit)}"
    if health is None:
        yield (
            "Kamal takes 2xx only for healthy, and the app answers otherwise at /up and /: "
            "name a path with `health:` in apps.yml before Kamal starts a container"
        )
    if config.takes_over is Strategy.HANDOVER:
        yield "Kamal knows no handover: while it switches, two releases of the app run at once"
    if processes_of(image, config).release is not None:
        yield "Kamal does not run the app's release command"
