"""The Kamal engine: Kamal's own CLI brings a release live; what came of it is read from Docker and the proxy.

The image is built as for the direct engine and handed over through the registry on loopback. Kamal's lock is ours while its
CLI runs (KAMAL_LOCK=true: Kamal 2.11, lib/kamal/commander.rb), so nobody else's Kamal comes between.
"""

import contextlib
import logging
from dataclasses import dataclass, replace

from deployhost.config.server import ServerSettings
from deployhost.containers.app_users import AppUsers
from deployhost.containers.attempt import Attempt
from deployhost.containers.image_users import ImageUsers
from deployhost.containers.make import ContainerMaker
from deployhost.containers.processes import processes_of
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.containers.storage import Storage
from deployhost.deploy.handover import Handover
from deployhost.deploy.kamal.projects import KamalProjects
from deployhost.deploy.kamal.run import KamalProgram
from deployhost.deploy.queue import BUILDS
from deployhost.errors import BootFailed, CommandStopped, DeployhostError, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal import contract, failure, installation, registry
from deployhost.kamal.guard import RegistryGuard
from deployhost.kamal.project import Project
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB
from deployhost.paths import Paths
from deployhost.system.clock import Clock, until
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.owners import Owner
from deployhost.traffic.drain import MARGIN
from deployhost.traffic.switch import Live

PUSH_LIMIT = 600.0  # seconds for the image to reach the registry on loopback
SPARE = 300.0  # seconds beyond the app's own limits that Kamal's some twenty commands may take
POLL = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KamalEngine:
    """Brings releases live by Kamal's CLI."""

    docker: Docker
    maker: ContainerMaker
    containers: ReleaseContainers
    storage: Storage
    image_users: ImageUsers
    app_users: AppUsers
    handover: Handover
    projects: KamalProjects
    proxy: KamalProxy
    deploys: Deploys
    releases: Releases
    kamal: KamalProgram
    registry_guard: RegistryGuard
    paths: Paths
    settings: ServerSettings
    clock: Clock

    def go_live(self, attempt: Attempt, image: Image) -> Live:
        """Return once Kamal has deployed an attempt's image and the app's hosts lead to it.

        Raise BootFailed, SwitchFailed, InvalidConfig, KamalUnavailable; what served before serves then.
        """
        if not self.kamal.installed():
            with attempt.progress.stage("setup", detail=installation.SETUP):
                self.kamal.bring(attempt.progress.output)
        self.registry_guard.ensure()
        self.kamal.check(self.settings.current().ssh_port)
        trusted = self.projects.is_trusted(attempt.config)
        project = self.projects.of_trusted(attempt) if trusted else self.projects.of_attempt(attempt, image)
        owner = None if trusted else self._owner(attempt, image)
        builds = attempt.deploy.trigger in BUILDS
        # What is pushed must still be there when Kamal pulls it.
        with registry.pushing(self.paths) if builds else contextlib.nullcontext():
            if builds and not trusted:
                with attempt.progress.stage("push", detail=contract.REGISTRY):
                    self.docker.push(contract.image(attempt.deploy.app, attempt.version), PUSH_LIMIT)
            if self.storage.is_anothers(attempt.deploy.app, owner):
                # Kamal knows no handover: its new container would start before the old one's storage is its own.
                attempt.progress.note("the storage goes to another user, so deployhost carries this deploy out itself")
                return self.handover.go_live(attempt, image)
            if not trusted:  # what Kamal does not do
                self.containers.run_release_command(attempt, image, processes_of(image, attempt.config))
            return self._boot(attempt, image, project, self._command(attempt, builds, trusted))

    def _owner(self, attempt: Attempt, image: Image) -> Owner | None:
        """Have an attempt's storage there, and return whom it has to belong to. Raise BootFailed if the image's user is another app's."""
        user = self.image_users.owner_by_image(attempt, image)
        self.app_users.check(attempt, image, user.uid)
        return self.storage.prepare(attempt, image, user)

    def _boot(self, attempt: Attempt, image: Image, project: Project, command: list[str]) -> Live:
        """Have Kamal deploy, and return what it brought live."""
        self._await_drains(attempt)
        attempt.check()
        with attempt.progress.stage("kamal", detail=" ".join(command)):
            lines = self._run(attempt, project, command)
        return self._live(attempt, image, project, lines)

    def _command(self, attempt: Attempt, builds: bool, trusted: bool) -> list[str]:
        """Return Kamal's verb: the image of a repeat or a rollback is here already, and only `app boot` does not pull it.

        The proxy and what is to be pruned are deployhost's own business, except with a configuration of the repository's own.
        """
        if not builds:
            return ["app", "boot", "--version", attempt.version]
        known = self.releases.live(attempt.deploy.app) is not None
        if trusted:
            return ["deploy" if known else "setup", "--skip-push"]
        return ["redeploy" if known else "deploy", "--skip-push"]

    def _await_drains(self, attempt: Attempt) -> None:
        """Wait for what is draining: Kamal would take it for a stale container and stop it in the middle of its requests."""

        def over() -> bool:
            return attempt.stop.is_set() or not any(one.app == attempt.deploy.app for one in self.releases.drains())

        until(over, within=attempt.config.drain + attempt.config.stop_timeout + MARGIN, every=POLL, clock=self.clock)

    def _run(self, attempt: Attempt, project: Project, command: list[str]) -> list[str]:
        """Run Kamal to its end and return what it wrote. Raise BootFailed, DeployCancelled, what served before serving again."""
        noted = False

        def look() -> None:
            """Note the new container as soon as there is one: a failure shows its output, a crash leaves it known."""
            nonlocal noted
            name = contract.container_name(attempt.deploy.app, WEB, attempt.version)
            container = None if noted else self.docker.find(name)
            if container is not None:
                self.deploys.enter(attempt.deploy.id, "kamal", container=container.id, port=project.port)
                noted = True

        try:
            code, lines = self.kamal.run(
                attempt, project, command, timeout=_longest(attempt), stop=attempt.stop, look=look
            )
        except CommandStopped:
            self._go_back(attempt, project)
            attempt.check()
            raise
        if code != 0:
            failed = self._failure(attempt, lines)
            self._go_back(attempt, project)
            raise failed
        return lines

    def _live(self, attempt: Attempt, image: Image, project: Project, lines: list[str]) -> Live:
        """Return what Kamal brought live, having seen that it runs, answers by itself and gets the requests."""
        app = attempt.deploy.app
        web = self.docker.find(contract.container_name(app, WEB, attempt.version))
        route = self.proxy.routes().get(contract.service_name(app, WEB))
        if web is None:
            raise BootFailed("Kamal ended well, but there is no new container", details=tuple(lines[-5:]))
        if route is None or route.port is None or not route.leads_to(web.id):
            raise SwitchFailed("Kamal ended well, but the app's requests do not go to the new container")
        port = route.port
        try:
            # A container that crashes and is started again changes its address, and whoever has it then answers the proxy's
            # check in its stead; of a worker, Kamal only asks whether it happens to run. So "healthy" is not proof enough.
            if (ended := self._ended(attempt)) is not None:
                raise ended
            asked = replace(attempt.config, port=port)
            self.maker.wait_ready(web, image, asked, port, attempt.check, stop=attempt.stop)
        except DeployhostError:
            self._go_back(attempt, project)
            raise
        attempt.tell_maintenance(route.state)
        return Live(self.docker.inspect(web.id), port, None)

    def _go_back(self, attempt: Attempt, project: Project) -> None:
        """Have what served before serve again where Kamal failed after the switch: it moves requests before it starts workers."""
        app = attempt.deploy.app
        web = self.docker.find(contract.container_name(app, WEB, attempt.version))
        route = self.proxy.routes().get(contract.service_name(app, WEB))
        if web is None or route is None or not route.leads_to(web.id):
            return
        before = self.releases.live(app)
        if before is None:
            self.proxy.remove(contract.service_name(app, WEB))
            return
        attempt.progress.note("requests went to the new release already: Kamal boots the old one again")
        old = self.projects.prepare(app, (), health=project.health)
        back = ["app", "boot", "--version", old.version]
        code, lines = self.kamal.run(attempt, old, back, timeout=_longest(attempt), version=old.version)
        if code != 0:
            log.warning("going back after deploy %d: %s", attempt.deploy.id, failure.cause(lines))

    def _failure(self, attempt: Attempt, lines: list[str]) -> DeployhostError:
        """Return the error from what Kamal wrote before it failed, in the direct engine's words where it would have the same."""
        config = attempt.config
        if (ended := self._ended(attempt)) is not None:
            return ended
        if failure.is_unhealthy(lines):
            return BootFailed(
                f"the app is not healthy: Kamal's check got no 2xx from it within {config.boot_limit:g} s",
                details=() if config.health else ("Kamal takes 2xx only: name such a path with `health:` in apps.yml",),
            )
        return BootFailed(f"Kamal failed: {failure.cause(lines) or 'it did not say why'}")

    def _ended(self, attempt: Attempt) -> BootFailed | None:
        """Return what is to be said of a process of the new release that ended, the web process first."""
        found = [one for one in self.containers.of_deploy(attempt.deploy) if one.labels.get("role")]
        for container in sorted(found, key=lambda one: one.labels["role"] != WEB):
            role = container.labels["role"]
            what = "the app" if role == WEB else f"the process {role}"
            if container.oom_killed:
                return BootFailed(f"{what} was killed while starting: it ran out of memory", process=role)
            if container.restart_count:  # not its state: Kamal itself has stopped it by now
                details = () if what == "the app" else tuple(self.maker.last_lines(container.id))
                # Of its first end: since then it was started again, or Kamal has stopped it.
                codes = self.docker.how_ended(container.id).exit_codes or (container.exit_code,)
                return BootFailed(
                    f"{what} ended while starting, with exit code {codes[0]}", details=details, process=role
                )
        return None


def _longest(attempt: Attempt) -> float:
    config = attempt.config
    return 2 * config.boot_limit + config.drain + config.stop_timeout + SPARE
