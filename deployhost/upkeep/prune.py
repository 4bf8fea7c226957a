"""Removing what apps no longer need: containers, images, logs, what our builds left in BuildKit's cache. `retention` and
`cache_plan` decide; nothing that is not provably ours is touched."""

import contextlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from deployhost.build.labels import APP_LABEL
from deployhost.build.sources.names import fetched_image
from deployhost.config.server import ServerSettings
from deployhost.errors import Conflict
from deployhost.journal.builds import Builds
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import AppName, Version
from deployhost.system.clock import Clock
from deployhost.system.docker import Docker
from deployhost.upkeep.cache_plan import Cached, ours, surplus
from deployhost.upkeep.disk_plan import cache_budget
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.retention import KEEP_LOGS, Found, Prune, needed, prunable

CACHE_EVERY = 600.0  # seconds between looks at the cache after deploys,
CACHE_AFTER = 10  # or so many deploys


@dataclass(frozen=True)
class Surplus:
    """What of one app goes: the decision, its containers by the names people know, and images that have no name."""

    app: AppName
    containers: tuple[str, ...]
    decided: Prune
    dangling: tuple[str, ...]


@dataclass(kw_only=True)
class Pruner:
    """Removes what is too old."""

    docker: Docker
    deploys: Deploys
    releases: Releases
    events: EventLog
    builds: Builds
    settings: ServerSettings
    disks: Disks
    clock: Clock
    _cache_lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _cache_looked: float = field(default=0.0, init=False)
    _since: int = field(default=CACHE_AFTER, init=False)

    def prune(self, app: AppName) -> None:
        """Remove an app's old containers, images and logs; what runs or can be rolled back to stays.

        Now and then the cache of our builds is looked at too. Slow: never while somebody waits for a deploy.
        """
        self.remove(self.surplus(app))
        if self._cache_is_due():
            self.remove_cache(self.cache_surplus())

    def _cache_is_due(self) -> bool:
        with self._cache_lock:
            self._since += 1
            if self._since < CACHE_AFTER and self.clock.monotonic() - self._cache_looked < CACHE_EVERY:
                return False
            self._since, self._cache_looked = 0, self.clock.monotonic()
            return True

    def surplus(self, app: AppName) -> Surplus:
        """Return what of an app goes."""
        # Kamal's own containers of this app too: they have a process and a destination, which others that are merely
        # labelled alike have not.
        listed = [one for one in self.docker.listed({"service": app, "destination": ""}) if one.labels.get("role")]
        containers = [
            Found(one.id, one.labels["role"], version, one.status not in ("exited", "created", "dead"))
            for one in listed
            if (version := contract.version_in(one.name, app, one.labels["role"])) is not None
        ]
        images = self.docker.images(f"service={app}")
        # In this order: whatever was found above belongs to a deploy that is still open here, or to what it has become by then.
        open_deploys = [deploy for deploy in self.deploys.open() if deploy.app == app]
        releases = self.releases.of_app(app)
        decided = prunable(
            contract.repository(app),
            containers=containers,
            tags=[tag for image in images for tag in image.tags],
            releases={release.version: release.image for release in releases},
            busy=[version for deploy in open_deploys for version in (deploy.version, deploy.target) if version],
            needed=[release.container for release in needed(releases)],
        )
        fetched = None if open_deploys else self.docker.image(fetched_image(app))  # of a build that a crash has ended
        used = {one.image_id for one in listed} | {release.image for release in releases}
        return Surplus(
            app=app,
            containers=tuple(one.name for one in listed if one.id in decided.containers),
            decided=decided,
            dangling=(
                *(
                    image.id
                    for image in images
                    if not image.tags
                    and image.id not in used
                    and image.labels.get(APP_LABEL) == app
                    and not open_deploys
                ),
                *(() if fetched is None else (fetched_image(app),)),
            ),
        )

    def remove(self, surplus: Surplus) -> None:
        """Remove what of an app goes, and the logs of its oldest deploys."""
        for container in surplus.decided.containers:
            with contextlib.suppress(Conflict):  # somebody has started it since
                self.docker.remove(container)
        for reference in (*surplus.decided.images, *surplus.dangling):
            self.docker.remove_image(reference)
        self.releases.drop(surplus.app, [Version(version) for version in surplus.decided.releases])
        for deploy in self.deploys.of_app(surplus.app, limit=KEEP_LOGS * 2)[KEEP_LOGS:]:
            self.events.remove(deploy.id)

    def cache_surplus(self, missing: int = 0) -> list[Cached]:
        """Return the records that our builds left in the cache and that are too many; `missing` bytes on the disk, and more go."""
        spans = self.builds.spans()
        if not spans:
            return []
        records = [
            Cached(one.id, one.size, not one.in_use and not one.shared, one.created, one.last_used)
            for one in self.docker.build_cache()
        ]
        self.builds.forget_before(min((one.created for one in records), default=spans[-1].start))
        mine = ours(records, spans)
        budget = cache_budget(self.disks.engine().total, self.settings.current().build_cache)
        if missing:
            # Removing a record frees less than its size where files are small; so twice as much goes.
            budget = max(0, min(budget, sum(one.size for one in mine if one.free) - 2 * missing))
        return surplus(mine, budget)

    def remove_cache(self, records: Iterable[Cached]) -> int:
        """Remove records of the cache and return the bytes that this freed."""
        return self.docker.prune_build_cache([record.id for record in records])
