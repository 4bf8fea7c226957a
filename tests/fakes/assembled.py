"""A server of fakes (`Server`), on which one daemon after the other lives (`Assembled`): production's wiring over what is faked outside."""

import base64
import copy
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deployhost.daemon.outside import Outside
from deployhost.daemon.parts import Parts
from deployhost.deploy import queue
from deployhost.journal.database import Database
from deployhost.journal.event_log import Event, EventLog
from deployhost.kamal.contract import STOPPED, service_name
from deployhost.kamal.lock import KamalLocks
from deployhost.model import WEB, AppName, Branch, Deploy, EnvName, Listener, Release, Sha, Trigger
from deployhost.paths import Paths
from deployhost.server.proxy_container import ProxyContainer
from deployhost.system.clock import Clock, Synchronisation
from deployhost.system.netns import Namespaces
from deployhost.upkeep.disk_plan import Space
from tests.fakes.builder import FakeBuilder, PlannerHere
from tests.fakes.cloudflare import FakeCloudflare
from tests.fakes.docker import Behaviour, Engine, FakeDocker, proxy_container
from tests.fakes.git import FakeFetcher, FakeRepository, Refs
from tests.fakes.github import FakeGitHub
from tests.fakes.kamal import FakeKamal
from tests.fakes.life import Crash, Life
from tests.fakes.owners import FakeAccounts, FakeOwners, Possession
from tests.fakes.proxy import FakeProxy, Table

BACKGROUND = ("drain", "tidy")
SOMEBODY_DEAD = "00000000-0000-0000-0000-000000000000 1 1"


@cache
def _empty_journal() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        Database(Path(directory) / "journal.db").close()
        return (Path(directory) / "journal.db").read_bytes()


class Server:
    """Given a directory, what outlives each daemon: files, the engine, the proxy's table, git's refs, and how commits behave."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths = Paths(root)
        self.paths.run.mkdir(parents=True)
        self.paths.config.mkdir(parents=True)
        self.paths.state.mkdir(parents=True)
        self.paths.journal.write_bytes(_empty_journal())
        self.engine, self.table, self.refs = Engine(proxy=proxy_container()), Table(), Refs()
        self.possession, self.accounts = Possession(), FakeAccounts()
        self.engine.starting = self.possession.check
        self.github = FakeGitHub()
        self.cloudflare = FakeCloudflare()
        self.behaviours: dict[str, Behaviour] = {}
        self.repository: type[FakeRepository] = FakeRepository
        self.now = 1_750_000_000.0
        self.synchronisation = Synchronisation(kept=True)
        self.monkeypatch = monkeypatch
        self.daemons: list[Assembled] = []
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
        parts = (self.engine, self.table, self.refs, self.possession)
        self._end_all()
        journal = self.paths.journal.read_bytes()
        states = [{name: copy.copy(value) for name, value in vars(part).items()} for part in parts]

        def restore() -> None:
            self._end_all()
            for file in self.paths.state.glob("journal.db*"):
                file.unlink()
            self.paths.journal.write_bytes(journal)
            shutil.rmtree(self.paths.deploy_logs, ignore_errors=True)
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


class FakeClock(Clock):
    """A clock that only sleeping moves on: what waits for minutes is over at once. The server's time goes on with each look."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.now = 1000.0

    def time(self) -> float:
        return self._server.clock()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(0)

    def synchronisation(self) -> Synchronisation:
        return self._server.synchronisation


class FakeNamespaces(Namespaces):
    """The network namespaces of the fake engine's containers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listeners(self, pid: int) -> set[Listener] | None:
        return self._engine.listeners(pid)

    def listen_in(self, pid: int) -> socket.socket:
        if not any(container.pid == pid for container in self._engine.running):
            raise FileNotFoundError(f"/proc/{pid}/ns/net")
        return socket.create_server(("127.0.0.1", 0))


class FakeProxyContainer(ProxyContainer):
    """kamal-proxy's container, which is made anew by what the test says."""

    def __init__(self, daemon: "Assembled") -> None:
        self._daemon = daemon

    def restore(self, say: Callable[[str], None]) -> None:
        self._daemon.make_proxy()


class Assembled(Parts):
    """One daemon: production's wiring, over the server's fakes."""

    def __init__(self, server: Server, life: Life) -> None:
        self.server, self.life = server, life
        self.worked_on: set[int] = set()  # deploys that are taken to be worked on
        self.make_proxy: Callable[[], None] = lambda: None  # what has kamal-proxy's container made anew
        super().__init__(server.paths, self._outside())
        self.make_all()

    def _outside(self) -> Outside:
        server, life = self.server, self.life
        return Outside(
            docker=lambda **_: FakeDocker(server.engine, life),
            proxy=lambda _docker, _program: FakeProxy(server.table, server.engine, life),
            proxy_container=lambda _paths, _docker: FakeProxyContainer(self),
            repository=lambda path: server.repository(path, server.refs, life),
            builder=lambda *_: FakeBuilder(server.engine, server.behaviours, life),
            planner=PlannerHere,
            kamal=lambda paths: FakeKamal(paths, self.docker, server.engine, server.table),
            fetcher=lambda: FakeFetcher(server.github, life),
            github=lambda: replace(server.github, effect=life.effect),  # GitHub outlives the daemon
            owners=FakeOwners(server.possession, server.engine, life),
            host_accounts=server.accounts,
            namespaces=FakeNamespaces(server.engine),
            get=server.engine.get,
            cloudflare=lambda _paths: server.cloudflare,
            journal=lambda path: CountedDatabase(path, life),
            locks=lambda path: LeftLocks(path, life),
            events=lambda path: QuietEvents(path, life),
            space=lambda _path: Space(str(server.paths.state), 2**40, 2**39, 2**20, 2**19),
            clock=FakeClock(server),
        )

    @property
    def fake_builder(self) -> FakeBuilder:
        """Return the builder as what it is here."""
        assert isinstance(self.builder, FakeBuilder)
        return self.builder

    @property
    def fake_kamal(self) -> FakeKamal:
        """Return Kamal's CLI as what it is here."""
        assert isinstance(self.kamal, FakeKamal)
        return self.kamal

    def works_on(self, number: int) -> bool:
        return number in self.worked_on or super().works_on(number)

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
