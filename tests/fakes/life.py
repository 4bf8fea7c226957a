"""One run of the daemon on the fakes, which any effect on the outside can break.

A life that has ended changes nothing any more, whichever thread of it is still about. What the tools have (Engine, Table, Refs)
outlives it, as it would.
"""

import threading
from collections.abc import Callable


class Crash(BaseException):
    """The daemon dies here."""


class Life:
    """Given the number of the effect that breaks it (0: none) and with what, count effects. A Crash ends the life, an error does not."""

    def __init__(self, break_at: int = 0, error: Callable[[str], BaseException] = Crash) -> None:
        self._break_at = break_at
        self._error = error
        self._lock = threading.Lock()
        self.over = False
        self.effects: list[str] = []

    def effect(self, name: str) -> None:
        """Take note of an effect that is about to happen. Raise what was chosen if it is the one that breaks."""
        with self._lock:
            if self.over:
                raise Crash
            self.effects.append(name)
            if len(self.effects) != self._break_at:
                return
            error = self._error(name)
            self.over = isinstance(error, Crash)
        raise error

    @property
    def broke(self) -> bool:
        """Return whether the chosen effect was reached."""
        return 0 < self._break_at <= len(self.effects)


class Until(Life):
    """A life that ends where this is about to be done for the first time."""

    def __init__(self, effect: str) -> None:
        super().__init__()
        self._last = effect

    def effect(self, name: str) -> None:
        if name == self._last:
            self.over = True
        super().effect(name)
