"""The files that Kamal keeps of an app in the SSH user's home: the role's env file and the audit log.

Checked against Kamal 2.11 (lib/kamal/configuration/role.rb, lib/kamal/commands/auditor.rb).
"""

from datetime import UTC, datetime
from pathlib import Path

from deployhost.kamal.contract import env_file
from deployhost.model import AppName, ProcessName
from deployhost.system.files import read, write_atomically
from deployhost.system.tree import discard_tree


class KamalFiles:
    """Writes what Kamal's CLI reads in its directory (normally /root/.kamal)."""

    def __init__(self, kamal: Path) -> None:
        self._kamal = kamal

    def write_env(self, app: AppName, process: ProcessName, values: dict[str, str]) -> None:
        """Write the env file with an app's secret variables that `kamal app exec` needs, 0600."""
        path = self._kamal / "apps" / app / "env" / "roles" / f"{process}.env"
        content = env_file(values).encode()
        if read(path) != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, 0o600)

    def audit(self, app: AppName, message: str) -> None:
        """Append a message to the log of an app that `kamal audit` shows (lib/kamal/commands/auditor.rb)."""
        self._kamal.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with (self._kamal / f"{app}-audit.log").open("a", encoding="utf-8") as log:
            log.write(f"[{now}] [deployhost] {message}\n")

    def remove(self, app: AppName) -> None:
        """Delete the files of an app that is removed."""
        discard_tree(self._kamal / "apps" / app)
        discard_tree(self._kamal / "proxy" / "apps-config" / app)
        (self._kamal / f"{app}-audit.log").unlink(missing_ok=True)
