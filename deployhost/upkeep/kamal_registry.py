"""How often the registry that Kamal pushes to is freed of what no release needs, and what is kept in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from deployhost.config.settings import DAY
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.registry import Collected, KamalRegistry
from deployhost.model import AppName, Version

COLLECTING = "collecting the registry"  # the job's name
WEEK = 7 * DAY
LARGE = 2 * 1024**3  # bytes of storage from which on a day is enough
MEASURE = 3600.0  # seconds for which its size is known: measuring walks through all of its files
RECENT = 20  # deploys in which one under way is looked for


@dataclass
class RegistryCollector:
    """Collects what nobody needs in the registry, of the apps that `apps` returns."""

    registry: KamalRegistry
    deploys: Deploys
    releases: Releases
    apps: Callable[[], Iterable[AppName]]
    monotonic: Callable[[], float]
    _measured: tuple[float, float | None] | None = field(default=None, init=False)

    def interval(self) -> float | None:
        """Return the seconds between collections: a week, or a day where it is much; None while there is nothing to collect."""
        now = self.monotonic()
        if self._measured is None or now - self._measured[0] >= MEASURE:
            size = self.registry.size()
            self._measured = (now, None if not size else DAY if size > LARGE else WEEK)
        return self._measured[1]

    def run(self) -> Collected | None:
        """Collect now; return what that did, or None if something is being pushed. Raise CommandFailed, CommandTimedOut, FileProblem."""
        return self.registry.collect({app: self._kept(app) for app in self.apps()})

    def _kept(self, app: AppName) -> frozenset[Version]:
        recent = self.deploys.of_app(app, limit=RECENT)
        busy = {deploy.version for deploy in recent if deploy.version and not deploy.status.ended}
        return frozenset({release.version for release in self.releases.of_app(app)} | busy)
