"""The proc-receive hook of an app's repository: hands each pushed ref to the daemon and tells git what became of it.

The protocol is githooks(5), proc-receive: pkt-lines on standard input and output, standard error goes to the pusher. It is in
the way of every push: started without site-packages, and what takes its time to be imported waits until the daemon is at work.
"""

from __future__ import annotations

import os
import sys
from _json import encode_basestring_ascii  # of json, which takes 5 ms with what it imports
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket  # noqa: N812 - of socket, which takes 3 ms

TYPE_CHECKING = False  # typing's own would be 6 ms
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from deployhost.control.pushing import Command
    from deployhost.control.results import PushView

FLUSH = b"0000"
FIRST = ("refs/heads/main", "refs/heads/master")
REFUSED: PushView = {"outcome": "ng", "message": "another ref of this atomic push was refused", "deploy": None}


def main(app: str, path: str) -> int:
    """Serve one push on standard input and output and return the exit code for git."""
    read, write = sys.stdin.buffer, sys.stdout.buffer
    atomic = any(b" atomic" in packet.replace(b"\0", b" ") for packet in list(_packets(read)))
    _send(write, b"version=1\0atomic\n" if atomic else b"version=1\n")
    write.write(FLUSH)
    write.flush()
    commands: list[Command] = []
    for packet in _packets(read):
        old, new, ref = packet.decode("utf-8", "surrogateescape").split(" ", 2)
        commands.append((old, new, ref, os.urandom(8).hex()))
    # An app without a branch adopts the first that it is sent: of several at once that is to be the usual one.
    commands.sort(key=lambda command: command[2] not in FIRST)
    asked = _ask(app, path, commands[0]) if commands else None
    results: dict[str, PushView] = {}
    from deployhost.control.pushing import Pushing  # noqa: PLC0415 - 12 ms, while the daemon is at work already

    pushing = Pushing(app, path, asked)
    for command in commands:
        refused = atomic and _any_refused(results)
        results[command[2]] = REFUSED if refused else pushing.push(command)
    all_or_nothing = atomic and _any_refused(results)
    for ref, result in results.items():
        # What git has yet to do itself, it must not do then; what is deployed is.
        _answer(write, ref, REFUSED if all_or_nothing and result.get("fall_through") else result)
    write.write(FLUSH)
    write.flush()
    return 0


def _ask(app: str, path: str, command: Command) -> int | None:
    """Send the daemon what `control.client.call` would for one ref's update; return the connection's descriptor, None if it can't be sent."""
    old, new, ref, token = command
    request = {"op": "push", "app": app, "ref": ref, "old": old, "new": new, "token": token}
    line = ",".join(
        f"{encode_basestring_ascii(key)}:{encode_basestring_ascii(value)}" for key, value in request.items()
    )
    connection = Socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.connect(path)
        connection.sendall(b"{" + line.encode("ascii") + b"}\n")
    except OSError:
        connection.close()
        return None
    return connection.detach()


def _any_refused(results: dict[str, PushView]) -> bool:
    return any(result["outcome"] != "ok" for result in results.values())


def _answer(write: BinaryIO, ref: str, result: PushView) -> None:
    name = ref.encode("utf-8", "surrogateescape")
    if result["outcome"] == "ok":
        _send(write, b"ok " + name)
        if result.get("fall_through"):
            _send(write, b"option fall-through")
        return
    # One line, and no longer than what git shows in brackets behind the ref.
    from deployhost.control.terminal import escaped  # noqa: PLC0415 - it is there already: the lines before went through it

    reason = escaped(" ".join(str(result["message"]).split()))[:200]
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
