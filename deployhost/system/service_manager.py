"""Which service manager this machine has."""

from pathlib import Path

from deployhost.paths import Paths
from deployhost.system.services import Services
from deployhost.system.supervised import Supervised
from deployhost.system.systemd import Systemd


def service_manager(paths: Paths) -> Services:
    """Return the service manager of this machine: systemd where it runs, else our own supervisor."""
    return Systemd(paths.root) if Path("/run/systemd/system").is_dir() else Supervised(paths)
