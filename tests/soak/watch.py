"""Where a deploy is, told by the daemon's own events as they come."""

import contextlib
import threading
import time

from deployhost.control.client import call
from deployhost.control.messages import Message
from deployhost.errors import DeployhostError
from deployhost.paths import Paths
from tests.real.system_under_test import App

SOCKET = str(Paths().control_socket)


class Watch:
    """Follows the first deploy of an app after a given one over the control socket and says which stage it is in."""

    def __init__(self, app: App, after: int) -> None:
        self.stage = "queue"
        self._changed = threading.Condition()
        self._ended = False
        self._begun: set[str] = set()
        self._app = app
        self._after = after
        threading.Thread(target=self._follow, daemon=True).start()

    def wait_for(self, stage: str, within: float = 60) -> bool:
        """Given a stage, return True once it has begun, or False if the deploy ends without it."""
        with self._changed:
            self._changed.wait_for(lambda: stage in self._begun or self._ended, within)
            return stage in self._begun

    def _follow(self) -> None:
        with contextlib.suppress(DeployhostError, OSError):
            call(SOCKET, "deploy.follow", self._note, timeout=120, id=self._number())
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _number(self) -> int:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            newest = call(SOCKET, "app.status", timeout=30, name=self._app.name)["apps"][0]["last_deploy"]
            if newest is not None and newest["id"] > self._after:
                return int(newest["id"])
            time.sleep(0.002)
        raise OSError("no deploy came")

    def _note(self, event: Message) -> None:
        if event.get("event") != "stage":
            return
        with self._changed:
            if event["state"] == "start":
                self.stage = event["stage"]
                self._begun.add(event["stage"])
            else:
                self.stage = f"after {event['stage']}"
            self._changed.notify_all()
