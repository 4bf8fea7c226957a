"""Taking deployhost off the server: what runs is stopped; data stays unless it is to go too."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import DockerUnavailable, FileProblem
from deployhost.github import connection
from deployhost.github.disconnect import stays
from deployhost.kamal import contract
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.facts import DAEMON, completion_files, install_record, stopped_record
from deployhost.server.facts_kamal import REGISTRY, SSHD, KamalSetupFiles
from deployhost.server.uninstall_plan import Present, plan_uninstall
from deployhost.steps import Acts, Plan
from deployhost.system import json_file, packages, process_records
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.firewall import Firewall
from deployhost.system.services import Services
from deployhost.traffic import isolation

# The engine starts a crashing one again and again, and a paused one goes on with everything it has.
ALIVE = ("running", "restarting", "paused")


@dataclass(frozen=True)
class Uninstall:
    """Takes deployhost off the server. `log` gets what could not be asked."""

    paths: Paths
    docker: Docker
    services: Services
    log: Callable[[str], None]

    def plan(self, *, purge: bool) -> Plan:
        """Return what would be done; with `purge` the data goes too."""
        return plan_uninstall(self._present(), self.paths, purge=purge)

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step; each may raise DeployhostError."""
        return {
            steps.RemoveService: lambda step: self.services.remove(step.name),
            steps.EndListener: lambda _: process_records.end_noted(self.paths.webhook),
            steps.ReleaseService: lambda step: self.services.release(step.name),
            steps.StopContainers: self._stop_containers,
            steps.UninstallContainers: self._remove_containers,
            steps.UninstallImages: self._remove_images,
            steps.RemoveNetwork: self._remove_network,
            steps.UninstallFiles: self._remove_files,
        }

    def _stop_containers(self, step: steps.StopContainers) -> None:
        # Written first: whoever interrupts us still finds all of them started again by set-up.
        json_file.write_json(stopped_record(self.paths), {"containers": list(step.names)})
        for name in step.names:
            self.docker.stop(name)

    def _remove_containers(self, step: steps.UninstallContainers) -> None:
        if contract.PROXY_CONTAINER in step.names:
            isolation.remove(Firewall())  # nobody would keep the rules right from now on
        for name in step.names:
            self.docker.remove(name, force=True)

    def _remove_images(self, step: steps.UninstallImages) -> None:
        for reference in step.references:
            self.docker.remove_image(reference)

    def _remove_network(self, step: steps.RemoveNetwork) -> None:
        self.docker.remove_network(step.network)
        self.docker.remove_volume(step.volume)

    def _remove_files(self, step: steps.UninstallFiles) -> None:
        for path in step.paths:
            _delete(path)

    def _present(self) -> Present:
        apps = self._apps()
        containers, images, engine, proxy, network = [], [], False, False, False
        try:
            network, engine = self.docker.network_exists(contract.NETWORK), True
            proxy = self.docker.find(contract.PROXY_CONTAINER) is not None
            containers = [found for found in self.docker.containers({"destination": ""}) if _belongs(found, apps)]
            images = [tag for app in apps for image in self.docker.images(f"service={app}") for tag in image.tags]
        except DockerUnavailable as error:
            self.log(f"the containers are left as they are: {error}")
        record = packages.read_record(install_record(self.paths))
        return Present(
            daemon=self.services.definition(DAEMON) is not None,
            listener=process_records.any_noted(self.paths.webhook),
            engine_kept=self.services.manager == "supervisor" and self.services.definition("dockerd") is not None,
            engine=engine,
            proxy=proxy,
            running=tuple(found.name for found in containers if found.status in ALIVE),
            stopped=tuple(found.name for found in containers if found.status not in ALIVE),
            images=tuple(image for image in images if image.startswith(f"{contract.REGISTRY}/")),
            network=network,
            program_files=tuple(path for path in completion_files(self.paths).values() if path.exists()),
            data=tuple(path for path in self._data(apps) if path.exists()),
            added=record.packages,
            accounts=tuple(
                stays(one) for one in connection.load_all(self.paths, lambda error: self.log(error.message))
            ),
            kamal_services=tuple(name for name in (SSHD, REGISTRY) if self.services.definition(name) is not None),
            kamal_files=tuple(path for path in KamalSetupFiles(self.paths).program if path.exists()),
            held_back=tuple(
                path for path in KamalSetupFiles(self.paths).held_back if str(path) in record.files and path.exists()
            ),
        )

    def _apps(self) -> tuple[AppName, ...]:
        """Return the apps that were ever pushed to here: no other containers are ours to touch."""
        return tuple(sorted(AppName(path.stem) for path in self.paths.repos.glob("*.git")))

    def _data(self, apps: tuple[AppName, ...]) -> tuple[Path, ...]:
        kamal = self.paths.kamal
        of_apps = [
            path for app in apps for path in (kamal / "apps" / app, kamal / f"lock-{app}", kamal / f"{app}-audit.log")
        ]
        return (self.paths.config, self.paths.state, self.paths.logs, self.paths.run, *of_apps)


def _belongs(container: Container, apps: tuple[AppName, ...]) -> bool:
    app = container.labels.get("service", "")
    return app in apps and container.image.rpartition(":")[0] == f"{contract.REGISTRY}/{app}"


def _delete(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise FileProblem(f"can't delete {path}: {error.strerror}", hint=f"ls -la {path}") from error
