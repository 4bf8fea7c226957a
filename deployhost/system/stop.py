"""A wish that something ends, made in one thread and felt at once in another that waits: for a process, a stream, a moment."""

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterator


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
