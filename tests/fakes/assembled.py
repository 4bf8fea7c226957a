"""The daemon's deploying half put together on the fakes: a server (`Server`) on which one daemon after the other lives (`Assembled`)."""

import base64
import copy
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployhost.apps.repositories import Repositories
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.env import EnvStore
from deployhost.config.server import ServerSettings
from deployhost.containers import boot
from deployhost.containers import release_containers as crew
from deployhost.containers.make import DirectEngine
from deployhost.containers.release_containers import Crews
from deployhost.converge.act import Actor
from deployhost.converge.act_server import ServerActor
from deployhost.converge.read import Looker
from deployhost.converge.rounds import Converge
from deployhost.deploy import image, pipeline, queue
from deployhost.deploy.cancel import Cancellations
from deployhost.deploy.handover import Handover
from deployhost.deploy.image import Images
from deployhost.deploy.overlap import Overlap
from deployhost.deploy.pipeline import Pipeline, Tools
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import Event, EventLog
from deployhost.journal.holds import Holds
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.kamal import patience
from deployhost.kamal.contract import STOPPED, service_name
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.lock import KamalLocks
from deployhost.model import WEB, AppName, Branch, Deploy, EnvName, Release, Sha, Strategy, Trigger
from deployhost.paths import Paths
from deployhost.traffic import switch
from deployhost.traffic.drain import Drainer
from deployhost.traffic.holding import Holding
from deployhost.traffic.switch import Switch
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.prune import Pruner
from tests.fakes.builder import FakeBuilder, PlannerHere
from tests.fakes.docker import Behaviour, Engine, FakeDocker, proxy_container
from tests.fakes.git import FakeRepository, Refs
from tests.fakes.life import Crash, Life
from tests.fakes.proxy import FakeProxy, Table

BACKGROUND = ("drain", "tidy")
SOMEBODY_DEAD = "00000000-0000-0000-0000-000000000000 1 1"


@cache
def _empty_journal() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        Database(Path(directory) / "journal.db").close()
        return (Path(directory) / "journal.db").read_bytes()


@lru_cache(maxsize=8)
def _parsed(path: Path, _content: bytes) -> AppsFile:
    return apps.load(path)


class FakeTime:
    """Given nothing, a clock that only sleeping moves on: what waits for minutes is over at once."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(0)


class Server:
    """Given a directory, what outlives each daemon: files, the engine, the proxy's table, git's refs, and how commits behave."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths = Paths(root)
        self.paths.run.mkdir(parents=True)
        self.paths.config.mkdir(parents=True)
        self.paths.state.mkdir(parents=True)
        self.paths.journal.write_bytes(_empty_journal())
        self.engine, self.table, self.refs = Engine(proxy=proxy_container()), Table(), Refs()
        self.behaviours: dict[str, Behaviour] = {}
        self.now = 1_750_000_000.0
        self.monkeypatch = monkeypatch
        self.daemons: list[Assembled] = []
        monkeypatch.setattr(boot, "netns", SimpleNamespace(listeners=self.engine.listeners))
        monkeypatch.setattr(boot, "http", SimpleNamespace(get=self.engine.get))
        monkeypatch.setattr(boot, "time", FakeTime())
        monkeypatch.setattr(crew, "time", FakeTime())
        monkeypatch.setattr(patience, "time", FakeTime())
        monkeypatch.setattr(switch, "listen_in", self._listen_in)
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
        # A thread of a daemon that has died notices so at its next effect, and that is all.
        monkeypatch.setattr(threading, "excepthook", _only_crashes)

    def add(self, name: str, branch: str | None = "main", text: str = "") -> AppName:
        """Given an app's name, its branch and more settings as they stand in apps.yml, add it."""
        lines = [text, "" if branch is None else f"branch: {branch}"]
        settings = "".join(f"    {line}\n" for line in lines if line)
        before = self.paths.apps_yml.read_text() if self.paths.apps_yml.exists() else "apps:\n"
        self.paths.apps_yml.write_text(f"{before}  {name}:\n{settings}")
        return AppName(name)

    def stop_route(self, service: str) -> None:
        """Given a service, do what `kamal app maintenance` does."""
        self.table.routes[service] = replace(self.table.routes[service], state=STOPPED)

    def set_env(self, daemon: "Assembled", app: AppName, **values: str) -> None:
        """Given a daemon, an app and variables, set them; nothing is deployed by that."""
        daemon.env.set(app, {EnvName(name): value for name, value in values.items()}, datetime.now(UTC))

    def start(self, life: Life | None = None) -> "Assembled":
        """Start a daemon; the one before must have ended."""
        self.now += 1000
        self.daemons.append(Assembled(self, life or Life()))
        return self.daemons[-1]

    def remember(self) -> Callable[[], None]:
        """Return what brings the server back to how it is now, without any daemon."""
        kept, parts = self.paths.root / "kept", (self.engine, self.table, self.refs)
        self._end_all()
        shutil.copytree(self.paths.state, kept)
        states = [{name: copy.copy(value) for name, value in vars(part).items()} for part in parts]

        def restore() -> None:
            self._end_all()
            shutil.rmtree(self.paths.state)
            shutil.copytree(kept, self.paths.state)
            for part, state in zip(parts, states, strict=True):
                vars(part).update({name: copy.copy(value) for name, value in state.items()})

        return restore

    def _end_all(self) -> None:
        for daemon in self.daemons:
            daemon.life.over = True
            daemon.database.close()
        self.daemons.clear()

    def clock(self) -> float:
        """Return a time that is later than the one before."""
        self.now += 0.001
        return self.now

    def _listen_in(self, pid: int) -> socket.socket:
        if not any(container.pid == pid for container in self.engine.running):
            raise FileNotFoundError(f"/proc/{pid}/ns/net")
        return socket.create_server(("127.0.0.1", 0))


class CountedDatabase(Database):
    """A journal whose transactions count as effects."""

    def __init__(self, path: Path, life: Life) -> None:
        super().__init__(path)
        self._life = life

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Any]:
        self._life.effect("journal")
        # Nobody pulls the plug here, and waiting for the disk each time adds up.
        with super().transaction() as connection:
            yield connection


class LeftLocks(KamalLocks):
    """Locks of a process that may die: what it held stays, and names it."""

    def __init__(self, kamal: Path, life: Life) -> None:
        super().__init__(kamal)
        self._life = life

    def _release(self, directory: Path) -> None:
        if self._life.over:
            text = f"Locked by: deployhost\nMessage: deployhost {SOMEBODY_DEAD}"
            (directory / "details").write_bytes(base64.b64encode(text.encode()))
        else:
            super()._release(directory)


class QuietEvents(EventLog):
    """An event log that the dead do not write to."""

    def __init__(self, directory: Path, life: Life) -> None:
        super().__init__(directory)
        self._life = life

    def append(self, deploy: int, event: Event) -> None:
        if not self._life.over:
            super().append(deploy, event)


class Assembled:
    """One daemon: the journal and the deploy room on the server's fakes."""

    def __init__(self, server: Server, life: Life) -> None:
        paths = server.paths
        self.server, self.life, self.paths = server, life, paths
        self.database = CountedDatabase(paths.journal, life)
        self.deploys = Deploys(self.database, server.clock)
        self.releases = Releases(self.database, server.clock)
        self.events = QuietEvents(paths.deploy_logs, life)
        self.env = EnvStore(paths)
        self.locks = LeftLocks(paths.kamal, life)
        self.kamal = KamalFiles(paths.kamal)
        self.docker = FakeDocker(server.engine, life)
        self.proxy = FakeProxy(server.table, server.engine, life)
        self.builder = FakeBuilder(server.engine, server.behaviours, life)
        self.switch = Switch(self.proxy, paths.run)
        self.engine = DirectEngine(self.docker, paths)
        self.holds = Holds(self.database)
        self.holding = Holding(
            docker=self.docker,
            proxy=self.proxy,
            switch=self.switch,
            engine=self.engine,
            holds=self.holds,
            deploys=self.deploys,
            releases=self.releases,
            load_app=self.load_app,
            clock=server.clock,
        )
        self.cancellations = Cancellations(self.deploys)
        self.drainer = Drainer(self.docker, self.releases)
        for module in (image, pipeline):
            server.monkeypatch.setattr(module, "BareRepository", lambda path: FakeRepository(path, server.refs, life))
        crews = Crews(self.docker, self.engine, self.kamal, lambda _app: None)
        overlap = Overlap(crews, self.switch, self.deploys, self.releases)
        handover = Handover(
            crews=crews,
            switch=self.switch,
            holding=self.holding,
            deploys=self.deploys,
            releases=self.releases,
            overlap=overlap,
        )
        self.pipeline = Pipeline(
            Tools(
                docker=self.docker,
                crews=crews,
                ways={Strategy.OVERLAP: overlap, Strategy.HANDOVER: handover},
                cancelling=self.cancellations,
                images=Images(
                    self.docker, self.builder, self.releases, paths, lambda _note: None, planner=PlannerHere()
                ),
                engine=self.engine,
                switch=self.switch,
                drainer=self.drainer,
                pruner=Pruner(
                    self.docker,
                    self.deploys,
                    self.releases,
                    self.events,
                    builds=Builds(self.database, server.clock),
                    server=ServerSettings(paths.server_yml),
                    disks=Disks(self.docker, paths.state),
                ),
                locks=self.locks,
                kamal=self.kamal,
                deploys=self.deploys,
                releases=self.releases,
                env=self.env,
                paths=paths,
                reporter=self.events,
                load_app=self.load_app,
                clock=server.clock,
            )
        )
        self.worked_on: set[int] = set()  # deploys that a worker is at
        self.make_proxy: Callable[[], None] = lambda: None  # what has kamal-proxy's container made anew
        self.mended: list[str] = []  # what `status` shows for a while
        self.removals = Removals(self.database)
        self.repositories = Repositories(paths, self.removals, self.releases)
        self.converge = self._converge()

    def _converge(self) -> Converge:
        looker = Looker(
            docker=self.docker,
            proxy=self.proxy,
            deploys=self.deploys,
            releases=self.releases,
            holds=self.holds,
            locks=self.locks,
            load_apps=self.load_apps,
            works_on=lambda number: number in self.worked_on,
            unlisted_repositories=self.repositories.unlisted,
            clock=self.server.clock,
        )
        actor = Actor(
            docker=self.docker,
            proxy=self.proxy,
            switch=self.switch,
            drainer=self.drainer,
            deploys=self.deploys,
            releases=self.releases,
            pipeline=self.pipeline,
            holding=self.holding,
            reporter=self.events,
            load_app=self.load_app,
            subject_of=lambda _app, commit: f"subject of {commit.short}",
            clock=self.server.clock,
        )
        server_actor = ServerActor(
            docker=self.docker,
            proxy=self.proxy,
            deploys=self.deploys,
            make_proxy=lambda: self.make_proxy(),  # noqa: PLW0108 - a test may replace it
            delete_repository=self.repositories.delete_unowned,
            clock=self.server.clock,
        )
        return Converge(
            looker=looker,
            actor=actor,
            server_actor=server_actor,
            proxy=self.proxy,
            deploys=self.deploys,
            locks=self.locks,
            keepers=(self.database.keep,),
            mended=self.mended.append,
            run=self.paths.run,
            clock=self.server.clock,
        )

    def load_app(self, name: AppName) -> AppConfig:
        """As the daemon's own; a text is parsed once."""
        return _parsed(self.paths.apps_yml, self.paths.apps_yml.read_bytes()).get(name)

    def load_apps(self) -> Mapping[AppName, AppConfig | None]:
        """As the daemon's own; a text is parsed once."""
        return _parsed(self.paths.apps_yml, self.paths.apps_yml.read_bytes()).known

    def accept(self, app: AppName, sha: Sha, trigger: Trigger = Trigger.PUSH) -> Deploy:
        """Given an app and a commit, queue its deploy as the daemon does."""
        branch = Branch("main") if trigger is Trigger.PUSH else None
        return self.deploys.accept(
            app, sha, trigger=trigger, branch=branch, overtakes=lambda queued: queue.overtakes(trigger, queued)
        )

    def deploy(self, app: AppName, sha: Sha, trigger: Trigger = Trigger.PUSH) -> Deploy:
        """Given an app and a commit, deploy it and return how that ended."""
        number = self.accept(app, sha, trigger).id
        self.work_off()
        return self.deploys.get(number)

    def work_off(self) -> None:
        """Run what is queued, one after the other, and wait for what goes on in the background."""
        while (deploy := queue.next_of(self.deploys.open())) is not None:
            self.pipeline.run(deploy)
        settle()

    def live(self, app: AppName) -> Release:
        """Return the app's live release, having seen that it serves: the route leads to its container, and that runs."""
        release = self.releases.live(app)
        assert release is not None
        container = self.server.engine.containers[release.container]
        assert container.running
        target = self.server.table.routes[service_name(app, WEB)].target
        assert target == f"{container.short_id}:{release.port}"
        return release

    def told(self, deploy: Deploy) -> list[Event]:
        """Return what followers of an ended deploy were told."""
        return list(self.events.follow(deploy.id, lambda: True))


def settle() -> None:
    """Wait for the background threads of all daemons."""
    wait_until(lambda: not any(thread.name.startswith(BACKGROUND) for thread in threading.enumerate()))


def sha(number: int) -> Sha:
    """Given a small number, return a commit's sha."""
    return Sha(f"{number:040x}")


def wait_until(condition: Callable[[], bool], patience: float = 5.0) -> None:
    """Wait for a condition. Raise AssertionError if it does not come true."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.002)


def _only_crashes(hook: threading.ExceptHookArgs) -> None:
    if not issubclass(hook.exc_type, Crash):
        threading.__excepthook__(hook)
