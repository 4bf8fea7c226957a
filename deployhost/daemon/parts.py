"""The one wiring: every part of the daemon, made once, when it is first asked for.

Parts are wired by name: what a part's constructor calls `docker` is the part `docker`, unless the line here says otherwise.
tests/unit/daemon/test_parts.py makes all of them and compares each with the type that its user expects.
"""

import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from deployhost.apps.adding import Additions
from deployhost.apps.commits import Commits
from deployhost.apps.export import Exports
from deployhost.apps.lent_before import LendingUpgrade
from deployhost.apps.live_settings import LiveSettings
from deployhost.apps.output import AppOutput
from deployhost.apps.remove import Remover
from deployhost.apps.repositories import Repositories
from deployhost.apps.running import PATIENCE as READ_WITHIN
from deployhost.apps.running import RunningReader
from deployhost.apps.view import Views
from deployhost.build.image import ImageBuilder
from deployhost.build.planning_pool import PlanningPool
from deployhost.config.current import Apps
from deployhost.config.env import EnvStore
from deployhost.config.server import ServerSettings
from deployhost.containers.app_users import AppUsers
from deployhost.containers.boot import BootWatch
from deployhost.containers.image_users import ImageUsers
from deployhost.containers.make import ContainerMaker
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.containers.storage import Storage
from deployhost.containers.storage_handover import StorageHandover
from deployhost.converge.act import AppActor
from deployhost.converge.act_server import ServerActor
from deployhost.converge.read import FactsReader
from deployhost.converge.rounds import Converge
from deployhost.daemon.edge_parts import EdgeParts
from deployhost.daemon.github_parts import GitHubParts
from deployhost.daemon.keeping import Keeping
from deployhost.daemon.outside import Outside
from deployhost.daemon.part import part
from deployhost.daemon.troubles import Troubles
from deployhost.daemon.webhook.inbox import Inbox
from deployhost.daemon.webhook.keeper import ListenerKeeper
from deployhost.daemon.webhook.receiving import DeliveryReceiver
from deployhost.daemon.webhook.users import listener_users
from deployhost.daemon.worker import Workers
from deployhost.deploy.bring_up import BringUp
from deployhost.deploy.build_turns import BuildBounds, BuildTurns
from deployhost.deploy.cancel import Cancellations
from deployhost.deploy.going_live import GoingLive
from deployhost.deploy.handover import Handover
from deployhost.deploy.image import Images
from deployhost.deploy.intake import Intake
from deployhost.deploy.kamal.engine import KamalEngine
from deployhost.deploy.kamal.images import KamalImages
from deployhost.deploy.kamal.projects import KamalProjects
from deployhost.deploy.kamal.run import KamalProgram
from deployhost.deploy.overlap import Overlap
from deployhost.deploy.pipeline import Pipeline
from deployhost.deploy.rollback import Rollbacks
from deployhost.deploy.standstill import Standstill
from deployhost.deploy.watch import Watch
from deployhost.edge.ownership import CONNECTION as CLOUDFLARE
from deployhost.github import connection
from deployhost.github.statuses import CommitStatuses
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.holds import Holds
from deployhost.journal.lent_before import LentBefore
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.journal.runs import Runs
from deployhost.journal.sources import Sources
from deployhost.journal.uids import StorageOwners, Uids
from deployhost.kamal.contract import PROXY_CONTAINER
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.guard import RegistryGuard
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.patience import PATIENCE
from deployhost.kamal.project import KamalProject
from deployhost.kamal.proxy import KamalProxy
from deployhost.kamal.registry import KamalRegistry
from deployhost.model import AppName, Deploy, EngineName, Secret, Strategy
from deployhost.paths import Paths
from deployhost.server.facts import proxy_binary
from deployhost.server.plan_proxy import LOOPBACK
from deployhost.system.docker import Docker
from deployhost.system.git import BareRepository
from deployhost.system.host_accounts import HostAccounts
from deployhost.system.owners import Owners
from deployhost.traffic import host_plan
from deployhost.traffic.drain import Drainer
from deployhost.traffic.holding import Holding
from deployhost.traffic.host_facts import HostReader
from deployhost.traffic.host_isolation import HostIsolation
from deployhost.traffic.host_refusals import HostRefusals
from deployhost.traffic.isolation import Isolation
from deployhost.traffic.reroute import Rerouter
from deployhost.traffic.switch import Switch
from deployhost.upkeep.build_files import remove_build_files
from deployhost.upkeep.disk import DiskGuard
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.disk_users import DiskUsers, size_below
from deployhost.upkeep.disk_watch import DiskWatch
from deployhost.upkeep.forgotten_logs import ForgottenLogs
from deployhost.upkeep.kamal_registry import RegistryCollector
from deployhost.upkeep.prune import Pruner
from deployhost.upkeep.storage_mount import StorageMount
from deployhost.upkeep.switch_logs import SwitchLogs

log = logging.getLogger(__name__)


class Parts(GitHubParts, EdgeParts):
    """The parts of one daemon, over where things lie and what is outside.

    Parts that need each other meet in the methods here, which ask for the other one only when they are called.
    """

    def __init__(self, paths: Paths, outside: Outside | None = None) -> None:
        outside = outside or Outside()
        self.paths, self.outside = paths, outside
        self.clock, self.get = outside.clock, outside.get
        self.namespaces, self.firewall, self.bridges = outside.namespaces, outside.firewall, outside.bridges
        self.addresses = outside.addresses
        self.pid, self.started_at = os.getpid(), self.clock.time()
        self.lock = threading.RLock()

    def repository(self, app: AppName) -> BareRepository:
        """Return an app's repository."""
        return self.outside.repository(self.paths.repo(app))

    def wake(self, app: AppName) -> None:
        """Have a worker look at an app's queue."""
        self.workers.wake(app)

    def works_on(self, number: int) -> bool:
        """Return whether a worker is at a deploy just now."""
        return self.workers.works_on(number)

    def joined(self, app: AppName) -> None:
        """Let an app that has a container more reach and be reached as it should at once."""
        self.isolation.joined(app)
        self.host_isolation.joined(app)

    def is_left(self, app: AppName) -> bool:
        """Return whether there is anything of an app that apps.yml does not have."""
        return self.remover.is_left(app)

    def mend(self, deploy: Deploy) -> None:
        """Finish or requeue a deploy that nobody works on any more."""
        self.converge.mend(deploy)

    def proxy_port(self) -> int | None:
        """Return the port of loopback at which kamal-proxy is reached just now, or None. Raise DockerUnavailable."""
        container = self.impatient_docker.find(PROXY_CONTAINER)
        ports = [] if container is None or not container.running else container.bindings
        return next((port for inside, address, port in ports if (inside, address) == (80, LOOPBACK)), None)

    def has_tunnel(self) -> bool:
        """Return whether there is a tunnel by which strangers reach this server."""
        return (self.paths.connections / CLOUDFLARE).exists()

    def webhook_secrets(self) -> Mapping[str, Secret]:
        """Return the secrets that sign deliveries, by the ids of their connections. A file that can't be read is reported by whoever uses it."""
        found = connection.load_all(self.paths, broken=lambda _: None)
        return {one.id: one.webhook_secret for one in found if one.webhook_secret is not None}

    def make_all(self) -> None:
        """Make every part now. Raise FileProblem if the journal can't be opened."""
        for name, one in {**vars(EdgeParts), **vars(GitHubParts), **vars(Parts)}.items():
            if isinstance(one, part):
                getattr(self, name)

    # What is wanted, and what happened.
    apps = part(Apps, path=lambda parts: parts.paths.apps_yml)
    settings = part(ServerSettings, path=lambda parts: parts.paths.server_yml)
    env = part(EnvStore)
    database: part[Database] = part(lambda outside, paths: outside.journal(paths.journal))
    deploys = part(Deploys, clock=lambda parts: parts.clock.time)
    releases = part(Releases, clock=lambda parts: parts.clock.time)
    builds = part(Builds, clock=lambda parts: parts.clock.time)
    lent_before = part(LentBefore)
    holds = part(Holds)
    removals = part(Removals)
    uids = part(Uids)
    storage_owners = part(StorageOwners)
    runs = part(Runs)
    sources = part(Sources, clock=lambda parts: parts.clock.time)
    events: part[EventLog] = part(lambda outside, paths: outside.events(paths.deploy_logs))
    troubles: part[Troubles] = part(Troubles, clock=lambda parts: parts.clock.time)

    # Tools. An engine that is away is waited for, but not by who only wants to know, and not by the watch: what has just come
    # back looks odd to it, so it has to learn that it was away.
    docker: part[Docker] = part(lambda outside: outside.docker(patience=PATIENCE))
    impatient_docker: part[Docker] = part(lambda outside: outside.docker(timeout=READ_WITHIN))
    watched_docker: part[Docker] = part(lambda outside: outside.docker())
    proxy: part[KamalProxy] = part(lambda outside, docker, paths: outside.proxy(docker, proxy_binary(paths)))
    watched_proxy: part[KamalProxy] = part(
        lambda outside, watched_docker, paths: outside.proxy(watched_docker, proxy_binary(paths))
    )
    kamal: part[KamalProgram] = part(lambda outside, paths: outside.kamal(paths))
    kamal_files = part(KamalFiles, kamal=lambda parts: parts.paths.kamal)
    locks: part[KamalLocks] = part(lambda outside, paths: outside.locks(paths.kamal))
    planner: part[PlanningPool] = part(lambda outside: outside.planner())
    builder: part[ImageBuilder] = part(
        lambda outside, paths, docker, settings, builds: outside.builder(paths, docker, settings, builds)
    )

    # What a release runs in, and which container gets an app's requests.
    isolation = part(
        Isolation,
        may_reach=lambda parts: parts.apps.may_reach,
        # The packet filter is the server's own: two trees on one engine would each take back what the other allows.
        active=lambda parts: parts.paths.root == Path("/"),
    )
    host_reader = part(HostReader, apps_yml=lambda parts: parts.apps, endpoints=lambda parts: parts.outside.endpoints)
    host_refusals = part(
        HostRefusals,
        packets=lambda parts: parts.outside.packets(host_plan.GROUP),
        clock=lambda parts: parts.clock.time,
    )
    host_isolation = part(HostIsolation, active=lambda parts: parts.paths.root == Path("/"))
    owners: part[Owners] = part(lambda outside: outside.owners)
    host_accounts: part[HostAccounts] = part(lambda outside: outside.host_accounts)
    image_users = part(ImageUsers)
    app_users = part(AppUsers)
    storage = part(Storage)
    boot = part(BootWatch)
    maker = part(ContainerMaker, size_limit=lambda parts: parts.disks.container_limit)
    containers = part(ReleaseContainers, kamal=lambda parts: parts.kamal_files, joined=lambda parts: parts.joined)
    switch = part(Switch, run=lambda parts: parts.paths.run)
    drainer = part(Drainer)
    holding = part(Holding)
    rerouter = part(Rerouter)

    # What is kept and what goes.
    disks: part[Disks] = part(Disks, state=lambda parts: parts.paths.state, measure=lambda parts: parts.outside.space)
    pruner = part(Pruner)
    disk_guard = part(DiskGuard)
    disk_watch = part(DiskWatch)
    disk_users = part(DiskUsers, monotonic=lambda parts: parts.clock.monotonic, measure=lambda _: size_below)
    registry = part(
        RegistryCollector,
        registry=lambda parts: KamalRegistry(parts.paths),
        apps=lambda parts: lambda: parts.apps.known,
        monotonic=lambda parts: parts.clock.monotonic,
    )
    lending_upgrade = part(LendingUpgrade)
    forgotten_logs = part(ForgottenLogs, clock=lambda parts: parts.clock.time)
    switch_logs = part(SwitchLogs, clock=lambda parts: parts.clock.time)
    storage_mount = part(StorageMount)

    # One commit's way to live.
    cancellations = part(Cancellations)
    intake = part(Intake)
    storage_handover = part(StorageHandover, leads_to=lambda parts: parts.switch.leads_to)
    bring_up = part(BringUp)
    standstill = part(Standstill)
    overlap = part(Overlap)
    handover = part(Handover)
    registry_guard = part(RegistryGuard, active=lambda parts: parts.paths.root == Path("/"))
    projects = part(
        KamalProjects,
        project=lambda parts: KamalProject(parts.paths),
        size_limit=lambda parts: parts.disks.container_limit,
    )
    kamal_engine = part(KamalEngine)
    bounds = part(
        BuildBounds,
        room=lambda parts: parts.disk_guard.check,
        discard=lambda parts: lambda app: remove_build_files(parts.paths, app),
    )
    turns = part(BuildTurns, at_once=lambda parts: lambda: parts.settings.current().builds_at_once)
    built_images = part(Images)
    images = part(KamalImages, images=lambda parts: parts.built_images)
    going_live = part(GoingLive, kamal=lambda parts: parts.kamal_files)
    pipeline = part(
        Pipeline,
        ways=lambda parts: {
            Strategy.OVERLAP: parts.overlap,
            Strategy.HANDOVER: parts.handover,
            EngineName.KAMAL: parts.kamal_engine,
        },
    )
    workers: part[Workers] = part(Workers, run=lambda parts: parts.pipeline.run, ended=lambda parts: parts.events.wake)
    watch = part(
        Watch,
        docker=lambda parts: parts.watched_docker,
        proxy=lambda parts: parts.watched_proxy,
        went_wrong=lambda parts: parts.troubles.went_wrong,
        forget=lambda parts: parts.troubles.forget,
    )
    rollbacks = part(Rollbacks)

    # Apps as a whole.
    repositories = part(Repositories, repository=lambda parts: parts.outside.repository)
    commits = part(Commits)
    live_settings = part(LiveSettings)
    output = part(AppOutput)
    exports = part(Exports)
    running = part(RunningReader, docker=lambda parts: parts.impatient_docker)
    views = part(Views, left_alone=lambda parts: parts.converge.left_alone)
    remover = part(Remover, kamal=lambda parts: parts.kamal_files)
    additions = part(Additions, finish=lambda parts: parts.remover.finish)

    # What is not as it should be.
    reader = part(
        FactsReader,
        apps_yml=lambda parts: parts.apps,
        unlisted_repositories=lambda parts: parts.repositories.unlisted,
    )
    actor = part(AppActor, subject_of=lambda parts: parts.commits.subject)
    server_actor = part(
        ServerActor,
        make_proxy=lambda parts: lambda: parts.outside.proxy_container(parts.paths, parts.docker).restore(log.info),
        delete_repository=lambda parts: parts.repositories.delete_unowned,
    )
    converge: part[Converge] = part(Converge)

    # What GitHub shows of commits.
    commit_statuses = part(
        CommitStatuses,
        url=lambda parts: parts.views.url,
        went_well=lambda parts: parts.troubles.went_well,
        forget=lambda parts: parts.troubles.forget,
    )

    # The webhook.
    inbox = part(Inbox, path=lambda parts: parts.paths.webhook / "deliveries")
    listener = part(
        ListenerKeeper,
        secrets=lambda parts: parts.webhook_secrets,
        reachable=lambda parts: parts.has_tunnel,
        users=lambda _: listener_users,
    )
    receiver = part(DeliveryReceiver, look=lambda parts: parts.look_queue.take)
    keeping = part(
        Keeping,
        keepers=lambda parts: {
            "checking the packet filter": parts.isolation.keep,
            "checking the rules about the host": parts.host_isolation.keep,
            "guarding Kamal's registry": parts.registry_guard.keep,
            "checking the journal's file": parts.database.keep,
            "sweeping up repositories": parts.repositories.keep,
            "deleting logs of removed apps": parts.forgotten_logs.keep,
            "deleting logs of switches": parts.switch_logs.keep,
            "keeping the storage's mount": parts.storage_mount.keep,
            "keeping what builds could use before an upgrade": parts.lending_upgrade.keep,
        },
        mended=lambda parts: parts.troubles.mended,
    )
