"""A wish that something ends, made in one thread and felt at once in another that waits: for a process, a stream, a moment."""

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from deployhost.errors import CommandStopped, DeployhostError

Result = TypeVar("Result")


class Stop:
    """Nothing is wished yet. Whoever waits says what wakes it (`waking`), so that nobody has to look again and again."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    def set(self) -> None:
        """Wish it; a second call does nothing. Every waker is called, from this thread, before this returns."""
        with self._lock:
            self._event.set()
            for waker in self._wakers:
                waker()

    def is_set(self) -> bool:
        """Return whether it is wished."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Return once it is wished or the seconds are over: whether it is wished."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Return if it is not wished. Raise CommandStopped."""
        if self.is_set():
            raise CommandStopped("the work was stopped")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let no time pass within the block, where time would make the wish by itself (`Deadline`)."""
        yield

    @contextlib.contextmanager
    def waking(self, waker: Callable[[], None]) -> Iterator[None]:
        """Have `waker` called when the wish is made, or now if it was; never after the block."""
        with self._lock:
            self._wakers.append(waker)
            if self._event.is_set():
                waker()
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(waker)

    @contextlib.contextmanager
    def polled_with(self, descriptor: int) -> Iterator[select.poll]:
        """Yield what waits for a descriptor to be readable, and wakes when the wish is made."""
        wished = os.eventfd(0, os.EFD_CLOEXEC)
        try:
            with self.waking(lambda: os.eventfd_write(wished, 1)):
                waiting = select.poll()
                waiting.register(descriptor, select.POLLIN)
                waiting.register(wished, select.POLLIN)
                yield waiting
        finally:
            os.close(wished)


class Deadline(Stop):
    """A stop that also comes by itself: once its time is over, with the stop that it was made from, or with a reason (`end`).

    Whoever waits takes it for the stop that it is, so that one value bounds all of a piece of work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.why: DeployhostError | None = None
        self._left = 0.0
        self._over: Callable[[], DeployhostError] | None = None
        self._timer: tuple[threading.Timer, float] | None = None

    def end(self, why: DeployhostError) -> None:
        """Wish that the work ends, for a reason. The first reason counts."""
        if not self.is_set():
            self.why = self.why or why
            self.set()

    @contextlib.contextmanager
    def running(self, stop: Stop, seconds: float, over: Callable[[], DeployhostError]) -> Iterator[None]:
        """Bound the block: by `seconds`, after which `over` is its error, and by another stop.

        Raise that error, or the one given to `end`, where the block raises CommandStopped or goes on to `check`.
        """
        self._left, self._over = seconds, over
        try:
            with stop.waking(self.set), self._ticking():
                yield
        except CommandStopped as stopped:
            if self.why is None:
                raise
            self.why.details = self.why.details or stopped.details
            raise self.why from stopped

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let no time pass within the block."""
        self._hold()
        try:
            yield
        finally:
            self._tick()

    def check(self) -> None:
        """Return if the work may go on. Raise its reason to end; CommandStopped if another stop ended it."""
        if self.is_set() and self.why is not None:
            raise self.why
        super().check()

    @contextlib.contextmanager
    def _ticking(self) -> Iterator[None]:
        self._tick()
        try:
            yield
        finally:
            self._hold()

    def _tick(self) -> None:
        timer = threading.Timer(self._left, self._ring)
        timer.daemon = True
        timer.start()
        self._timer = timer, time.monotonic()

    def _hold(self) -> None:
        if self._timer is not None:
            timer, since = self._timer
            timer.cancel()
            self._left, self._timer = max(0.0, self._left - (time.monotonic() - since)), None

    def _ring(self) -> None:
        if self._over is not None:
            self.end(self._over())


def unless_stopped(work: Callable[[], Result], stop: Stop, *, name: str = "abandonable") -> Result:
    """Do work that can't be interrupted, and return its result. Raise what it raises, or CommandStopped at once when `stop` is set.

    It is done by a thread of its own, which is left alone then: the work has to end by itself, and undo nothing of others.
    """
    done = threading.Event()
    result: list[Result] = []
    errors: list[BaseException] = []

    def carry_out() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised where the work is waited for
            errors.append(error)
        finally:
            done.set()

    with stop.waking(done.set):
        if not stop.is_set():
            threading.Thread(target=carry_out, name=name, daemon=True).start()
            done.wait()
    stop.check()
    if errors:
        raise errors.pop()  # kept there, it would hold its own traceback, and that whatever was open in it
    return result[0]
