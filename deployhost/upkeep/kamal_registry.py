"""When the registry that Kamal pushes to is freed of what no release needs, and what is kept in it."""

from collections.abc import Callable, Iterable
from pathlib import Path

from deployhost.config.settings import DAY
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.registry import Collected, KamalRegistry
from deployhost.model import AppName, DeployStatus, Version
from deployhost.paths import Paths
from deployhost.system import files

WEEK = 7 * DAY
LARGE = 2 * 1024**3  # bytes of storage from which on a day is enough
RECENT = 20  # deploys in which one under way is looked for


class RegistryCollector:
    """Given the registry, the journal, every app's name and a clock, collect what nobody needs once a week, or a day where it is much."""

    def __init__(
        self,
        paths: Paths,
        deploys: Deploys,
        releases: Releases,
        apps: Callable[[], Iterable[AppName]],
        clock: Callable[[], float],
    ) -> None:
        self._registry = KamalRegistry(paths)
        self._mark: Path = paths.state / "registry.collected"
        self._deploys, self._releases, self._apps, self._clock = deploys, releases, apps, clock

    def run_if_due(self) -> Collected | None:
        """Collect if it is time for that; return what that did, or None. Raise what `run` raises."""
        size = self._registry.size()
        if not size or self._since() < (DAY if size > LARGE else WEEK):
            return None
        return self.run()

    def run(self) -> Collected | None:
        """Collect now; return what that did, or None if something is being pushed. Raise CommandFailed, CommandTimedOut, FileProblem."""
        collected = self._registry.collect({app: self._kept(app) for app in self._apps()})
        if collected is not None and collected.before:
            files.write_atomically(self._mark, f"{self._clock():.0f}\n".encode())
        return collected

    def _kept(self, app: AppName) -> frozenset[Version]:
        under_way = (DeployStatus.RUNNING, DeployStatus.QUEUED)
        recent = self._deploys.of_app(app, limit=RECENT)
        busy = {deploy.version for deploy in recent if deploy.version and deploy.status in under_way}
        return frozenset({release.version for release in self._releases.of_app(app)} | busy)

    def _since(self) -> float:
        """Return the seconds since it was last done."""
        said = (files.read(self._mark) or b"").decode("ascii", "replace").strip()
        return self._clock() - float(said) if said.isdigit() else float("inf")
