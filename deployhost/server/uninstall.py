"""Taking deployhost off the server: what runs is stopped; data stays unless it is to go too."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.edge import connection as cloudflare
from deployhost.edge.ownership import tunnel_name
from deployhost.errors import DockerUnavailable, FileProblem, InvalidConfig
from deployhost.github import connection
from deployhost.github.disconnect import stays
from deployhost.kamal import contract, guard_plan
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.act_tunnel import TunnelActor
from deployhost.server.facts import DAEMON, STORAGE, completion_files, install_record, stopped_record
from deployhost.server.facts_kamal import REGISTRY, SSHD, KamalSetupFiles
from deployhost.server.facts_tunnel import PACKAGE, TUNNEL, TunnelSetupFiles
from deployhost.server.uninstall_plan import Present, plan_uninstall
from deployhost.steps import Acts, Plan
from deployhost.system import bind_mount, files, json_file, packages, process_records
from deployhost.system.clock import until
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.firewall import Firewall
from deployhost.system.services import Services
from deployhost.system.tree import remove_tree
from deployhost.traffic import host_plan, isolation_plan

ANSWERS_WITHIN = 20.0  # seconds for the listener to answer whom it has
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
            **TunnelActor(paths=self.paths, services=self.services, log=self.log).removals,
            steps.RemoveService: lambda step: self.services.remove(step.name),
            steps.EndListener: lambda _: self._end_listener(),
            steps.ReleaseService: lambda step: self.services.release(step.name),
            steps.StopContainers: self._stop_containers,
            steps.UninstallContainers: self._remove_containers,
            steps.UninstallImages: self._remove_images,
            steps.RemoveNetwork: self._remove_network,
            steps.UnbindStorage: lambda _: self._unbind_storage(),
            steps.UninstallFiles: self._remove_files,
        }

    def _end_listener(self) -> None:
        """End the listener and wait for that: its user can't be deleted before."""
        for number, within in ((signal.SIGTERM, ANSWERS_WITHIN), (signal.SIGKILL, 5.0)):
            process_records.end_noted(self.paths.webhook, by=number)
            if until(lambda: not process_records.any_noted(self.paths.webhook), within=within, every=0.05):
                return

    def _stop_containers(self, step: steps.StopContainers) -> None:
        # Written first: whoever interrupts us still finds all of them started again by set-up.
        json_file.write_json(stopped_record(self.paths), {"containers": list(step.names)})
        for name in step.names:
            self.docker.stop(name)

    def _remove_containers(self, step: steps.UninstallContainers) -> None:
        if contract.PROXY_CONTAINER in step.names:
            Firewall().forget(
                *host_plan.CHAINS, isolation_plan.CHAIN, guard_plan.CHAIN
            )  # nobody would keep the rules right from now on
            files.remove(self.paths.early_rules)
        for name in step.names:
            self.docker.remove(name, force=True)

    def _remove_images(self, step: steps.UninstallImages) -> None:
        for reference in step.references:
            self.docker.remove_image(reference)

    def _unbind_storage(self) -> None:
        try:
            bind_mount.unbind(self.paths.storage_root)
        except OSError as error:
            raise FileProblem(
                f"{self.paths.storage_root} can't be unmounted: {error.strerror}",
                hint=f"umount {self.paths.storage_root}",
            ) from error

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
        record, tunnel = packages.read_record(install_record(self.paths)), TunnelSetupFiles(self.paths)
        return Present(
            daemon=self.services.definition(DAEMON) is not None,
            listener=process_records.any_noted(self.paths.webhook),
            engine_kept=self.services.manager == "supervisor" and self.services.definition("dockerd") is not None,
            engine=engine,
            proxy=proxy,
            storage_service=self.services.definition(STORAGE) is not None,
            storage_bound=bind_mount.is_mounted(self.paths.storage_root),
            running=tuple(found.name for found in containers if found.status in ALIVE),
            stopped=tuple(found.name for found in containers if found.status not in ALIVE),
            images=tuple(image for image in images if image.startswith(f"{contract.REGISTRY}/")),
            network=network,
            program_files=tuple(path for path in completion_files(self.paths).values() if path.exists()),
            data=tuple(path for path in self._data(apps) if path.exists()),
            added=tuple(name for name in record.packages if name != PACKAGE),
            accounts=(*self._at_cloudflare(), *self._at_github()),
            kamal_services=tuple(name for name in (SSHD, REGISTRY) if self.services.definition(name) is not None),
            kamal_files=tuple(path for path in KamalSetupFiles(self.paths).program if path.exists()),
            held_back=tuple(
                path for path in KamalSetupFiles(self.paths).held_back if str(path) in record.files and path.exists()
            ),
            tunnel=self.services.definition(TUNNEL) is not None,
            tunnel_packages=tuple(name for name in record.packages if name == PACKAGE),
            tunnel_files=tuple(
                path for path in (tunnel.source, tunnel.key) if str(path) in record.files and path.exists()
            ),
            cloudflare_sdk=tuple(path for path in (self.paths.cloudflare_sdk,) if path.exists()),
            users=record.users,
        )

    def _at_cloudflare(self) -> Iterator[str]:
        try:
            saved = cloudflare.load(self.paths) or cloudflare.leaving(self.paths)
        except (FileProblem, InvalidConfig) as error:
            self.log(error.message)
            return
        if saved is not None:
            name = tunnel_name(saved.server_id)
            yield (
                f"the tunnel {name} and the records of this server's domains stay at Cloudflare; "
                "before the uninstall, this deletes them: deployhost disconnect cloudflare"
            )

    def _at_github(self) -> Iterator[str]:
        yield from map(stays, connection.load_all(self.paths, lambda error: self.log(error.message)))

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
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise FileProblem(f"can't delete {path}: {error.strerror}", hint=f"ls -la {path}") from error
