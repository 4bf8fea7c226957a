"""The proc-receive hook of an app's repository: hands each pushed ref to the daemon and tells git what became of it.

The protocol is githooks(5), proc-receive: pkt-lines on standard input and output, standard error goes to the pusher.
Standard library only, and started without site-packages: it is in the way of every push.
"""

import os
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

from deployhost.control.client import call
from deployhost.control.following import Once
from deployhost.control.messages import Message
from deployhost.control.progress import Progress, error_lines
from deployhost.errors import DaemonUnavailable, DeployhostError

FLUSH = b"0000"
PATIENCE = 60.0  # seconds to wait for a daemon that is being restarted; the push is in its journal already
FIRST_PATIENCE = 20.0  # … when it has not answered at all yet
CONNECTED = 1.0  # … a daemon that was not there would not have taken that long
RETRY = 0.3
FIRST = ("refs/heads/main", "refs/heads/master")
ATOMIC: Message = {"outcome": "ng", "message": "another ref of this atomic push was refused"}


def main(app: str, socket: str) -> int:
    """Given the app and the control socket, serve one push on standard input and output; return the exit code for git."""
    progress = Progress(_tell, color=False)
    read, write = sys.stdin.buffer, sys.stdout.buffer
    atomic = any(b" atomic" in packet.replace(b"\0", b" ") for packet in list(_packets(read)))
    _send(write, b"version=1\0atomic\n" if atomic else b"version=1\n")
    write.write(FLUSH)
    write.flush()
    commands = [tuple(packet.decode("utf-8", "surrogateescape").split(" ", 2)) for packet in _packets(read)]
    # An app without a branch adopts the first that it is sent: of several at once that is to be the usual one.
    commands.sort(key=lambda command: command[2] not in FIRST)
    results: dict[str, Message] = {}
    for old, new, ref in commands:
        refused = atomic and _any_refused(results)
        results[ref] = ATOMIC if refused else _push(app, socket, (old, new, ref), progress)
    all_or_nothing = atomic and _any_refused(results)
    for ref, result in results.items():
        # What git has yet to do itself, it must not do then; what is deployed is.
        _answer(write, ref, ATOMIC if all_or_nothing and result.get("fall_through") else result)
    write.write(FLUSH)
    write.flush()
    return 0


def _any_refused(results: dict[str, Message]) -> bool:
    return any(result["outcome"] != "ok" for result in results.values())


def _push(app: str, socket: str, command: tuple[str, str, str], progress: Progress) -> Message:
    """Given one ref's update, have the daemon deal with it, also across a restart of the daemon; return the PushView."""
    old, new, ref = command
    token = os.urandom(8).hex()  # by it the daemon knows that what it is asked again is the same push
    follower = Once(progress.event)
    deadline = time.monotonic() + FIRST_PATIENCE
    while True:
        began = time.monotonic()
        try:
            result: Message = call(socket, "push", follower, app=app, ref=ref, old=old, new=new, token=token)
        except DaemonUnavailable as error:
            if follower.broke() or time.monotonic() - began > CONNECTED:
                deadline = time.monotonic() + PATIENCE
                progress.event({"event": "note", "text": "deployhostd is being restarted; the push is safe, waiting …"})
            if time.monotonic() > deadline:
                return {"outcome": "ng", "message": f"{error.message}; try: {error.hint}"}
            time.sleep(RETRY)
        except DeployhostError as error:
            for line in error_lines(error.to_json()):  # git shows one line only, which has no room for the cure
                _tell(line)
            return {"outcome": "ng", "message": error.message, "hint": error.hint}
        else:
            if result.get("deploy") is not None:
                progress.finish(result["deploy"])
            return result


def _answer(write: BinaryIO, ref: str, result: Message) -> None:
    name = ref.encode("utf-8", "surrogateescape")
    if result["outcome"] == "ok":
        _send(write, b"ok " + name)
        if result.get("fall_through"):
            _send(write, b"option fall-through")
        return
    # One line, and no longer than what git shows in brackets behind the ref.
    reason = " ".join(str(result["message"]).split())[:200]
    _send(write, b"ng " + name + b" " + reason.encode("utf-8", "replace"))


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
