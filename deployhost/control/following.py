"""Following a deploy across restarts of the daemon: each event is shown once. Standard library only, and light."""

from collections.abc import Callable
from typing import Any

from deployhost.control.messages import Message

Show = Callable[[Message], Any]


class Once:
    """Given who is shown events, pass on those of one deploy once each, however often its story begins again from the first.

    The story begins at the event `deploy`, which names the deploy; what an operation tells before that is no part of it.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._shown = {False: 0, True: 0}  # how many, before the story began and of it
        self._now = {False: 0, True: 0}  # how many of them on this connection
        self._begun = False
        self._heard = False
        self.deploy: int | None = None
        self.rest: Message | None = None  # what else the operation returns, where it returns more than the deploy

    def __call__(self, event: Message) -> None:
        """Given an event, show it unless it was shown before."""
        self._heard = True
        if event.get("event") == "deploy":
            self._begin(event)
            return
        self._now[self._begun] += 1
        if self._now[self._begun] > self._shown[self._begun]:
            self._shown[self._begun] = self._now[self._begun]
            self._show(event)

    def broke(self) -> bool:
        """The connection is lost, and the next one begins from the first: return whether anything was told on it."""
        was, self._heard, self._begun = self._heard, False, False
        self._now = {False: 0, True: 0}
        return was

    def _begin(self, event: Message) -> None:
        number = int(event["id"])
        if number != self.deploy:
            self._shown[True] = 0
        self.deploy, self._begun, self._now[True] = number, True, 0
        self.rest = event.get("rest", self.rest)
