"""What several parts of the daemon work with, each made once."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployhost.apps.repositories import Repositories
from deployhost.build.planner import Planner
from deployhost.config import apps, server
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.config.server import ServerSettings
from deployhost.containers.make import DirectEngine
from deployhost.daemon.troubles import Troubles
from deployhost.deploy.cancel import Cancellations
from deployhost.deploy.kamal.projects import KamalProjects
from deployhost.errors import DeployhostError
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.patience import PATIENCE
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName, Sha
from deployhost.paths import Paths
from deployhost.system.bridge import Bridges
from deployhost.system.docker import Docker
from deployhost.system.docker_engine import SOCKET
from deployhost.system.firewall import Firewall
from deployhost.system.git import BareRepository
from deployhost.traffic.drain import Drainer
from deployhost.traffic.holding import Holding
from deployhost.traffic.isolation import Isolation
from deployhost.traffic.switch import Switch
from deployhost.upkeep.disk import DiskGuard
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.kamal_registry import RegistryCollector
from deployhost.upkeep.prune import Pruner


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What several of the parts work with."""

    paths: Paths
    clock: Callable[[], float]
    database: Database
    troubles: Troubles
    docker: Docker
    proxy: KamalProxy
    switch: Switch
    drainer: Drainer
    deploys: Deploys
    releases: Releases
    events: EventLog
    cancellations: Cancellations
    env: EnvStore
    engine: DirectEngine
    holding: Holding
    holds: Holds
    kamal: KamalFiles
    locks: KamalLocks
    removals: Removals
    repositories: Repositories
    builds: Builds
    server: ServerSettings
    pruner: Pruner
    disk: DiskGuard
    disks: Disks
    isolation: Isolation
    planner: Planner

    def load_app(self, name: AppName) -> AppConfig:
        """Given an app, return its settings as apps.yml has them now. Raise AppNotFound, InvalidConfig."""
        return apps.load(self.paths.apps_yml).get(name)

    def subject_of(self, name: AppName, sha: Sha) -> str:
        """Given an app and a commit, return its subject, or nothing if it is not in the repository."""
        try:
            return BareRepository(self.paths.repo(name)).commit(sha).subject
        except DeployhostError:
            return ""  # Kamal deployed a commit that nobody has pushed here

    def http_port(self) -> int:
        """Return the proxy's port on loopback. Raise InvalidConfig."""
        return server.load(self.paths.server_yml).http_port

    @property
    def registry(self) -> RegistryCollector:
        """Return what collects the registry's garbage."""
        return RegistryCollector(
            self.paths, self.deploys, self.releases, lambda: apps.load(self.paths.apps_yml).known, self.clock
        )

    @property
    def projects(self) -> KamalProjects:
        """Return what writes Kamal projects."""
        return KamalProjects(
            docker=self.docker,
            deploys=self.deploys,
            releases=self.releases,
            env=self.env,
            paths=self.paths,
            load_app=self.load_app,
            server=self.server.current,
        )


def share(paths: Paths, clock: Callable[[], float]) -> Shared:
    """Given the paths and a clock, open the journal and make what the parts share. Raise FileProblem, InvalidConfig."""
    database, docker = Database(paths.journal), Docker(engine_address(), patience=PATIENCE)
    deploys, releases, proxy = (
        Deploys(database, clock),
        Releases(database, clock),
        KamalProxy(docker, paths.bin / "kamal-proxy"),
    )
    switch, engine = Switch(proxy, paths.run), DirectEngine(docker, paths)
    events, builds = EventLog(paths.deploy_logs), Builds(database, clock)
    settings, disks = ServerSettings(paths.server_yml), Disks(docker, paths.state)
    pruner = Pruner(docker, deploys, releases, events, builds=builds, server=settings, disks=disks)
    holds, removals = Holds(database), Removals(database)
    holding = Holding(
        docker=docker,
        proxy=proxy,
        switch=switch,
        engine=engine,
        holds=holds,
        deploys=deploys,
        releases=releases,
        load_app=lambda name: apps.load(paths.apps_yml).get(name),
        clock=clock,
    )
    return Shared(
        paths=paths,
        holds=holds,
        clock=clock,
        database=database,
        troubles=Troubles(clock),
        docker=docker,
        proxy=proxy,
        switch=switch,
        drainer=Drainer(docker, releases),
        deploys=deploys,
        cancellations=Cancellations(deploys),
        engine=engine,
        holding=holding,
        releases=releases,
        events=events,
        env=EnvStore(paths),
        kamal=KamalFiles(paths.kamal),
        locks=KamalLocks(paths.kamal),
        removals=removals,
        repositories=Repositories(paths, removals, releases),
        builds=builds,
        server=settings,
        pruner=pruner,
        disks=disks,
        # The packet filter is the server's own: two trees on one engine would each take back what the other allows.
        isolation=Isolation(docker, Firewall(), Bridges(), _MayReach(paths), active=paths.root == Path("/")),
        planner=Planner(),
        disk=DiskGuard(disks, settings, pruner, lambda: apps.load(paths.apps_yml).known),
    )


def engine_address() -> str:
    """Return where the Docker engine listens."""
    return os.environ.get("DOCKER_HOST") or SOCKET


class _MayReach:
    """Given the paths, say whom each app may reach. It is asked in each deploy, and apps.yml is read again only if it changed.

    Of an app whose own settings can't be read, what was allowed last stays so.
    """

    def __init__(self, paths: Paths) -> None:
        self._path = paths.apps_yml
        self._read: tuple[tuple[int, int] | None, dict[AppName, tuple[AppName, ...]]] = (None, {})

    def __call__(self) -> dict[AppName, tuple[AppName, ...]]:
        try:
            file = self._path.stat()
        except OSError:
            return {}
        seen, known = self._read
        now = (file.st_mtime_ns, file.st_ino)
        if now != seen:
            found = apps.load(self._path).known
            known = {app: known.get(app, ()) if config is None else config.may_reach for app, config in found.items()}
            self._read = (now, known)
        return known
