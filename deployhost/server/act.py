"""Carrying out the steps of set-up: one method per kind of step, each returning a line on how it went (or "")."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from deployhost.config import server as server_config
from deployhost.control import client
from deployhost.errors import DaemonUnavailable, DeployhostError, DockerUnavailable, RemoteError, SetupFailed
from deployhost.kamal import contract
from deployhost.server import buildx, proxy_image
from deployhost.server.act_kamal import KamalActor
from deployhost.server.facts import (
    DAEMON,
    WantedServer,
    install_record,
    stopped_record,
)
from deployhost.server.facts_kamal import REGISTRY, SSHD
from deployhost.server.proxy_container import ASIDE, ProxyContainer
from deployhost.server.read import builder
from deployhost.server.steps import (
    CreateNetwork,
    CreateProxy,
    DefineService,
    EnsureBuilder,
    ExtractProxyBinary,
    InstallPackages,
    MakeDirectories,
    ObtainProxyImage,
    RemoveOldInstalls,
    RestartService,
    SetHttpPort,
    SetupStep,
    StartContainers,
    StartProxyContainer,
    StartService,
    WriteCompletions,
    WriteEngineSettings,
)
from deployhost.server.steps_kamal import (
    EnsureKamalBuilder,
    HoldBack,
    ObtainKamal,
    OwnRegistry,
    SetSshPort,
    WriteSshAccess,
)
from deployhost.steps import Step
from deployhost.system import files, packages, process
from deployhost.system.docker import Docker
from deployhost.system.services import Services

ENGINE_STARTS_WITHIN = 60.0
DAEMON_STARTS_WITHIN = 30.0

OnLine = Callable[[str], None]


class SetupActor:
    """Given what is wanted and the tools, carry out steps; `log` gets each line that a program writes."""

    def __init__(self, wanted: WantedServer, docker: Docker, services: Services, log: OnLine) -> None:
        self._wanted, self._docker, self._services, self._log = wanted, docker, services, log
        self._paths = wanted.paths
        self._proxy = ProxyContainer(wanted.paths, docker)
        self._kamal = KamalActor(wanted.paths, docker, services, log)

    def __call__(self, step: Step) -> str:
        """Given a step, carry it out and return a line on how. Raise DeployhostError."""
        if not isinstance(step, SetupStep):
            raise TypeError(f"{type(step).__name__} is no step of set-up")
        return self._act(step)

    def _act(self, step: SetupStep) -> str:  # noqa: PLR0911, PLR0912 - one case per kind of step: a table
        match step:
            case WriteEngineSettings():
                return self._write_engine_settings(step)
            case InstallPackages():
                return self._install(step)
            case DefineService():
                self._services.define(step.name, step.text)
                return ""
            case StartService() | RestartService():
                return self._run_service(step)
            case EnsureBuilder():
                return self._ensure_builder()
            case MakeDirectories():
                for path, mode in step.directories.items():
                    files.make_directory(path, mode)
                return ""
            case SetHttpPort():
                server_config.set_http_port(self._paths.server_yml, step.port)
                return ""
            case CreateNetwork():
                self._docker.create_network(step.name)
                return ""
            case ObtainProxyImage():
                return proxy_image.obtain(self._docker, file=step.file, say=self._log, environ=os.environ)
            case CreateProxy():
                self._proxy.create(step.port)
                return ""
            case StartProxyContainer():
                self._docker.start(contract.PROXY_CONTAINER)
                self._docker.remove(ASIDE, force=True)
                return ""
            case ExtractProxyBinary():
                self._proxy.extract_program()
                return ""
            case StartContainers():
                return self._start_containers(step)
            case WriteCompletions():
                return self._write_completions(step)
            case RemoveOldInstalls():
                for directory in step.directories:
                    shutil.rmtree(directory, ignore_errors=True)
                return ""
            case HoldBack() | ObtainKamal() | WriteSshAccess() | SetSshPort() | OwnRegistry() | EnsureKamalBuilder():
                return self._kamal(step)
        assert_never(step)

    def _write_engine_settings(self, step: WriteEngineSettings) -> str:
        packages.note_file(install_record(self._paths), step.path)
        files.make_directory(step.path.parent)
        files.write_atomically(step.path, step.text.encode())
        return ""

    def _install(self, step: InstallPackages) -> str:
        added = packages.install(step.packages, step.optional, install_record(self._paths), self._log)
        if step.engine and self._services.manager != "systemd":
            # The package may have started it by its init script; here the supervisor does.
            with contextlib.suppress(DeployhostError):
                process.run(["/etc/init.d/docker", "stop"], timeout=60, on_line=self._log, check=False)
        return f"{added} packages"

    def _ensure_builder(self) -> str:
        found = builder()  # the engine's package may have brought one
        if found:
            return found
        with packages.recorded(install_record(self._paths)):
            return buildx.install_buildx(self._log)

    def _run_service(self, step: StartService | RestartService) -> str:
        if isinstance(step, StartService):
            self._services.start(step.name)
        else:
            self._services.restart(step.name)
        if step.name in (SSHD, REGISTRY):
            return self._kamal.wait(step.name, self._kamal.port_of(step.name))
        return self._wait_for_daemon() if step.name == DAEMON else self._wait_for_engine()

    def _wait_for_engine(self) -> str:
        deadline = time.monotonic() + ENGINE_STARTS_WITHIN
        while True:
            try:
                return self._docker.info().version
            except DockerUnavailable as error:
                if time.monotonic() > deadline:
                    raise SetupFailed(
                        f"the Docker engine does not answer {ENGINE_STARTS_WITHIN:g} s after its start",
                        hint=self._log_hint("docker", "dockerd"),
                        details=error.details,
                    ) from error
            time.sleep(0.1)

    def _wait_for_daemon(self) -> str:
        deadline = time.monotonic() + DAEMON_STARTS_WITHIN
        said = ""
        while time.monotonic() < deadline:
            try:
                answer = client.call(str(self._paths.control_socket), "ping", timeout=5)
                said = str(answer.get("version", ""))
                if said == self._wanted.version:
                    return said
            except (DaemonUnavailable, RemoteError) as error:
                said = str(error)
            time.sleep(0.05)
        raise SetupFailed(
            f"{DAEMON} does not answer {DAEMON_STARTS_WITHIN:g} s after its start: {said}",
            hint=self._log_hint(DAEMON, DAEMON),
            details=self._services.output(DAEMON),
        )

    def _log_hint(self, unit: str, name: str) -> str:
        if self._services.manager == "systemd":
            return f"journalctl --unit {unit} --lines 50"
        return f"tail -n 50 {self._paths.logs / name}.log"

    def _start_containers(self, step: StartContainers) -> str:
        for name in step.names:
            if self._docker.find(name) is not None:
                self._docker.start(name)
        files.remove(stopped_record(self._paths))
        return ""

    def _write_completions(self, step: WriteCompletions) -> str:
        for path, text in step.files.items():
            _make_parents(path)
            files.write_atomically(path, text.encode())
        return ""


def _make_parents(path: Path) -> None:
    if not path.parent.is_dir():
        files.make_directory(path.parent)
