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
        try:
            containers = self._containers({release.app: release for release in self.releases.all_live()})
        except DeployhostError as error:
            return Running(error.message, locks=locks)
        try:
            return Running("", containers, self.proxy.routes(), locks)
        except DeployhostError:
            return Running("", containers, None, locks)

    def _containers(self, live: Mapping[AppName, Release]) -> dict[AppName, tuple[Container, ...]]:
        listed: dict[str, list[Listed]] = {}
        for one in self.docker.listed({"destination": ""}):
            listed.setdefault(one.labels.get("service", ""), []).append(one)
        found = {}
        for app, release in live.items():
            its = of_release(listed.get(app, []), release)
            web_first = sorted(its, key=lambda one: (one.id != release.container, one.labels["role"]))
            # Listed a moment ago, one may be gone by now.
            found[app] = tuple(container for one in web_first if (container := self.docker.find(one.id)))
        return {app: containers for app, containers in found.items() if containers}
