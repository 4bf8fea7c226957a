"""What keeps services of the machine running: systemd, or our own supervisor where PID 1 is something else."""

from typing import Literal, Protocol

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of every service

Manager = Literal["systemd", "supervisor"]


class Services(Protocol):
    """Whoever keeps services running. A definition is a text that only the manager of that kind understands."""

    manager: Manager

    def definition(self, name: str) -> str | None:
        """Return how the service is defined now, or None."""

    def define(self, name: str, text: str) -> None:
        """Define the service, or define it again; a running process keeps running until it is restarted."""

    def enabled(self, name: str) -> bool:
        """Return whether the service is kept running, and comes back by itself where that is possible."""

    def active(self, name: str) -> bool:
        """Return whether the service runs now."""

    def start(self, name: str) -> None:
        """Have a defined service running and enabled. Raises SetupFailed."""

    def restart(self, name: str) -> None:
        """Have the service run what its definition says now. Raises SetupFailed."""

    def remove(self, name: str) -> None:
        """Stop the service and forget it; a missing one is ignored."""

    def release(self, name: str) -> None:
        """Forget the service, but leave it running."""

    def output(self, name: str) -> tuple[str, ...]:
        """Return the last lines that the service wrote."""
