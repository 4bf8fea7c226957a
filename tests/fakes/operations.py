"""The daemon's operations on one life of a server of fakes."""

import threading
from collections.abc import Callable
from typing import Any

from deployhost.control.messages import Message
from deployhost.daemon.operations.table import handlers
from deployhost.deploy.push_plan import ZERO
from deployhost.model import AppName, Deploy, Sha, Trigger
from tests.fakes.assembled import Server, settle, wait_until
from tests.fakes.life import Life

HTTP_PORT = 8000


class Operations:
    """Given a server, its daemon: `ask` is what a client does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.paths.server_yml.write_text(f"http_port: {HTTP_PORT}\n")
        self.daemon = server.start(Life())
        self.handlers = handlers(self.daemon)
        self.daemon.workers.open()

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

        self.daemon.fake_builder.during = build
        number = self.accept(app, sha).id
        assert begun.wait(5)
        return number, ended

    def accept(self, app: AppName, sha: str) -> Deploy:
        """Have a commit of an app deployed, without waiting for that."""
        # Past the look at apps.yml, so that an app may be removed between that and this.
        return self.daemon.intake._accept(app, Sha(sha), Trigger.PUSH, subject="")

    def rest(self) -> None:
        """Wait until everything that was begun is done."""
        wait_until(lambda: not self.daemon.workers._busy)
        settle()

    def push(self, app: AppName, sha: str, ref: str = "refs/heads/main", token: str | None = None) -> Message:
        """Given an app and a commit, push it as the hook does."""
        old = self.server.refs.branches.get(ref.removeprefix("refs/heads/"), ZERO)
        return self.ask("push", app=app, ref=ref, old=old, new=sha, token=token)

    def notes(self) -> list[str]:
        """Return the notes that came with the last answer."""
        return [event["text"] for event in self.events if event["event"] == "note"]

    def close(self) -> None:
        """End this life."""
        self.rest()
        self.daemon.life.over = True
        self.daemon.database.close()
