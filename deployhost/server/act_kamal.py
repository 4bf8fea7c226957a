"""Carrying out the steps that bring Kamal's CLI and what it needs: each returns a line on how it went (or "")."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from deployhost.config import server as server_config
from deployhost.errors import CommandFailed, SetupFailed
from deployhost.paths import Paths
from deployhost.server import kamal_buildx, kamal_program
from deployhost.server.facts import install_record
from deployhost.server.facts_kamal import REGISTRY_PORT, REGISTRY_USER, SSHD, KamalSetupFiles
from deployhost.server.read_kamal import has_buildx, public_keys
from deployhost.server.steps_kamal import (
    EnsureKamalBuilder,
    HoldBack,
    KamalStep,
    ObtainKamal,
    OwnRegistry,
    SetSshPort,
    WriteSshAccess,
)
from deployhost.system import files, machine, packages
from deployhost.system.docker import Docker
from deployhost.system.process import run
from deployhost.system.services import Services

STARTS_WITHIN = 20.0
KEYGEN_TIMEOUT = 30.0

OnLine = Callable[[str], None]


class KamalActor:
    """Given the paths, the engine, who keeps services, and where to log, carry out these steps."""

    def __init__(self, paths: Paths, docker: Docker, services: Services, log: OnLine) -> None:
        self._paths, self._docker, self._services, self._log = paths, docker, services, log
        self._places = KamalSetupFiles(paths)

    def __call__(self, step: KamalStep) -> str:
        """Given a step, carry it out. Raise DeployhostError."""
        match step:
            case HoldBack():
                for path, text in step.files.items():
                    packages.note_file(install_record(self._paths), path)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    files.write_atomically(path, text.encode())
                return ""
            case ObtainKamal():
                return kamal_program.obtain(step.machine, self._paths.kamal_program, self._log)
            case WriteSshAccess():
                return self._write_access(step)
            case SetSshPort():
                server_config.set_ssh_port(self._paths.server_yml, step.port)
                return ""
            case OwnRegistry():
                files.make_directory(step.path, 0o700)
                shutil.chown(step.path, REGISTRY_USER, REGISTRY_USER)
                return ""
            case EnsureKamalBuilder():
                return self._ensure_builder()
        assert_never(step)

    def wait(self, name: str, port: int) -> str:
        """Given a service that was started and its port, return once it listens there. Raise SetupFailed."""
        wanted = "sshd" if name == SSHD else "docker-registry"
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            listener = machine.listener(port)
            if listener is not None and listener.program == wanted:
                return f"on 127.0.0.1:{port}"
            time.sleep(0.05)
        unit = self._services.manager == "systemd"
        raise SetupFailed(
            f"{name} does not listen on 127.0.0.1:{port} {STARTS_WITHIN:g} s after its start",
            hint=f"journalctl --unit {name} --lines 50" if unit else f"tail -n 50 {self._paths.logs / name}.log",
            details=self._services.output(name),
        )

    def port_of(self, name: str) -> int:
        """Given one of our two services, return its port."""
        return server_config.load(self._paths.server_yml).ssh_port if name == SSHD else REGISTRY_PORT

    def _write_access(self, step: WriteSshAccess) -> str:
        places, paths = self._places, self._paths
        for path in (paths.ssh_key, places.host_key):
            if path not in public_keys(paths):
                self._make_key(path)
        keys = public_keys(paths)
        texts = places.texts(step.port, pam=step.pam, key=keys[paths.ssh_key], host_key=keys[places.host_key])
        for path, (text, mode) in texts.items():
            files.write_atomically(path, text.encode(), mode)
        return ""

    def _make_key(self, path: Path) -> None:
        # Half a pair, left by whoever was interrupted, is made anew: ssh-keygen would ask.
        files.remove(path)
        files.remove(path.with_name(f"{path.name}.pub"))
        try:
            run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deployhost", "-f", str(path)],
                timeout=KEYGEN_TIMEOUT,
                on_line=self._log,
            )
        except CommandFailed as error:
            raise SetupFailed(
                f"the key {path} can't be made", hint="ssh-keygen -t ed25519", details=error.details
            ) from error

    def _ensure_builder(self) -> str:
        record, to = install_record(self._paths), self._places.buildx
        return kamal_buildx.obtain(self._docker, record, to, lambda: has_buildx(self._paths), self._log)
