"""What goes wrong in what the daemon does again and again: each problem is logged once, and `status` shows it while it lasts."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.control.views import WarningView
from deployhost.errors import DeployhostError, InternalError, InvalidConfig

SHOWN = 3600.0  # seconds for which `status` shows what is over, and a person should know of
log = logging.getLogger(__name__)


@dataclass
class Troubles:
    """Remembers what went wrong the last time it was done, and what was mended a while ago."""

    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _lasting: dict[str, DeployhostError] = field(default_factory=dict, init=False)
    _over: dict[str, float] = field(default_factory=dict, init=False)

    def went_well(self, what: str, act: Callable[[], object], *, shown: bool = True) -> bool:
        """Do something and return whether it went well. `shown`: `status` has it until it goes well."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told here
            self.went_wrong(what, error, shown=shown)
            return False
        self.forget(what)
        return True

    def went_wrong(self, what: str, error: Exception, *, shown: bool = True) -> None:
        """Note what was raised when something was done, as `went_well` does."""
        if isinstance(error, DeployhostError):
            if self._is_new(what, error, shown=shown):
                log.warning("%s: %s", what, error.message)
            return
        if self._is_new(what, InternalError.of(error, hint="deployhost converge"), shown=shown):
            log.error("%s failed", what, exc_info=error)

    def _is_new(self, what: str, error: DeployhostError, *, shown: bool) -> bool:
        """Remember an error that is `shown`, and return whether it is another one than the last time."""
        with self._lock:
            before = self._lasting.get(what)
            if shown:
                self._lasting[what] = error
        return before is None or before.message != error.message

    def lasting(self, what: str) -> str:
        """Return what went wrong the last time that something was done, or "" if it went well."""
        with self._lock:
            error = self._lasting.get(what)
        return "" if error is None else error.message

    def forget(self, what: str) -> None:
        """Show nothing more of what is not done any more."""
        with self._lock:
            self._lasting.pop(what, None)

    def mended(self, note: str) -> None:
        """Have `status` show for a while what was wrong until now; who mended it has logged it."""
        with self._lock:
            self._over[note] = self.clock() + SHOWN

    def now(self, *others: str) -> list[WarningView]:
        """Return all that is to be shown, what others found wrong too ("": nothing), each with the command that mends it, or ""."""
        with self._lock:
            self._over = {note: until for note, until in self._over.items() if until > self.clock()}
            # What is wrong with apps.yml is in every answer already.
            lasting: dict[str, WarningView] = {
                error.message: {"message": f"{what}: {error.message}", "hint": error.hint}
                for what, error in reversed(self._lasting.items())
                if not isinstance(error, InvalidConfig)
            }
            found: list[WarningView] = [{"message": text, "hint": ""} for text in (*filter(None, others), *self._over)]
        return [*reversed(lasting.values()), *found]
