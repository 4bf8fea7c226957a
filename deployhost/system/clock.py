"""The machine's clock, and the one way to wait for something: for an answer (`until`), or for an end of errors (`retry`)."""

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


def retry(
    act: Callable[[], Answer],
    *,
    again: Callable[[Exception], bool],
    within: float,
    every: float,
    check: Callable[[], object] = lambda: None,
    clock: Clock = CLOCK,
) -> Answer:
    """Do something and return its result; do it again every `every` seconds while it raises what `again` accepts.

    After `within` seconds, its error is raised. `check` is called before each wait, to raise what ends it.
    """
    deadline = clock.monotonic() + within
    while True:
        try:
            return act()
        except Exception as error:
            if not again(error) or clock.monotonic() >= deadline:
                raise
        check()
        clock.sleep(every)
