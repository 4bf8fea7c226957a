"""What of BuildKit's cache is ours, and what of that may go. Pure; `prune.py` removes it.

Its records carry no labels. What proves that one is ours is when it was made: while a build of ours ran. Two builds that
ran at the same time can't be told apart; what is taken from the other one then is a cache, which it makes again.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import accumulate

from deployhost.model import Span

ROOM = 0.8  # of the budget is left over, so that not every build needs room to be made


@dataclass(frozen=True)
class Cached:
    """A record of BuildKit's cache: `free` says whether removing it frees its bytes; times are unix seconds."""

    id: str
    size: int
    free: bool
    created: float
    last_used: float


def ours(records: Iterable[Cached], spans: Collection[Span]) -> list[Cached]:
    """Return the records that were made while our builds ran."""
    ordered = sorted(spans, key=lambda span: span.start)
    starts = [span.start for span in ordered]
    # Of all that began before a record, the one that ended last decides.
    ends = list(accumulate((span.end for span in ordered), max))

    def is_ours(record: Cached) -> bool:
        before = bisect_right(starts, record.created)
        return before > 0 and record.created <= ends[before - 1]

    return [record for record in records if is_ours(record)]


def surplus(records: Iterable[Cached], budget: int) -> list[Cached]:
    """Return those of our records that go, the ones used longest ago first; none if all fit into the budget, in bytes."""
    free = sorted((record for record in records if record.free), key=lambda record: (record.last_used, record.id))
    left = sum(record.size for record in free)
    if left <= budget:
        return []
    gone = []
    for record in free:
        if left <= budget * ROOM:
            break
        gone.append(record)
        left -= record.size
    return gone
