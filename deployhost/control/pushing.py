"""What the hook does once it has asked: follow the deploy of each ref, also across a restart of the daemon. Standard library only, and light."""

from __future__ import annotations

import contextlib
import socket
import sys

from deployhost.control.client import answer, call
from deployhost.control.following import Once, until_answered
from deployhost.control.progress import ProgressLines, error_lines
from deployhost.control.terminal import plain
from deployhost.errors import DaemonUnavailable, DeployhostError

TYPE_CHECKING = False  # the views are not needed to run, and would take 2 ms
if TYPE_CHECKING:
    from deployhost.control.results import PushView

FIRST_PATIENCE = 20.0  # seconds to wait for a daemon that has not answered at all yet

Command = tuple[
    str, str, str, str
]  # old, new, ref, and the token by which the daemon knows that what it is asked again is the same push


class Pushing:
    """Sees the pushes of one app through. `asked` is the connection on which the first ref was asked for, if there is one."""

    def __init__(self, app: str, path: str, asked: int | None) -> None:
        self._app = app
        self._path = path
        self._asked = asked
        self._progress = ProgressLines(_tell, color=False)

    def push(self, command: Command) -> PushView:
        """Have the daemon deal with one ref's update and return its answer."""
        once = Once(self._progress.event)
        try:
            result = until_answered(lambda: self._call(command, once), once, self._lost, patience=FIRST_PATIENCE)
        except DaemonUnavailable as error:
            return _refused(f"{error.message}; try: {error.hint}" if error.hint else error.message)
        except DeployhostError as error:
            for line in error_lines(error.to_json()):  # git shows one line only, which has no room for the cure
                _tell(line)
            return _refused(error.message)
        if result["deploy"] is not None:
            self._progress.finish(result["deploy"])
        return result

    def _lost(self) -> None:
        self._progress.event({"event": "note", "text": "deployhostd is restarting; the push is safe, waiting …"})

    def _call(self, command: Command, once: Once) -> PushView:
        if self._asked is not None:
            descriptor, self._asked = self._asked, None
            with contextlib.closing(socket.socket(fileno=descriptor)) as connection:
                first: PushView = answer(self._path, connection, once)
                return first
        old, new, ref, token = command
        result: PushView = call(self._path, "push", once, app=self._app, ref=ref, old=old, new=new, token=token)
        return result


def _refused(message: str) -> PushView:
    return {"outcome": "ng", "message": message, "deploy": None}


def _tell(line: str) -> None:
    print(plain(line), file=sys.stderr, flush=True)  # noqa: T201 - git passes it on to the pusher
