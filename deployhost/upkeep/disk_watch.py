"""While builds run: is a disk filling up? Then they are ended, one after the other, before apps have no room left."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployhost.config.server import ServerSettings
from deployhost.errors import DeployhostError, DiskFull
from deployhost.sizes import readable_size
from deployhost.system.stop import Deadline
from deployhost.upkeep.disk import MAKE_ROOM
from deployhost.upkeep.disk_plan import Space, is_low
from deployhost.upkeep.disk_space import Disks

EVERY = 0.25  # seconds between looks; each takes microseconds
RELEASED = 3.0  # seconds that a build which was ended may take to give back its room, before the next is ended


@dataclass(kw_only=True)
class DiskWatch:
    """Watches the disks while there are builds."""

    disks: Disks
    settings: ServerSettings
    every: float = EVERY
    released: float = RELEASED
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _watched: list[Deadline] = field(default_factory=list, init=False)  # the oldest first
    _at_work: bool = field(default=False, init=False)
    _next: float = field(default=0.0, init=False)  # when the next build may be ended

    @contextmanager
    def watching(self, deadline: Deadline) -> Iterator[None]:
        """End the block by its deadline, with DiskFull as its reason, if a disk fills up meanwhile."""
        with self._lock:
            self._watched.append(deadline)
            begin, self._at_work = not self._at_work, True
        if begin:
            threading.Thread(target=self._watch, name="disk watch", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._watched.remove(deadline)

    def _watch(self) -> None:
        while True:
            time.sleep(self.every)
            with self._lock:
                if not self._watched:
                    self._at_work = False
                    return
            self._look()

    def _look(self) -> None:
        try:
            wanted = self.settings.current().disk_reserve
            low = next((space for space in self.disks.all() if is_low(space, wanted)), None)
        except (DeployhostError, OSError):
            return  # whoever needs the engine or the settings tells that
        if low is None or time.monotonic() < self._next:
            return
        with self._lock:
            # Nobody knows who wrote how much. What has run the longest is the likeliest, and rarely the only one.
            oldest = next((deadline for deadline in self._watched if not deadline.is_set()), None)
        if oldest is not None:
            self._next = time.monotonic() + self.released
            oldest.end(_ended(low))


def _ended(space: Space) -> DiskFull:
    files = f"room for {space.free_inodes:,} more files" if space.free_inodes else "little room"
    return DiskFull(
        f"the build was ended: it left the disk of {space.path} only {readable_size(space.free)} of "
        f"{readable_size(space.total)} ({files})",
        hint=MAKE_ROOM,
        details=("apps go on serving",),
    )
