"""The image of a deploy where the repository's own Kamal configuration is trusted: Kamal builds it; ours everywhere else."""

from collections.abc import Callable
from dataclasses import dataclass

from deployhost.config.server import ServerSettings
from deployhost.containers.attempt import Attempt
from deployhost.deploy.build_turns import BuildTurns
from deployhost.deploy.image import Images
from deployhost.deploy.kamal.projects import KamalProjects
from deployhost.deploy.kamal.run import KamalProgram
from deployhost.deploy.queue import BUILDS
from deployhost.errors import BuildFailed
from deployhost.kamal import contract, failure, registry
from deployhost.kamal.guard import RegistryGuard
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.git import BareRepository
from deployhost.traffic.host_isolation import HostIsolation


@dataclass(frozen=True, kw_only=True)
class KamalImages:
    """Provides each deploy's image: built by Kamal where the repository's configuration is trusted, else by `images`."""

    images: Images
    kamal: KamalProgram
    registry_guard: RegistryGuard
    host_isolation: HostIsolation
    projects: KamalProjects
    docker: Docker
    paths: Paths
    repository: Callable[[AppName], BareRepository]
    settings: ServerSettings
    turns: BuildTurns

    def provide(self, attempt: Attempt) -> Image:
        """Return the image of an attempt, tagged. Raise what the build raises; NotFound, KamalUnavailable."""
        deploy, config = attempt.deploy, attempt.config
        if not config.trust_repo_config:
            return self.images.provide(attempt)
        # Also where nothing is built: it is that commit's configuration which counts.
        self.repository(deploy.app).check_out(deploy.sha, self.paths.build_tree(deploy.app), attempt.stop)
        if deploy.trigger not in BUILDS or not self.projects.is_trusted(config):
            return self.images.provide(attempt)
        server = self.settings.current()
        self.registry_guard.ensure()
        self.kamal.check(server.ssh_port)
        with (
            self.turns.turn(attempt),
            attempt.progress.stage("build", detail="kamal build deliver"),
            registry.pushing(self.paths),
        ):
            self._build(attempt, server.build_timeout)
        image = self.docker.image(contract.image(deploy.app, attempt.version))
        if image is None:
            raise BuildFailed(
                f"Kamal built no image {contract.image(deploy.app, attempt.version)}",
                details=("config/deploy.yml must leave out registry and image, or name that one",),
            )
        return image

    def _build(self, attempt: Attempt, timeout: float) -> None:
        command = ["build", "deliver", *(["--no-cache"] if attempt.deploy.rebuild else [])]
        project = self.projects.of_trusted(attempt)
        with self.host_isolation.building(attempt.deploy.app) as kept_away:
            kept_away()
            code, lines = self.kamal.run(attempt, project, command, timeout=timeout, stop=attempt.stop)
        if code != 0:
            raise BuildFailed(f"Kamal can't build the image: {failure.cause(lines) or 'it did not say why'}")
