"""Following a deploy across restarts of the daemon: each event is shown once. Standard library only, and light."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from deployhost.control.messages import DeployEvent, Event, Message
from deployhost.errors import DaemonUnavailable

PATIENCE = 60.0  # seconds to wait for a daemon that is being restarted: what it was asked for is in its journal
CONNECTED = 1.0  # seconds after which a daemon must have been there: one that is not refuses at once
RETRY = 0.3

Show = Callable[[Event], Any]
Result = TypeVar("Result")


class Once:
    """Passes the events of one deploy on, each of them once, however often they begin again from the first.

    They begin at the event `deploy`, which names the deploy; what an operation sends before that is not part of it.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._shown = {False: 0, True: 0}  # how many, before the deploy began and of it
        self._now = {False: 0, True: 0}  # how many of them on this connection
        self._begun = False
        self._heard = False
        self.deploy: int | None = None
        self.rest: Message | None = None  # what else the operation returns, where it returns more than the deploy

    def __call__(self, event: Event) -> None:
        """Show an event unless it was shown before."""
        self._heard = True
        if event["event"] == "deploy":
            self._begin(event)
            return
        self._now[self._begun] += 1
        if self._now[self._begun] > self._shown[self._begun]:
            self._shown[self._begun] = self._now[self._begun]
            self._show(event)

    def broke(self) -> bool:
        """Begin again from the first event, as the connection is lost; return whether any came on it."""
        was, self._heard, self._begun = self._heard, False, False
        self._now = {False: 0, True: 0}
        return was

    def _begin(self, event: DeployEvent) -> None:
        number = int(event["id"])
        if number != self.deploy:
            self._shown[True] = 0
        self.deploy, self._begun, self._now[True] = number, True, 0
        self.rest = event.get("rest", self.rest)


def until_answered(
    ask: Callable[[], Result],
    once: Once,
    lost: Callable[[], object],
    *,
    patience: float = 0.0,
    repeatable: Callable[[], bool] = lambda: True,
) -> Result:
    """Return what `ask` returns, asking again while the daemon is restarted; `lost` is called once, when a connection breaks.

    A daemon that answered before gets PATIENCE, one that has not answered at all `patience` seconds.
    Raises DaemonUnavailable when that is over, or at once where what was asked is not `repeatable`.
    """
    deadline, told = time.monotonic() + patience, False
    while True:
        began = time.monotonic()
        try:
            return ask()
        except DaemonUnavailable:
            if not repeatable():
                raise
            if once.broke() or time.monotonic() - began > CONNECTED:
                deadline = time.monotonic() + PATIENCE
                if not told:
                    lost()
                told = True
            if time.monotonic() > deadline:
                raise
        time.sleep(RETRY)
