"""The proc-receive hook of an app's repository: hands each pushed ref to the daemon and tells git what became of it.

The protocol is githooks(5), proc-receive: pkt-lines on standard input and output, standard error goes to the pusher.
Standard library only, and started without site-packages: it is in the way of every push.
"""

import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

from deployhost.control.client import call
from deployhost.control.messages import Message
from deployhost.control.progress import Progress
from deployhost.errors import DaemonUnavailable, DeployhostError

FLUSH = b"0000"
PATIENCE = 60.0  # seconds to wait for a daemon that is being restarted; the push is in its journal already
FIRST_PATIENCE = 10.0  # … when it has not answered at all yet
RETRY = 0.3


def main(app: str, socket: str) -> int:
    """Given the app and the control socket, serve one push on standard input and output; return the exit code for git."""
    progress = Progress(_tell, color=False)
    read, write = sys.stdin.buffer, sys.stdout.buffer
    list(_packets(read))  # version and features; we speak version 1 and none of the features
    _send(write, b"version=1\n")
    write.write(FLUSH)
    write.flush()
    commands = [tuple(packet.decode("utf-8", "surrogateescape").split(" ", 2)) for packet in _packets(read)]
    for old, new, ref in commands:
        _answer(write, ref, _push(app, socket, (old, new, ref), progress))
    write.write(FLUSH)
    write.flush()
    return 0


def _push(app: str, socket: str, command: tuple[str, str, str], progress: Progress) -> Message:
    """Given one ref's update, have the daemon deal with it, also across a restart of the daemon; return the PushView."""
    old, new, ref = command
    follower = _Follower(progress)
    deadline = time.monotonic() + FIRST_PATIENCE
    while True:
        try:
            result: Message = call(socket, "push", follower, app=app, ref=ref, old=old, new=new)
        except DaemonUnavailable as error:
            if follower.connected():
                deadline = time.monotonic() + PATIENCE
                progress.event({"event": "note", "text": "deployhostd is being restarted; the push is safe, waiting …"})
            if time.monotonic() > deadline:
                return {"outcome": "ng", "message": f"{error.message}; try: {error.hint}"}
            time.sleep(RETRY)
        except DeployhostError as error:
            return {"outcome": "ng", "message": error.message, "hint": error.hint}
        else:
            if result.get("deploy") is not None:
                progress.finish(result["deploy"])
            return result


class _Follower:
    """Shows each event of a deploy once, however often the connection had to be made again."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shown = 0
        self._now = 0
        self._new = False

    def __call__(self, event: Message) -> None:
        self._new = True
        self._now += 1
        if self._now > self._shown:
            self._shown = self._now
            self._progress.event(event)

    def connected(self) -> bool:
        """Return whether there were events since this was last asked; the next ones begin from the first again."""
        was, self._new, self._now = self._new, False, 0
        return was


def _answer(write: BinaryIO, ref: str, result: Message) -> None:
    name = ref.encode("utf-8", "surrogateescape")
    if result["outcome"] == "ok":
        _send(write, b"ok " + name)
        if result.get("fall_through"):
            _send(write, b"option fall-through")
        return
    # One line, and no longer than what git shows in brackets behind the ref.
    reason = " ".join(str(result["message"]).split())[:200]
    _send(write, b"ng " + name + b" " + reason.encode())


def _packets(read: BinaryIO) -> Iterator[bytes]:
    """Yield the pkt-lines up to the next flush (gitprotocol-common(5)): four hex digits of length, those four included."""
    while True:
        head = read.read(4)
        if len(head) < 4:
            raise EOFError("git ended the conversation")
        length = int(head, 16)
        if length == 0:
            return
        yield read.read(length - 4).rstrip(b"\n")


def _send(write: BinaryIO, payload: bytes) -> None:
    write.write(b"%04x" % (len(payload) + 4) + payload)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - git passes it on to the pusher
