"""Sweeps over effects: all of them, but every third in `tests/run fast`, which sets DEPLOYHOST_TESTS=fast."""

import itertools
import os
from collections.abc import Iterator

FAST = os.environ.get("DEPLOYHOST_TESTS") == "fast"


def effects(every: int = 1) -> Iterator[int]:
    """Yield the numbers of the effects to break, without end: every n-th one, or every third of these."""
    return itertools.count(every, every * 3 if FAST else every)
