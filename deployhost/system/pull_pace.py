"""Does an image still come? By what the engine tells of a pull. Pure: events and moments in, a verdict out.

The engine takes each byte for a sign of life, and loads three layers at a time for all pulls together: a registry that sends a byte now
and then would keep everybody else's images waiting.
"""

from collections.abc import Mapping
from typing import Any

SLOWEST = 1000  # bytes a second that all layers together have to load …
SLOW_FOR = 60.0  # … within so many seconds
_DONE = frozenset({"Download complete", "Pull complete", "Already exists", "Verifying Checksum"})


class PullPace:
    """Follows one pull. `now` is the moment of its beginning, in seconds."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._moved = 0
        self._loaded: dict[str, int] = {}
        self._unpacking: set[str] = set()

    def too_slow(self, event: Mapping[str, Any], now: float) -> bool:
        """Return whether the pull is to be given up, now that the engine tells this of it (API 1.41, ImageCreate)."""
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        detail = event.get("progressDetail")
        current = int(detail.get("current") or 0) if isinstance(detail, Mapping) else 0
        if status == "Downloading":
            self._moved += max(0, current - self._loaded.get(layer, 0))
            self._loaded[layer] = current
        elif status == "Extracting":  # that takes as long as this machine does
            self._unpacking.add(layer)
        elif status in _DONE:
            self._unpacking.discard(layer)
            self._begin(now)
        if self._unpacking or self._moved >= SLOWEST * SLOW_FOR:
            self._begin(now)
        return now - self._since > SLOW_FOR

    def _begin(self, now: float) -> None:
        self._since, self._moved = now, 0
