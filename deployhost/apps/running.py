"""What runs: what the engine, the proxy and Kamal's locks say of all apps at once, so that one that hangs is waited for once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployhost.containers.belongs import of_release
from deployhost.errors import DeployhostError
from deployhost.journal.releases import Releases
from deployhost.kamal.contract import Route
from deployhost.kamal.lock import KamalLocks, LockDetails
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName, Release
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Listed

PATIENCE = 3.0  # seconds for an engine that does not answer, where somebody just wants to know


@dataclass(frozen=True)
class Running:
    """What there was at one moment: each live release's containers, the web one first. `problem`: the engine does not answer."""

    problem: str = ""
    containers: Mapping[AppName, tuple[Container, ...]] = field(default_factory=dict)
    routes: Mapping[str, Route] | None = None  # None: the proxy does not say
    locks: Mapping[str, LockDetails] = field(default_factory=dict)  # of others than us
    failed: Mapping[AppName, Exception] = field(default_factory=dict)  # what kept an app's containers from being read


@dataclass(frozen=True)
class RunningReader:
    """Reads what runs. Its engine is one that is not waited for long."""

    docker: Docker
    proxy: KamalProxy
    releases: Releases
    locks: KamalLocks

    def read(self) -> Running:
        """Return what runs. Never raises: what can't be read is missing."""
        locks = self.locks.foreign()
        failed: dict[AppName, Exception] = {}
        try:
            containers = self._containers({release.app: release for release in self.releases.all_live()}, failed)
        except DeployhostError as error:
            return Running(error.message, locks=locks)
        try:
            return Running("", containers, self.proxy.routes(), locks, failed)
        except DeployhostError:
            return Running("", containers, None, locks, failed)

    def _containers(
        self, live: Mapping[AppName, Release], failed: dict[AppName, Exception]
    ) -> dict[AppName, tuple[Container, ...]]:
        listed: dict[str, list[Listed]] = {}
        for one in self.docker.listed({"destination": ""}):
            listed.setdefault(one.labels.get("service", ""), []).append(one)
        found = {}
        for app, release in live.items():
            try:
                found[app] = self._of(release, listed.get(app, []))
            except DeployhostError:
                raise  # the engine is away, which concerns them all
            except Exception as error:  # noqa: BLE001 - one app's trouble is its own
                failed[app] = error
        return {app: containers for app, containers in found.items() if containers}

    def _of(self, release: Release, listed: list[Listed]) -> tuple[Container, ...]:
        its = of_release(listed, release)
        web_first = sorted(its, key=lambda one: (one.id != release.container, one.labels["role"]))
        # Listed a moment ago, one may be gone by now.
        return tuple(container for one in web_first if (container := self.docker.find(one.id)))
