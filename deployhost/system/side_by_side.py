"""Doing the same to several things side by side, or one thing beside another."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(act: Callable[[Item], Result], items: Sequence[Item], *, at_once: int = 8) -> list[Result]:
    """Do something to each item, at most `at_once` of them at a time, and return the results in the items' order.

    A single one is done in this thread. Raise the first error once all that was begun has ended; nothing is begun after it.
    """
    if len(items) < 2:
        return [act(item) for item in items]
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return list(pool.map(act, items))


class Beside(Generic[Result]):
    """Something that is done in a thread of its own from now on, whether or not anybody wants to know what came of it."""

    def __init__(self, act: Callable[[], Result]) -> None:
        self._act = act
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """Wait until it is done and return its result. Raise its error."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._act())
        except BaseException as error:  # noqa: BLE001 - it is whose who wants the result
            self._error = error
