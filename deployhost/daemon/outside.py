"""All that the daemon meets outside itself, in one value, so that a test replaces it in one place."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from deployhost.build.bases import Bases
from deployhost.build.docker_cli import DockerCli
from deployhost.build.docker_logins import registries_logged_in
from deployhost.build.host_files import host_endpoints, host_environment
from deployhost.build.image import ImageBuilder
from deployhost.build.limits import BuildLimits
from deployhost.build.planning_pool import PlanningPool
from deployhost.build.sources.prepare import BuildSources
from deployhost.build.stand_in import StandIns
from deployhost.config.server import ServerSettings
from deployhost.deploy.kamal.run import KamalProgram
from deployhost.edge.account import EdgeAccounts
from deployhost.edge.asking import CloudflareAccounts
from deployhost.edge.sdk import CloudflareSdk
from deployhost.github.answers import GitHub
from deployhost.github.api import GitHubClient
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.journal.event_log import EventLog
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.paths import Paths
from deployhost.server.proxy_container import ProxyContainer
from deployhost.system import http
from deployhost.system.addresses import HostAddresses
from deployhost.system.bridge import Bridges
from deployhost.system.clock import CLOCK, Clock
from deployhost.system.docker import Docker
from deployhost.system.docker_engine import SOCKET
from deployhost.system.firewall import Firewall
from deployhost.system.git import BareRepository
from deployhost.system.git_fetch import GitFetcher
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.host_accounts import HostAccounts
from deployhost.system.http import Get
from deployhost.system.netns import Namespaces
from deployhost.system.owners import Owners
from deployhost.system.packet_log import PacketLog
from deployhost.upkeep.disk_plan import Space
from deployhost.upkeep.disk_space import space


class MakeDocker(Protocol):
    """What connects to the Docker engine."""

    def __call__(self, *, patience: float = 0.0, timeout: float = 60.0) -> Docker:
        """Return the engine: an engine that is away is waited for `patience` seconds, an answer for `timeout`."""


def docker(*, patience: float = 0.0, timeout: float = 60.0) -> Docker:
    """Return the Docker engine of this machine."""
    return Docker(os.environ.get("DOCKER_HOST") or SOCKET, timeout=timeout, patience=patience)


def builder(paths: Paths, docker: Docker, settings: ServerSettings, builds: Builds) -> ImageBuilder:
    """Return what builds images with this machine's Docker."""
    environ: Mapping[str, str] = host_environment(os.environ)
    stand_ins = StandIns(docker, paths.state / "bases" / "making", environ)
    logged_in = partial(registries_logged_in, environ, Path(environ.get("HOME", "/root")))
    bases = Bases(docker, paths.state, lambda: settings.current().mirrors, CLOCK.time, stand_ins, logged_in=logged_in)
    limits = BuildLimits(docker, settings)
    sources = BuildSources(
        docker=docker, bases=bases, server=settings, engine=limits.engine, download=GuardedDownload(environ)
    )
    cli = DockerCli(environ)
    return ImageBuilder(docker, bases, cli, paths.run, environ, limits=limits, builds=builds, sources=sources)


def cloudflare(paths: Paths) -> EdgeAccounts:
    """Return what asks Cloudflare, with the SDK that set-up has brought."""
    return CloudflareAccounts(sdk=CloudflareSdk(paths))


def endpoints() -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports of the registries and proxies that this machine's settings have builds use."""
    environ = host_environment(os.environ)
    return host_endpoints(environ, Path(environ.get("HOME", "/root")))


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What is outside: the machine's own, unless a test passes something else."""

    docker: MakeDocker = docker
    proxy: Callable[[Docker, Path], KamalProxy] = KamalProxy
    proxy_container: Callable[[Paths, Docker], ProxyContainer] = ProxyContainer
    repository: Callable[[Path], BareRepository] = BareRepository
    builder: Callable[[Paths, Docker, ServerSettings, Builds], ImageBuilder] = builder
    planner: Callable[[], PlanningPool] = PlanningPool
    kamal: Callable[[Paths], KamalProgram] = KamalProgram
    github: Callable[[], GitHub] = GitHubClient
    fetcher: Callable[[], GitFetcher] = GitFetcher
    owners: Owners = field(default_factory=Owners)
    host_accounts: HostAccounts = field(default_factory=HostAccounts)
    firewall: Firewall = field(default_factory=Firewall)
    bridges: Bridges = field(default_factory=Bridges)
    addresses: HostAddresses = field(default_factory=HostAddresses)
    packets: Callable[[int], PacketLog] = PacketLog
    endpoints: Callable[[], tuple[tuple[str, int], ...]] = endpoints
    namespaces: Namespaces = field(default_factory=Namespaces)
    get: Get = http.get
    cloudflare: Callable[[Paths], EdgeAccounts] = cloudflare
    journal: Callable[[Path], Database] = Database
    locks: Callable[[Path], KamalLocks] = KamalLocks
    events: Callable[[Path], EventLog] = EventLog
    space: Callable[[Path], Space] = space
    clock: Clock = CLOCK
