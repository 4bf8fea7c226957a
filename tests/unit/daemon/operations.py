"""The daemon's operations put together as daemon.assembly does, on one life of a server of fakes."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from deployhost.apps.live_settings import InForce
from deployhost.apps.remove import Remover
from deployhost.apps.running import Lookout
from deployhost.apps.view import Views
from deployhost.control.messages import Message
from deployhost.daemon import deploy_ops, push_ops
from deployhost.daemon.app_ops import AppOperations
from deployhost.daemon.deploy_ops import DeployOperations
from deployhost.daemon.deploying import Deploying
from deployhost.daemon.log_ops import LogOperation
from deployhost.daemon.push_ops import PushOperation
from deployhost.daemon.release_ops import ReleaseOperations
from deployhost.daemon.setting_ops import SettingOperations
from deployhost.daemon.worker import Workers
from deployhost.model import AppName, Sha, Trigger
from deployhost.system.git import BareRepository
from deployhost.traffic.reroute import Rerouter
from tests.fakes.assembled import Server, settle, wait_until
from tests.fakes.builder import PlannerHere
from tests.fakes.git import FakeRepository
from tests.fakes.life import Life

HTTP_PORT = 8000


class Operations:
    """Given a server, its daemon: `ask` is what a client does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.daemon = daemon = server.start(Life())
        paths = server.paths
        self.views = Views(
            lookout=Lookout(daemon.docker, daemon.proxy, daemon.releases, daemon.locks),
            deploys=daemon.deploys,
            releases=daemon.releases,
            paths=paths,
            http_port=lambda: HTTP_PORT,
            clock=server.clock,
        )
        self.workers = Workers(daemon.deploys, daemon.pipeline.run, daemon.converge.mend, daemon.events.wake)
        self.deploying = Deploying(daemon.deploys, daemon.events, self.workers, self.views, daemon.cancellations)
        self.remover = Remover(
            docker=daemon.docker,
            proxy=daemon.proxy,
            kamal=daemon.kamal,
            deploys=daemon.deploys,
            releases=daemon.releases,
            events=daemon.events,
            env=daemon.env,
            paths=paths,
            views=self.views,
            locks=daemon.locks,
            removals=daemon.removals,
            repositories=daemon.repositories,
        )
        rerouter = Rerouter(
            docker=daemon.docker,
            switch=daemon.switch,
            drainer=daemon.drainer,
            releases=daemon.releases,
            locks=daemon.locks,
            load_app=daemon.load_app,
        )
        for module in (push_ops, deploy_ops):
            server.monkeypatch.setattr(module, "BareRepository", self._repository)
        groups = (
            AppOperations(
                paths=paths,
                docker=daemon.docker,
                releases=daemon.releases,
                views=self.views,
                remover=self.remover,
                repositories=daemon.repositories,
                http_port=lambda: HTTP_PORT,
                started_at=server.clock(),
            ),
            DeployOperations(
                paths=paths,
                deploys=daemon.deploys,
                releases=daemon.releases,
                deploying=self.deploying,
                views=self.views,
                env=daemon.env,
                planner=PlannerHere(),
                clock=server.clock,
            ),
            LogOperation(
                paths=paths,
                docker=daemon.docker,
                deploys=daemon.deploys,
                releases=daemon.releases,
                events=daemon.events,
            ),
            ReleaseOperations(
                paths=paths,
                docker=daemon.docker,
                deploys=daemon.deploys,
                releases=daemon.releases,
                deploying=self.deploying,
                views=self.views,
            ),
            SettingOperations(
                paths=paths,
                env=daemon.env,
                releases=daemon.releases,
                deploying=self.deploying,
                rerouter=rerouter,
                in_force=InForce(daemon.docker, daemon.releases, paths),
                views=self.views,
                now=lambda: datetime(2026, 1, 2, tzinfo=UTC),
            ),
            PushOperation(paths, self.deploying, self.views, deploys=daemon.deploys, releases=daemon.releases),
        )
        self.handlers = {name: handler for group in groups for name, handler in group.handlers().items()}
        self.workers.open()

    def ask(self, op: str, **arguments: Any) -> Message:
        """Given an operation and its arguments, return its result, once what it began in the background is done."""
        self.events: list[Message] = []
        result = self.handlers[op]({"op": op, **arguments}, self.events.append)
        self.rest()
        return result

    def at_once(self, op: str, **arguments: Any) -> Message:
        """Return an operation's result, while what goes on in the background goes on."""
        return self.handlers[op]({"op": op, **arguments}, lambda _: None)

    def building(self, app: AppName, sha: str, then: Callable[[], None] = lambda: None) -> tuple[int, threading.Event]:
        """Return the number of a deploy that is being built, and what ends its build, which does `then` at its end."""
        begun, ended = threading.Event(), threading.Event()

        def build() -> None:
            begun.set()
            assert ended.wait(10)
            then()

        self.daemon.builder.during = build
        number = self.deploying.accept(app, Sha(sha), Trigger.PUSH).id
        assert begun.wait(5)
        return number, ended

    def rest(self) -> None:
        """Wait until everything that was begun is done."""
        wait_until(lambda: not self.workers._busy)
        settle()

    def push(self, app: AppName, sha: str, ref: str = "refs/heads/main", token: str | None = None) -> Message:
        """Given an app and a commit, push it as the hook does."""
        old = self.server.refs.branches.get(ref.removeprefix("refs/heads/"), "0" * 40)
        return self.ask("push", app=app, ref=ref, old=old, new=sha, token=token)

    def notes(self) -> list[str]:
        """Return the notes that came with the last answer."""
        return [event["text"] for event in self.events if event["event"] == "note"]

    def close(self) -> None:
        """End this life."""
        self.rest()
        self.daemon.life.over = True
        self.daemon.database.close()

    def _repository(self, path: Any) -> BareRepository:
        return FakeRepository(path, self.server.refs, self.daemon.life)
