"""How much of an output is told: so many lines a second, and of what comes faster the end. The rest is dropped before anybody parses it.

Whoever writes output may write as fast as he likes; each line that is told is read, searched for secrets and written to a file.
"""

import time
from collections import deque
from collections.abc import Callable

A_SECOND = 500  # lines that are told
MOST_MARKED = 2000  # … with those that say what the output belongs to
TAIL = (
    20  # lines that are kept of what comes faster, and told once there is time: the last ones say why something failed
)


class OutputPace:
    """Passes on the lines of an output at a bounded pace. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._second = 0
        self._told = self._marked = self._dropped = 0
        self._kept: deque[str] = deque(maxlen=TAIL)

    def take(self, line: str, *, marked: bool = False) -> list[str]:
        """Return the lines to tell now that this one has come: none, itself, or those that were kept before it.

        A `marked` line says what others belong to, and is told unless there are far too many of them.
        """
        lines: list[str] = []
        second = int(self._now())
        if second != self._second:
            lines = self.rest()
            self._second, self._told, self._marked = second, 0, 0
        if marked and self._marked < MOST_MARKED:
            self._marked += 1
            lines.append(line)
        elif self._told < A_SECOND:
            self._told += 1
            lines.append(line)
        else:
            self._dropped += len(self._kept) == TAIL
            self._kept.append(line)
        return lines

    @property
    def dropped(self) -> int:
        """Return how many lines were dropped since this was asked last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def rest(self) -> list[str]:
        """Return the lines that were kept, oldest first: once the output has ended, its last ones."""
        lines = list(self._kept)
        self._kept.clear()
        return lines


def left_out(lines: int) -> str:
    """Return the line that stands for so many that are not told."""
    return f"  … {lines:,} line{'' if lines == 1 else 's'} left out"
