"""Carrying out the steps for cloudflared and its service: one method per type of step."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.edge.connector import running_tunnel
from deployhost.errors import CommandFailed, SetupFailed, TunnelNotConnected
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server import steps_tunnel as tunnel_steps
from deployhost.server.facts import install_record
from deployhost.server.facts_tunnel import NOLOGIN, TUNNEL, TunnelSetupFiles
from deployhost.server.read_tunnel import find_cloudflared, serves, starter
from deployhost.steps import Acts
from deployhost.system import files, packages, process
from deployhost.system.clock import until
from deployhost.system.http import Get
from deployhost.system.http import get as get_http
from deployhost.system.process import OnLine
from deployhost.system.services import PATH, Services

CONNECTS_WITHIN = 60.0  # seconds; a usual start takes two
GRACE = 35.0  # seconds that a cloudflared has to end its requests; it gives them 30
USER_TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class TunnelActor:
    """Carries out the steps for the tunnel on this machine. `log` gets each line that a program writes."""

    paths: Paths
    services: Services
    log: OnLine
    get: Get = get_http
    connects_within: float = CONNECTS_WITHIN

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step that brings something; each may raise DeployhostError."""
        return {
            tunnel_steps.WriteAptSource: self._write_apt_source,
            tunnel_steps.InstallCloudflared: self._install,
            tunnel_steps.CreateUsers: self._create_users,
            tunnel_steps.StartTunnel: self._start,
            tunnel_steps.RestartTunnel: self._restart,
        }

    @property
    def removals(self) -> Acts:
        """Return what carries out each type of step that takes something away; each may raise DeployhostError."""
        return {
            tunnel_steps.UninstallPackages: self._uninstall_packages,
            tunnel_steps.UninstallUsers: self._uninstall_users,
        }

    @property
    def _record(self) -> Path:
        return install_record(self.paths)

    def _write_apt_source(self, step: tunnel_steps.WriteAptSource) -> None:
        for path, text in step.files.items():
            packages.note_file(self._record, path)
            if not path.parent.is_dir():
                files.make_directory(path.parent)
            files.write_atomically(path, text.encode())

    def _install(self, step: tunnel_steps.InstallCloudflared) -> str:
        added = packages.install(step.packages, (), self._record, self.log)
        return f"{added} packages"

    def _create_users(self, step: tunnel_steps.CreateUsers) -> None:
        for name in step.names:
            packages.note_user(self._record, name)
            options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", NOLOGIN]
            try:
                process.run(["/usr/sbin/useradd", *options, name], timeout=USER_TIMEOUT, on_line=self.log)
            except CommandFailed as error:
                raise SetupFailed(
                    f"can't create the user {name}", hint=f"useradd --system {name}", details=error.details
                ) from error

    def _start(self, step: tunnel_steps.StartTunnel) -> str:
        try:
            self.services.start(step.name)
        except SetupFailed as error:
            raise self._not_connected(error.details) from error
        return self._until_connected(TunnelSetupFiles(self.paths).note)

    def _restart(self, step: tunnel_steps.RestartTunnel) -> str:
        places = TunnelSetupFiles(self.paths)
        before = running_tunnel(places.note)
        with contextlib.ExitStack() as stack:
            if before is not None and serves(before, self.get):
                stack.enter_context(self._stand_in())
            try:
                self.services.restart(step.name)
            except SetupFailed as error:
                raise self._not_connected(error.details) from error
            return self._until_connected(places.note)

    @contextlib.contextmanager
    def _stand_in(self) -> Iterator[None]:
        """Have another cloudflared serve until the block ends: with the only one, every request would go too."""
        note = TunnelSetupFiles(self.paths).second_note
        files.remove(note)
        argv = starter(self.paths, note, find_cloudflared())
        other = process.spawn(argv, env={"PATH": PATH}, on_line=self.log, dies_with_us=True)
        try:
            self._until_connected(note)
            yield
        finally:
            other.stop(GRACE)
            files.remove(note)

    def _until_connected(self, note: Path) -> str:
        def connected() -> bool:
            running = running_tunnel(note)
            return running is not None and serves(running, self.get)

        if not until(connected, within=self.connects_within, every=0.1):
            raise self._not_connected(self.services.output(TUNNEL))
        return "connected"

    def _not_connected(self, details: tuple[str, ...]) -> TunnelNotConnected:
        hint = f"journalctl --unit {TUNNEL} --lines 50"
        if self.services.manager != "systemd":
            hint = f"tail -n 50 {self.paths.logs / TUNNEL}.log"
        what = f"cloudflared did not connect to Cloudflare within {self.connects_within:g} s; it keeps trying"
        return TunnelNotConnected(what, hint=hint, details=details[-12:])

    def _uninstall_packages(self, step: tunnel_steps.UninstallPackages) -> None:
        packages.remove(step.packages, self._record, self.log)

    def _uninstall_users(self, step: tunnel_steps.UninstallUsers) -> None:
        for name in step.names:
            # 6: there is none of that name (userdel(8)).
            done = process.run(
                ["/usr/sbin/userdel", "--force", name], timeout=USER_TIMEOUT, on_line=self.log, check=False
            )
            if done.code not in (0, 6):
                raise SetupFailed(
                    f"can't delete the user {name}",
                    hint=f"userdel {name}",
                    details=tuple(done.stderr.splitlines()[-3:]),
                )
        packages.forget(self._record, *step.names)

    def delete_files(self, step: steps.UninstallFiles) -> None:
        """Delete files that set-up wrote, and forget them."""
        for path in step.paths:
            files.remove(path)
        packages.forget(self._record, *map(str, step.paths))
