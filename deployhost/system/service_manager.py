"""Which keeper of services this machine has."""

from pathlib import Path

from deployhost.paths import Paths
from deployhost.system.services import Services
from deployhost.system.supervised import Supervised
from deployhost.system.systemd import Systemd


def keeper_of_services(paths: Paths) -> Services:
    """Given the paths, return the keeper of services of this machine."""
    return Systemd(paths.root) if Path("/run/systemd/system").is_dir() else Supervised(paths)
