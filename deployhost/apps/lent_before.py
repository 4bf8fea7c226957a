"""What was lent to every build until an upgrade stays lent to the apps that used it: their owner did not choose otherwise."""

import contextlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployhost.build.credentials_plan import HostLogins, uses_logins
from deployhost.build.docker_logins import registries_logged_in
from deployhost.build.host_files import host_environment, host_npmrc, host_pip_conf
from deployhost.build.tree import READ_LIMIT, decode
from deployhost.config import apps as apps_config
from deployhost.errors import AppNotFound
from deployhost.journal.lent_before import LentBefore
from deployhost.model import AppName
from deployhost.paths import Paths

DOCKERFILE = "Dockerfile"
log = logging.getLogger(__name__)


def host_logins(environ: Mapping[str, str] | None = None) -> HostLogins:
    """Return what this host logs in with."""
    found = host_environment(os.environ if environ is None else environ)
    home = Path(found.get("HOME", "/root"))
    return HostLogins(
        pip=host_pip_conf(found, home, credentials=True) != host_pip_conf(found, home, credentials=False),
        npm=host_npmrc(found, home, credentials=True) != host_npmrc(found, home, credentials=False),
        registries=registries_logged_in(found, home),
    )


@dataclass(frozen=True, kw_only=True)
class LendingUpgrade:
    """Writes `build_credentials: true` for apps from before the setting whose builds used what the host logs in with."""

    paths: Paths
    lent_before: LentBefore
    logins: Callable[[], HostLogins] = host_logins

    def keep(self) -> Sequence[str]:
        """Decide for each such app, once, and return notes on those that keep it. Raise InvalidConfig, FileProblem."""
        waiting = self.lent_before.apps()
        if not waiting:
            return ()
        host, notes = self.logins(), []
        for app in waiting:
            if self._may_have_used(app, host):
                with contextlib.suppress(AppNotFound):
                    apps_config.allow_build_credentials(self.paths.apps_yml, app)
                    notes.append(
                        f"builds of {app} may still use what this server logs in with (build_credentials in apps.yml)"
                    )
            self.lent_before.decided(app)
        return notes

    def _may_have_used(self, app: AppName, host: HostLogins) -> bool:
        try:
            return self._used(app, host)
        except Exception:
            log.exception("whether builds of %s used what this server logs in with is not known", app)
            return True  # as where it can't be told: an upgrade must not break a build

    def _used(self, app: AppName, host: HostLogins) -> bool:
        tree = self.paths.build_tree(app)
        if not tree.is_dir():
            return False
        dockerfile = tree / DOCKERFILE
        text = _beginning(dockerfile) if dockerfile.is_file() and not dockerfile.is_symlink() else None
        return uses_logins([path.name for path in tree.iterdir()], text, host)


def _beginning(path: Path) -> str:
    """Return what planning would read of a file, which may have gigabytes."""
    with path.open("rb") as file:
        return decode(file.read(READ_LIMIT))
