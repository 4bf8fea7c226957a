"""Where our programs are, as services name them: by the link `current`, so that definitions outlive upgrades."""

import sys
from pathlib import Path

from deployhost.server.facts import DAEMON, INSTALLED


def interpreter() -> Path:
    """Return our Python, by the link `current` where that is our venv."""
    return _program(INSTALLED, Path(sys.prefix), "python")


def daemon_program(installed: Path, prefix: Path) -> Path:
    """Return deployhostd's path; `installed` is where install.sh puts the program, `prefix` the venv we run from."""
    return _program(installed, prefix, DAEMON)


def _program(installed: Path, prefix: Path, name: str) -> Path:
    current = installed / "current"
    return (current if current.resolve() == prefix.resolve() else prefix) / "bin" / name
