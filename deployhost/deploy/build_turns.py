"""Turns at building: so many builds at a time on the server, first come first served; who waits says so, and can be cancelled."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from deployhost.containers.attempt import Attempt
from deployhost.model import AppName


class BuildTurns:
    """Lets deploys build one after the other, as many at a time as `at_once` says."""

    def __init__(self, at_once: Callable[[], int]) -> None:
        self._at_once = at_once
        self._changed = threading.Condition()
        self._building: list[AppName] = []
        self._waiting: list[Attempt] = []

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
        if len(self._building) < self._at_once() and not self._waiting:
            return []
        return [*self._building, *(one.deploy.app for one in self._waiting)]

    def _wait(self, attempt: Attempt) -> None:
        with attempt.stop.waking(self._wake), self._changed:
            self._waiting.append(attempt)
            try:
                while len(self._building) >= self._at_once() or self._waiting[0] is not attempt:
                    attempt.check()
                    self._changed.wait()
                self._building.append(attempt.deploy.app)
            finally:
                self._waiting.remove(attempt)
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
