"""How many looks deliveries may cause: the process that hands them over is reached by strangers, and a look costs a fetch."""

import threading
from collections import deque
from dataclasses import dataclass, field

from deployhost.model import AppName, Branch
from deployhost.system.clock import Clock

MOST, PERIOD = 60, 60.0  # looks at an app because of one branch, in so many seconds; people push far less often
MOST_KEYS = 2000  # apps and branches that are remembered


@dataclass(kw_only=True)
class DeliveryRate:
    """Counts the deliveries of each app and branch. What is too much is left to the look of every minute."""

    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _taken: dict[tuple[AppName, Branch | None], deque[float]] = field(default_factory=dict, init=False)

    def allows(self, app: AppName, branch: Branch | None) -> bool:
        """Return whether a delivery may cause a look now, and count it if so; it is about a branch, or about the whole repository (None)."""
        with self._lock:
            now, key = self.clock.monotonic(), (app, branch)
            if key not in self._taken and len(self._taken) >= MOST_KEYS:
                self._taken = {one: times for one, times in self._taken.items() if times[-1] > now - PERIOD}
                if len(self._taken) >= MOST_KEYS:
                    return False
            times = self._taken.setdefault(key, deque(maxlen=MOST))
            if len(times) == MOST and times[0] > now - PERIOD:
                return False
            times.append(now)
            return True
