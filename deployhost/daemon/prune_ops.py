"""The operation that removes what no app needs any more."""

from collections.abc import Callable, Iterable

from deployhost.control.messages import Message
from deployhost.daemon.control import Emit, Handler
from deployhost.model import AppName
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.prune import Pruner


class PruneOperation:
    """Given what prunes, the disks, every app's name, and what collects the registry, carry the operation out."""

    def __init__(
        self,
        pruner: Pruner,
        disks: Disks,
        apps: Callable[[], Iterable[AppName]],
        collect: Callable[[], object] = lambda: None,
    ) -> None:
        self._pruner = pruner
        self._disks = disks
        self._apps = apps
        self._collect = collect

    def handlers(self) -> dict[str, Handler]:
        """Return the operation by its name."""
        return {"prune": self.prune}

    def prune(self, request: Message, _emit: Emit) -> Message:
        """Remove of every app what it no longer needs (or with dry_run only say what); return that, and what it freed."""
        applied = not request.get("dry_run")
        before = self._disks.engine()
        apps = []
        for app in sorted(self._apps()):
            surplus = self._pruner.surplus(app)
            if applied:
                self._pruner.remove(surplus)
            apps.append(
                {"app": app, "containers": list(surplus.containers), "images": [*surplus.images, *surplus.dangling]}
            )
        cache = self._pruner.cache_surplus()
        if applied:
            self._pruner.remove_cache(cache)
            self._collect()
        after = self._disks.engine()
        return {
            "applied": applied,
            "apps": apps,
            "cache": {"records": len(cache), "bytes": sum(record.size for record in cache)},
            "freed_bytes": max(0, after.free - before.free),
            "disk": {"path": after.path, "total_bytes": after.total, "free_bytes": after.free},
        }
