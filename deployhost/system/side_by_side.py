"""Doing the same to several things side by side."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
