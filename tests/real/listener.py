"""The webhook's listener as a process, kept by one daemon after the other."""

import contextlib
import os
import signal
import time

from deployhost.daemon.troubles import Troubles
from deployhost.daemon.webhook.inbox import Inbox
from deployhost.daemon.webhook.keeper import ListenerKeeper
from deployhost.daemon.webhook.users import ListenerUsers
from deployhost.model import Secret
from deployhost.paths import Paths
from tests.fakes.assembled import wait_until
from tests.fakes.deliveries import deliver

ID = "0123456789abcdef"


class Machine:
    """Keepers of one server after the other, as daemons come and go."""

    def __init__(self, paths: Paths) -> None:
        paths.run.mkdir(parents=True, exist_ok=True)
        self.paths, self.secrets, self.reachable = paths, {ID: Secret("first")}, True
        self.users: ListenerUsers | None = ListenerUsers(os.getgid())
        self.keepers: list[ListenerKeeper] = []

    def daemon(self) -> ListenerKeeper:
        self.keepers.append(
            ListenerKeeper(
                paths=self.paths,
                inbox=Inbox(self.paths.webhook / "deliveries"),
                secrets=lambda: dict(self.secrets),
                reachable=lambda: self.reachable,
                users=lambda: self.users,
                troubles=Troubles(time.time),
            )
        )
        return self.keepers[-1]

    def kill_daemon(self) -> None:
        """Let go of what a daemon that is killed lets go of."""
        keeper = self.keepers[-1]
        os.close(keeper.inbox.descriptor())
        if keeper._door is not None:
            keeper._door.close()

    def end(self) -> None:
        for keeper in self.keepers:
            if keeper._door is not None:
                keeper._door.close()
            for one in [*keeper._ending, *([keeper._current] if keeper._current else [])]:
                with contextlib.suppress(ProcessLookupError):
                    if one.poll() is None:
                        os.kill(one.pid, signal.SIGKILL)
                wait_until(lambda one=one: one.poll() is not None)  # type: ignore[misc]

    def deliver(self, secret: str = "first", connection: str = ID) -> int:
        return deliver(self.paths.webhook_socket, connection, secret)


def pid(keeper: ListenerKeeper) -> int:
    assert keeper._current is not None
    return keeper._current.pid


def gone(keeper: ListenerKeeper) -> bool:
    """Return whether every listener that was replaced has ended."""
    return all(one.poll() is not None for one in keeper._ending)
