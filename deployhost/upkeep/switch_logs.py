"""The logs of switches, which are read while kamal-proxy is asked, and by nobody once that is over."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from deployhost.paths import Paths

READ = 600.0  # seconds after which a switch's log has no reader any more


@dataclass(frozen=True)
class SwitchLogs:
    """Deletes old logs of switches, which a daemon that was killed left behind."""

    paths: Paths
    clock: Callable[[], float]

    def keep(self) -> None:
        """Delete what is older than READ."""
        for left in self.paths.run.glob("switch-*.log"):
            with contextlib.suppress(OSError):
                if left.stat().st_mtime < self.clock() - READ:
                    left.unlink(missing_ok=True)
