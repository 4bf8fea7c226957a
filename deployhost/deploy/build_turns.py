"""Turns at building: so many builds at a time on the server, first come first served; who waits says so, and can be cancelled.

A build that lasts keeps nobody out any more: no app is to wait for another one's for longer than a usual build takes. What
bounds all that happens until a deploy has its image is here too: the time that a build may take, and its cancellation.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from deployhost.build.limits import too_long
from deployhost.config.server import ServerSettings
from deployhost.containers.attempt import Attempt
from deployhost.deploy.queue import BUILDS
from deployhost.errors import DiskFull
from deployhost.model import AppName
from deployhost.system.stop import Deadline
from deployhost.upkeep.disk_watch import DiskWatch

LASTING = 15.0  # seconds of a build after which it keeps no other one out


@dataclass
class BuildTurns:
    """Lets deploys build one after the other, as many at a time as `at_once` says, besides those that last."""

    at_once: Callable[[], int]
    lasting: float = LASTING
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False, repr=False)
    # What builds, and since when.
    _building: list[tuple[AppName, float]] = field(default_factory=list, init=False)
    _waiting: list[Attempt] = field(default_factory=list, init=False)

    @contextlib.contextmanager
    def turn(self, attempt: Attempt) -> Iterator[None]:
        """Run the block once it is an attempt's turn; a wait is told, and is a phase of its own. Raise DeployCancelled."""
        mine = None
        with self._changed:
            before = self._ahead()
            if not before:
                mine = self._begin(attempt)
        if mine is None:
            attempt.progress.note(f"waiting for the build of {before[0]}")
            with attempt.progress.stage("wait"), attempt.stop.paused():
                mine = self._wait(attempt)
        try:
            yield
        finally:
            with self._changed:
                self._building.remove(mine)
                self._changed.notify_all()

    def _begin(self, attempt: Attempt) -> tuple[AppName, float]:
        self._building.append((attempt.deploy.app, time.monotonic()))
        return self._building[-1]

    def _ahead(self) -> list[AppName]:
        """Return whose builds have to end, last or begin before the next may begin; none: it may at once."""
        young, _ = self._young()
        if len(young) < self.at_once() and not self._waiting:
            return []
        return [*young, *(one.deploy.app for one in self._waiting)]

    def _young(self) -> tuple[list[AppName], float | None]:
        """Return the builds that keep others out, and the seconds until the oldest of them no longer does."""
        now = time.monotonic()
        left = [(app, self.lasting - (now - since)) for app, since in self._building if now - since < self.lasting]
        return [app for app, _ in left], min((seconds for _, seconds in left), default=None)

    def _wait(self, attempt: Attempt) -> tuple[AppName, float]:
        with attempt.stop.waking(self._wake), self._changed:
            self._waiting.append(attempt)
            try:
                while True:
                    young, seconds = self._young()
                    if len(young) < self.at_once() and self._waiting[0] is attempt:
                        return self._begin(attempt)
                    attempt.check()
                    self._changed.wait(seconds)
            finally:
                self._waiting.remove(attempt)
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


@dataclass(frozen=True, kw_only=True)
class BuildBounds:
    """Bounds attempts while they get their images: fetching, planning, pulling bases and building have one time together.

    `room` raises DiskFull where a disk has no room for a build, `discard` deletes the files that an app's builds have checked out.
    """

    settings: ServerSettings
    room: Callable[[Callable[[str], None]], None]
    disk_watch: DiskWatch
    discard: Callable[[AppName], object]

    @contextlib.contextmanager
    def of(self, attempt: Attempt) -> Iterator[Attempt]:
        """Yield an attempt whose `stop` comes with its cancellation, once `build_timeout` is over, or when a disk fills up.

        Raise DeployCancelled, BuildFailed or DiskFull where that ends the block; InvalidConfig.
        """
        seconds, deadline = self.settings.current().build_timeout, Deadline()

        def check() -> None:
            attempt.check()
            deadline.check()

        try:
            with (
                attempt.cancellable(),
                deadline.running(attempt.stop, seconds, lambda: too_long(self.settings, seconds)),
                self._with_room(attempt, deadline),
            ):
                yield replace(attempt, stop=deadline, check=check)
        finally:
            if isinstance(deadline.why, DiskFull):
                self.discard(attempt.deploy.app)  # what was being checked out may be what filled it

    @contextlib.contextmanager
    def _with_room(self, attempt: Attempt, deadline: Deadline) -> Iterator[None]:
        """Have room before the block, and end it by the deadline if that is used up; what builds nothing needs none."""
        if attempt.deploy.trigger not in BUILDS:
            yield
            return
        self.room(attempt.progress.note)
        with self.disk_watch.watching(deadline):
            yield
