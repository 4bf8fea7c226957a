"""Which service manager this machine has."""

from pathlib import Path

from deployhost.paths import Paths
from deployhost.system.services import Services
from deployhost.system.supervised import Supervised
from deployhost.system.systemd import Systemd


def service_manager(paths: Paths) -> Services:
    """Return the service manager of this machine: systemd where it runs, else our own supervisor."""
    return Systemd(paths.root) if _systemd_runs() else Supervised(paths)


def restart_command(name: str, pid: int) -> str:
    """Return the command that restarts a service whose process is `pid`: our supervisor starts it again once it has ended."""
    return f"systemctl restart {name}" if _systemd_runs() else f"kill {pid}"


def log_command(name: str, logs: Path) -> str:
    """Return the command that shows the last lines that a service logged; our supervisor keeps its logs in `logs`."""
    return f"journalctl --unit {name} --lines 50" if _systemd_runs() else f"tail -n 50 {logs / name}.log"


def _systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()
