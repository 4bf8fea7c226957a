"""Turns at building: so many builds at a time on the server, first come first served; who waits says so, and can be cancelled."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deployhost.containers.attempt import Attempt
from deployhost.model import AppName


@dataclass
class BuildTurns:
    """Lets deploys build one after the other, as many at a time as `at_once` says."""

    at_once: Callable[[], int]
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False, repr=False)
    _building: list[AppName] = field(default_factory=list, init=False)
    _waiting: list[Attempt] = field(default_factory=list, init=False)

    @contextlib.contextmanager
    def turn(self, attempt: Attempt) -> Iterator[None]:
        """Run the block once it is an attempt's turn; a wait is told, and is a phase of its own. Raise DeployCancelled."""
        app = attempt.deploy.app
        with self._changed:
            before = self._ahead()
            if not before:
                self._building.append(app)
        if before:
            attempt.progress.note(f"waiting for the build of {before[0]}")
            with attempt.progress.stage("wait"):
                self._wait(attempt)
        try:
            yield
        finally:
            with self._changed:
                self._building.remove(app)
                self._changed.notify_all()

    def _ahead(self) -> list[AppName]:
        """Return whose builds have to end or begin before the next may begin; none: it may at once."""
        if len(self._building) < self.at_once() and not self._waiting:
            return []
        return [*self._building, *(one.deploy.app for one in self._waiting)]

    def _wait(self, attempt: Attempt) -> None:
        with attempt.stop.waking(self._wake), self._changed:
            self._waiting.append(attempt)
            try:
                while len(self._building) >= self.at_once() or self._waiting[0] is not attempt:
                    attempt.check()
                    self._changed.wait()
                self._building.append(attempt.deploy.app)
            finally:
                self._waiting.remove(attempt)
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
