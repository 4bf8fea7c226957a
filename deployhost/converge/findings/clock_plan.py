"""A clock that nothing keeps right, or that is earlier than what is written in the journal. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from deployhost.steps import Finding, Severity

TOLERANCE = 5.0  # seconds by which a time daemon may set a clock back
STATUS = {"systemd-timesyncd": "timedatectl timesync-status", "chrony": "chronyc sources"}


@dataclass(frozen=True, kw_only=True)
class ClockFacts:
    """The clock and what keeps it right; times are unix seconds.

    `kept` is whether a time daemon keeps the clock right, None if that can't be told.
    """

    at: float
    newest_entry: float  # the newest time in the journal, 0 if there is none
    kept: bool | None
    systemd: bool = False
    installed: bool = False  # whether there is a time daemon that `timedatectl` can switch on
    running: str = ""  # the time daemon that runs

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        if self.kept is False:
            stuck = f"; {self.running} runs, but has not set it" if self.running else ""
            why = f"certificates, the order of deploys and backups depend on it{stuck}"
            yield Finding(Severity.WARNING, "the clock is not synchronised", why, self._fix())
        behind = self.newest_entry - self.at
        if behind > TOLERANCE:
            yield Finding(
                severity=Severity.WARNING,
                what=f"the clock is {_span(behind)} earlier than the journal's newest entry",
                why="it was set back, or was ahead when that was written; what is newer looks older",
                fix=self._fix() if self.kept is False else "",
            )

    def _fix(self) -> str:
        if self.running:
            return STATUS[self.running]
        if not self.systemd:
            return "apt-get install chrony"
        return "timedatectl set-ntp true" if self.installed else "apt-get install systemd-timesyncd"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
