"""The webhook's listener: a process without root's rights that strangers reach through the tunnel.

The daemon starts it with a listening socket and the pipe for what it hands over, and writes {connection: secret} to its standard input. It
says "ready" on its standard output once it listens. TERM has it finish the requests that it has and end; it outlives the daemon.
"""

import asyncio
import contextlib
import ctypes
import encodings.idna
import encodings.latin_1
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deployhost.daemon.webhook.exchange import Exchange, Listening, StrangerLimits

NEEDED_LATER = (encodings.idna, encodings.latin_1)  # nothing can be imported any more once there are no files
READY = b"ready\n"
MEMORY = 256 * 1024**2  # bytes of address space; Python and we are 30 MB of it
DESCRIPTORS = 200  # beside one for each connection: those that are just let in or closed
AT_ONCE = 64  # connections that are let in before others have their turn
LAST_CALL = 0.5  # seconds for those who found the socket just before another one took its place
PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE = 38, 4  # linux/prctl.h


class WebhookListener:
    """Lets strangers in, each as an `Exchange`, until it is to end."""

    def __init__(self, door: socket.socket, listening: Listening) -> None:
        self._door, self._listening = door, listening
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[Any]] = set()
        self._to_end = asyncio.Event()

    def open(self) -> None:
        """Begin to let strangers in."""
        self._loop.add_signal_handler(signal.SIGTERM, self._to_end.set)
        self._loop.add_reader(self._door, self._let_in)

    async def serve(self) -> None:
        """Serve until TERM, then until everybody has an answer."""
        await self._to_end.wait()
        await asyncio.sleep(LAST_CALL)
        self._loop.remove_reader(self._door)
        self._door.close()
        while self._coming or self._listening.exchanges:
            await asyncio.sleep(0.02)

    def _let_in(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _address = self._door.accept()
            except OSError:
                return  # nobody is there any more, or is gone already
            connection.setblocking(False)
            made = self._loop.connect_accepted_socket(lambda: Exchange(self._listening, self._loop), connection)
            task = self._loop.create_task(made)
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)


def main() -> None:
    """Give up all rights, learn the secrets, listen. Arguments: socket, pipe, an empty directory and, but in tests, user and group."""
    door_number, deliveries = map(int, sys.argv[1:3])
    user, group = map(int, sys.argv[4:6]) if len(sys.argv) > 4 else (None, None)
    null = os.open(os.devnull, os.O_RDWR)
    _close_all_but(door_number, deliveries, null)
    confine(Path(sys.argv[3]), user, group, connections=StrangerLimits().connections)
    secrets = _secrets(sys.stdin.buffer.read())
    if secrets:  # else the daemon ended before it had written them, and knows nothing of us
        door = socket.socket(fileno=door_number)
        door.setblocking(False)
        os.dup2(null, 0)
        os.dup2(null, 2)  # strangers must not be able to fill a log
        asyncio.run(_run(door, Listening(secrets=secrets, hand_over=writes_to(deliveries)), null))


def writes_to(descriptor: int) -> Callable[[bytes], bool]:
    """Return what writes a line to a pipe and returns whether there was room for it."""

    def write(line: bytes) -> bool:
        try:
            return os.write(descriptor, line) == len(line)
        except BlockingIOError:
            return False

    return write


def confine(directory: Path, user: int | None, group: int | None, *, connections: int) -> None:
    """Give up all rights and have the kernel bound us: files, users, memory, processes, and the first to go where memory is short.

    The empty directory is all that is seen of the disk from then on. Without a user, which only tests do, we stay who and where we are.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if user is not None and group is not None:
        os.chroot(directory)
        os.chdir("/")
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, connections + DESCRIPTORS),
    ):
        resource.setrlimit(what, (most, most))


def _secrets(text: bytes) -> Mapping[str, bytes]:
    return {name: secret.encode() for name, secret in json.loads(text or b"{}").items()}


def _close_all_but(*kept: int) -> None:
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - names are numbers here, and no paths
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


async def _run(door: socket.socket, listening: Listening, null: int) -> None:
    asyncio.get_running_loop().set_exception_handler(
        lambda *_: None
    )  # a connection that fails is closed, and that is all
    listener = WebhookListener(door, listening)
    listener.open()
    gc.freeze()
    os.write(1, READY)
    os.dup2(null, 1)
    await listener.serve()


if __name__ == "__main__":
    main()
