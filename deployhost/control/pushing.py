"""What the hook does once it has asked: follow the deploy of each ref, also across a restart of the daemon. Standard library only, and light."""

import contextlib
import socket
import sys
import time

from deployhost.control.client import answer, call
from deployhost.control.following import Once
from deployhost.control.messages import Message
from deployhost.control.progress import Progress, error_lines
from deployhost.errors import DaemonUnavailable, DeployhostError

PATIENCE = 60.0  # seconds to wait for a daemon that is being restarted; the push is in its journal already
FIRST_PATIENCE = 20.0  # … when it has not answered at all yet
CONNECTED = 1.0  # … a daemon that was not there would not have taken that long
RETRY = 0.3

Command = tuple[
    str, str, str, str
]  # old, new, ref, and the token by which the daemon knows that what it is asked again is the same push


class Pushing:
    """Given the app, the control socket's path and the connection on which the first ref was asked for, if there is one, see pushes through."""

    def __init__(self, app: str, path: str, asked: int | None) -> None:
        self._app = app
        self._path = path
        self._asked = asked
        self._progress = Progress(_tell, color=False)

    def push(self, command: Command) -> Message:
        """Given one ref's update, have the daemon deal with it; return the PushView."""
        follower = Once(self._progress.event)
        deadline = time.monotonic() + FIRST_PATIENCE
        while True:
            began = time.monotonic()
            try:
                result = self._call(command, follower)
            except DaemonUnavailable as error:
                if follower.broke() or time.monotonic() - began > CONNECTED:
                    deadline = time.monotonic() + PATIENCE
                    text = "deployhostd is being restarted; the push is safe, waiting …"
                    self._progress.event({"event": "note", "text": text})
                if time.monotonic() > deadline:
                    return {"outcome": "ng", "message": f"{error.message}; try: {error.hint}"}
                time.sleep(RETRY)
            except DeployhostError as error:
                for line in error_lines(error.to_json()):  # git shows one line only, which has no room for the cure
                    _tell(line)
                return {"outcome": "ng", "message": error.message, "hint": error.hint}
            else:
                if result.get("deploy") is not None:
                    self._progress.finish(result["deploy"])
                return result

    def _call(self, command: Command, follower: Once) -> Message:
        if self._asked is not None:
            descriptor, self._asked = self._asked, None
            with contextlib.closing(socket.socket(fileno=descriptor)) as connection:
                first: Message = answer(self._path, connection, follower)
                return first
        old, new, ref, token = command
        result: Message = call(self._path, "push", follower, app=self._app, ref=ref, old=old, new=new, token=token)
        return result


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - git passes it on to the pusher
