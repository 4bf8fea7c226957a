"""One look at what the engine, the proxy and Kamal's locks say of all apps at once, so that one that hangs is waited for once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployhost.containers.make import DEPLOY_LABEL
from deployhost.errors import DeployhostError
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.kamal.contract import Route
from deployhost.kamal.lock import KamalLocks, LockDetails
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName, ProcessName, Release
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Listed

PATIENCE = 3.0  # seconds for an engine that does not answer, where somebody just wants to know


@dataclass(frozen=True)
class Sight:
    """What there was at one moment: each live release's containers, the web one first. `problem`: the engine does not answer."""

    problem: str = ""
    containers: Mapping[AppName, tuple[Container, ...]] = field(default_factory=dict)
    routes: Mapping[str, Route] | None = None  # None: the proxy does not say
    locks: Mapping[str, LockDetails] = field(default_factory=dict)  # of others than us


class Lookout:
    """Given an engine that is not waited for long, the proxy, the journal's releases and Kamal's locks, look at them."""

    def __init__(self, docker: Docker, proxy: KamalProxy, releases: Releases, locks: KamalLocks) -> None:
        self._docker = docker
        self._proxy = proxy
        self._releases = releases
        self._locks = locks

    def now(self) -> Sight:
        """Return what is to be seen. Never raises: what can't be seen is missing."""
        locks = self._locks.foreign()
        try:
            containers = self._containers({release.app: release for release in self._releases.all_live()})
        except DeployhostError as error:
            return Sight(error.message, locks=locks)
        try:
            routes = self._proxy.routes()
        except DeployhostError:
            return Sight("", containers, None, locks)
        return Sight("", containers, routes, locks)

    def _containers(self, live: Mapping[AppName, Release]) -> dict[AppName, tuple[Container, ...]]:
        found: dict[AppName, list[Container]] = {}
        everything = self._docker.listed({"destination": ""})
        # What the web container says goes before the journal, which may have been lost and begun again since.
        made_by = {one.id: one.labels.get(DEPLOY_LABEL) for one in everything}
        for listed in everything:
            release = next((one for app, one in live.items() if app == listed.labels.get("service")), None)
            if release is None or not _is_of(listed, release, made_by.get(release.container, str(release.deploy))):
                continue
            if container := self._docker.find(listed.id):  # listed a moment ago, it may be gone by now
                found.setdefault(release.app, []).append(container)
        return {app: tuple(sorted(ones, key=_web_first)) for app, ones in found.items()}


def _is_of(listed: Listed, release: Release, made_by: str | None) -> bool:
    """Return whether a container of the app is one of that release's processes, made by a deploy of ours or by Kamal (None)."""
    if listed.id == release.container:
        return True
    role = listed.labels.get("role", "")
    if not ProcessName.pattern.fullmatch(role) or role == WEB:
        return False
    deploy = listed.labels.get(DEPLOY_LABEL)
    if deploy is not None:
        return deploy == made_by
    return listed.name == contract.container_name(release.app, ProcessName(role), release.version)


def _web_first(container: Container) -> tuple[bool, str]:
    role = container.labels.get("role", "")
    return role != WEB, role
