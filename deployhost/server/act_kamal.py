"""Carrying out the steps that bring Kamal's CLI and what it needs: one method per type of step."""

import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.config import server as server_config
from deployhost.errors import CommandFailed, DeployhostError, SetupFailed
from deployhost.kamal import guard, guard_plan
from deployhost.paths import Paths
from deployhost.server import kamal_buildx, kamal_program
from deployhost.server import steps_kamal as steps
from deployhost.server.facts import install_record
from deployhost.server.facts_kamal import REGISTRY, KamalSetupFiles
from deployhost.server.read_kamal import has_buildx, public_keys
from deployhost.steps import Acts
from deployhost.system import files, packages
from deployhost.system.docker import Docker
from deployhost.system.firewall import Firewall
from deployhost.system.process import OnLine, run
from deployhost.system.services import Services

KEYGEN_TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class KamalActor:
    """Carries out the steps for Kamal's CLI. `log` gets each line that a program writes."""

    paths: Paths
    docker: Docker
    services: Services
    log: OnLine
    firewall: Firewall = field(default_factory=Firewall)

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step; each may raise DeployhostError."""
        return {
            steps.HoldBack: self._hold_back,
            steps.ObtainKamal: lambda step: kamal_program.obtain(step.machine, self.paths.kamal_program, self.log),
            steps.WriteSshAccess: self._write_ssh_access,
            steps.SetSshPort: self._set_ssh_port,
            steps.OwnRegistry: self._own_registry,
            steps.GuardRegistry: self._guard_registry,
            steps.EnsureKamalBuilder: self._ensure_builder,
        }

    @property
    def _places(self) -> KamalSetupFiles:
        return KamalSetupFiles(self.paths)

    def _hold_back(self, step: steps.HoldBack) -> None:
        for path, text in step.files.items():
            packages.note_file(install_record(self.paths), path)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomically(path, text.encode())

    def _set_ssh_port(self, step: steps.SetSshPort) -> None:
        server_config.set_port(self.paths.server_yml, "ssh_port", step.port)

    def _own_registry(self, step: steps.OwnRegistry) -> None:
        files.make_directory(step.path, 0o700)
        shutil.chown(step.path, guard_plan.USER, guard_plan.USER)

    def _guard_registry(self, _step: steps.GuardRegistry) -> None:
        try:
            guard.apply(self.firewall, guard.registry())
        except DeployhostError as error:
            if self.services.definition(REGISTRY) is not None:
                self.services.remove(REGISTRY)  # one of before, which every account of this server reaches
            raise SetupFailed(
                f"Kamal can't be used on this server: its other accounts can't be kept from Kamal's registry: {error.message}",
                hint=error.hint or f"iptables -C {guard_plan.jump(guard.registry()).removeprefix('-A ')}",
                details=error.details,
            ) from error

    def _write_ssh_access(self, step: steps.WriteSshAccess) -> None:
        places, paths = self._places, self.paths
        for path in (paths.ssh_key, places.host_key):
            if path not in public_keys(paths):
                self._make_key(path)
        keys = public_keys(paths)
        texts = places.texts(step.port, pam=step.pam, key=keys[paths.ssh_key], host_key=keys[places.host_key])
        for path, (text, mode) in texts.items():
            files.write_atomically(path, text.encode(), mode)

    def _make_key(self, path: Path) -> None:
        # Half a pair, left by whoever was interrupted, is made anew: ssh-keygen would ask.
        files.remove(path)
        files.remove(path.with_name(f"{path.name}.pub"))
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deployhost", "-f", str(path)]
        try:
            run(argv, timeout=KEYGEN_TIMEOUT, on_line=self.log)
        except CommandFailed as error:
            raise SetupFailed(f"can't create the key {path}", hint=shlex.join(argv), details=error.details) from error

    def _ensure_builder(self, _step: steps.EnsureKamalBuilder) -> str:
        record, to = install_record(self.paths), self._places.buildx
        return kamal_buildx.obtain(self.docker, record, to, lambda: has_buildx(self.paths), self.log)
