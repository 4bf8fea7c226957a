"""Carrying out the steps of set-up: one method per type of step, each returning a line on how it went, or nothing."""

import contextlib
import os
from dataclasses import dataclass

from deployhost.config import server as server_config
from deployhost.errors import DeployhostError, SetupFailed
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import buildx, proxy_image, steps
from deployhost.server.act_kamal import KamalActor
from deployhost.server.answers import ServiceAnswers
from deployhost.server.facts import WantedServer, install_record, stopped_record
from deployhost.server.proxy_container import ASIDE, ProxyContainer
from deployhost.server.read import builder
from deployhost.steps import Acts
from deployhost.system import bind_mount, files, packages, process
from deployhost.system.docker import Docker
from deployhost.system.process import OnLine
from deployhost.system.services import Services
from deployhost.system.tree import discard_tree


@dataclass(frozen=True, kw_only=True)
class SetupActor:
    """Carries out set-up's steps. `log` gets each line that a program writes."""

    wanted: WantedServer
    docker: Docker
    services: Services
    log: OnLine

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step; each may raise DeployhostError."""
        return {
            steps.WriteEngineSettings: self._write_engine_settings,
            steps.InstallPackages: self._install_packages,
            steps.DefineService: lambda step: self.services.define(step.name, step.text),
            steps.StartService: self._start_service,
            steps.RestartService: self._restart_service,
            steps.EnsureBuilder: self._ensure_builder,
            steps.MakeDirectories: self._make_directories,
            steps.BindStorage: self._bind_storage,
            steps.SetHttpPort: self._set_http_port,
            steps.CreateNetwork: lambda step: self.docker.create_network(step.name),
            steps.ObtainProxyImage: self._obtain_proxy_image,
            steps.CreateProxy: lambda step: self._proxy.create(step.port),
            steps.StartProxyContainer: self._start_proxy,
            steps.ExtractProxyBinary: lambda _step: self._proxy.extract_program(),
            steps.StartContainers: self._start_containers,
            steps.WriteCompletions: self._write_completions,
            steps.RemoveOldInstalls: self._remove_old_installs,
            **KamalActor(paths=self._paths, docker=self.docker, services=self.services, log=self.log).acts,
        }

    @property
    def _paths(self) -> Paths:
        return self.wanted.paths

    @property
    def _proxy(self) -> ProxyContainer:
        return ProxyContainer(self._paths, self.docker)

    def _write_engine_settings(self, step: steps.WriteEngineSettings) -> None:
        packages.note_file(install_record(self._paths), step.path)
        files.make_directory(step.path.parent)
        files.write_atomically(step.path, step.text.encode())

    def _install_packages(self, step: steps.InstallPackages) -> str:
        added = packages.install(step.packages, step.optional, install_record(self._paths), self.log)
        if step.engine and self.services.manager != "systemd":
            # The package may have started it by its init script; here the supervisor does.
            with contextlib.suppress(DeployhostError):
                process.run(["/etc/init.d/docker", "stop"], timeout=60, on_line=self.log, check=False)
        return f"{added} packages"

    def _start_service(self, step: steps.StartService) -> str:
        self.services.start(step.name)
        return self._until_it_answers(step.name)

    def _restart_service(self, step: steps.RestartService) -> str:
        self.services.restart(step.name)
        return self._until_it_answers(step.name)

    def _until_it_answers(self, name: str) -> str:
        paths, version = self._paths, self.wanted.version
        return ServiceAnswers(paths=paths, version=version, docker=self.docker, services=self.services).wait(name)

    def _ensure_builder(self, _step: steps.EnsureBuilder) -> str:
        found = builder()  # the engine's package may have brought one
        if found:
            return found
        with packages.recorded(install_record(self._paths)):
            return buildx.install_buildx(self.log)

    def _make_directories(self, step: steps.MakeDirectories) -> None:
        for path, mode in step.directories.items():
            files.make_directory(path, mode)

    def _bind_storage(self, _step: steps.BindStorage) -> None:
        try:
            bind_mount.bind(self._paths.storage_root)
        except OSError as error:
            raise SetupFailed(
                f"{self._paths.storage_root} can't be mounted nosuid,nodev: {error.strerror}",
                hint=f"findmnt --target {self._paths.storage_root}",
            ) from error

    def _set_http_port(self, step: steps.SetHttpPort) -> None:
        server_config.set_port(self._paths.server_yml, "http_port", step.port)

    def _obtain_proxy_image(self, step: steps.ObtainProxyImage) -> str:
        return proxy_image.obtain(self.docker, file=step.file, say=self.log, environ=os.environ)

    def _start_proxy(self, _step: steps.StartProxyContainer) -> None:
        self.docker.start(contract.PROXY_CONTAINER)
        self.docker.remove(ASIDE, force=True)

    def _start_containers(self, step: steps.StartContainers) -> None:
        for name in step.names:
            if self.docker.find(name) is not None:
                self.docker.start(name)
        files.remove(stopped_record(self._paths))

    def _write_completions(self, step: steps.WriteCompletions) -> None:
        for path, text in step.files.items():
            if not path.parent.is_dir():
                files.make_directory(path.parent)
            files.write_atomically(path, text.encode())

    def _remove_old_installs(self, step: steps.RemoveOldInstalls) -> None:
        for directory in step.directories:
            discard_tree(directory)
