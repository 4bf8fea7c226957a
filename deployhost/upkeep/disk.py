"""Before a build: is there room? If not, what is ours and not needed goes first; then the build is refused, not the disk filled."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from deployhost.config.current import Apps
from deployhost.config.server import ServerSettings
from deployhost.errors import DeployhostError, DiskFull, InternalError
from deployhost.model import AppName
from deployhost.sizes import readable_size
from deployhost.upkeep.disk_plan import Space, missing, reserve, short_of_inodes
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.prune import Pruner

MAKE_ROOM = "docker builder prune --all --force"  # frees without harm: what is built next takes longer once


@dataclass(frozen=True, kw_only=True)
class DiskGuard:
    """Keeps builds from filling a disk."""

    disks: Disks
    settings: ServerSettings
    pruner: Pruner
    apps: Apps

    def check(self, note: Callable[[str], None]) -> None:
        """Return if a build may begin; `note` gets what was done for that. Microseconds, unless there is too little room.

        Raise DiskFull with what is free and what is needed.
        """
        full = self._full()
        if not full:
            return
        first = full[0]
        note(
            f"only {readable_size(first.free)} free on {first.path}: removing old images and build cache of deployhost's apps"
        )
        for error in self._make_room():
            note(f"warning: not all of it could be removed: {error.message}")
        for space in self._full():
            raise _refusal(space, reserve(space.total, self.settings.current().disk_reserve))

    def _full(self) -> list[Space]:
        wanted = self.settings.current().disk_reserve
        return [space for space in self.disks.all() if missing(space, wanted) or short_of_inodes(space)]

    def _make_room(self) -> list[DeployhostError]:
        """Remove what is not needed and return what went wrong: one app's trouble does not keep the rest on the disk."""
        problems: list[DeployhostError] = []
        removals: list[Callable[[], None]] = [*(partial(self._prune, app) for app in self._apps()), self._prune_cache]
        for remove in removals:
            try:
                remove()
            except DeployhostError as error:
                problems.append(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is that app's
                problems.append(InternalError.of(error))
        return problems

    def _apps(self) -> list[AppName]:
        with contextlib.suppress(DeployhostError):  # apps.yml can't be read, which every operation tells
            return list(self.apps.known)
        return []

    def _prune(self, app: AppName) -> None:
        self.pruner.remove(self.pruner.surplus(app))

    def _prune_cache(self) -> None:
        engine, wanted = self.disks.engine(), self.settings.current().disk_reserve
        # Of a disk with too many files all of the cache goes: bytes don't tell how many a record has.
        needed = engine.total if short_of_inodes(engine) else missing(engine, wanted)
        if needed:
            self.pruner.remove_cache(self.pruner.cache_surplus(needed))


def _refusal(space: Space, needed: int) -> DiskFull:
    if space.free >= needed:
        return DiskFull(
            f"the disk of {space.path} has room for only {space.free_inodes:,} more files: the build was not begun",
            hint=MAKE_ROOM,
        )
    return DiskFull(
        f"the disk of {space.path} is nearly full: {readable_size(space.free)} of {readable_size(space.total)} free, "
        f"a build needs {readable_size(needed)}; it was not begun",
        hint=MAKE_ROOM,
        details=("what deployhost itself no longer needs is removed already", "apps go on serving"),
    )
