"""The machine's clock, and the one way to wait for something."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


class Clock:
    """The machine's clock. Tests pass one that only sleeping moves on."""

    def time(self) -> float:
        """Return the wall clock's time in unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds from some moment on; they never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)


CLOCK = Clock()


def until(
    question: Callable[[], Answer | None],
    *,
    within: float,
    every: float,
    check: Callable[[], object] = lambda: None,
    clock: Clock = CLOCK,
) -> Answer | None:
    """Ask a question every `every` seconds until its answer is true, and return that; None once `within` seconds are over.

    It is asked at least once. `check` is called before each wait, to raise what ends it. What the question raises is raised.
    """
    deadline = clock.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        if clock.monotonic() >= deadline:
            return None
        check()
        clock.sleep(every)
