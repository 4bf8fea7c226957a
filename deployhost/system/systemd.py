"""Services as units of systemd."""

from pathlib import Path

from deployhost.errors import CommandFailed, SetupFailed
from deployhost.system import files, process
from deployhost.system.services import Manager


class Systemd:
    """Keeps services by units in etc/systemd/system."""

    manager: Manager = "systemd"

    def __init__(self, root: Path = Path("/")) -> None:
        self._units = root / "etc/systemd/system"

    def definition(self, name: str) -> str | None:
        """Return the text of the unit that we wrote, or None; a distribution's own unit is not ours to judge."""
        return files.read_text(self._unit(name))

    def define(self, name: str, text: str) -> None:
        """Write the unit and have systemd read it."""
        files.make_directory(self._units)
        files.write_atomically(self._unit(name), text.encode())
        _systemctl("daemon-reload")

    def enabled(self, name: str) -> bool:
        """Return whether the unit is started at boot."""
        return _asked("is-enabled", name) == "enabled"

    def active(self, name: str) -> bool:
        """Return whether the unit is up."""
        return _asked("is-active", name) == "active"

    def start(self, name: str) -> None:
        """Start the unit, now and at each boot."""
        _systemctl("enable", "--now", f"{name}.service", unit=name)

    def restart(self, name: str) -> None:
        """Restart the unit."""
        _systemctl("restart", f"{name}.service", unit=name)

    def remove(self, name: str) -> None:
        """Stop and disable the unit, delete its file."""
        if self.definition(name) is None:
            return
        _systemctl("disable", "--now", f"{name}.service", unit=name)
        files.remove(self._unit(name))
        _systemctl("daemon-reload")

    def release(self, name: str) -> None:
        """Do nothing: what the distribution's units start is not ours."""

    def output(self, name: str) -> tuple[str, ...]:
        """Return the last lines of the unit's journal."""
        argv = ["journalctl", "--unit", name, "--lines", str(process.TAIL), "--output", "cat", "--no-pager"]
        return tuple(process.run(argv, timeout=30, check=False).stdout.splitlines())

    def _unit(self, name: str) -> Path:
        return self._units / f"{name}.service"


def _systemctl(*arguments: str, unit: str = "") -> None:
    try:
        process.run(["systemctl", "--quiet", *arguments], timeout=120)
    except CommandFailed as error:
        hint = f"journalctl --unit {unit} --lines 50" if unit else "systemctl status"
        what = f"systemctl {arguments[0]} {unit} failed".replace("  ", " ")
        raise SetupFailed(what, hint=hint, details=error.details) from error


def _asked(question: str, name: str) -> str:
    return process.run(["systemctl", question, f"{name}.service"], timeout=30, check=False).stdout.strip()
