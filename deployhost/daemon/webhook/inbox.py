"""What listeners hand over to the daemon: lines in a pipe that has a place in the file system.

Listeners hold it open for reading too, so that it keeps what they write while no daemon runs: the next daemon reads it.
"""

import contextlib
import fcntl
import os
import select
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.github.delivery_plan import LONGEST
from deployhost.system import files

SIZE = 1024 * 1024  # bytes that it keeps: some thousand deliveries
PIECE = 8 * 1024  # bytes that are read at once
REST = 0.05  # seconds between two of them: a listener that somebody took over can't keep the daemon busy


@dataclass
class Inbox:
    """The pipe at a path, which is made if it is not there or is something else. Nobody but its owner can open it by its path."""

    path: Path
    _descriptor: int = field(default=-1, init=False)
    _held: bytes = field(default=b"", init=False)
    _too_long: bool = field(default=False, init=False)

    def descriptor(self) -> int:
        """Return the open pipe, for a listener to inherit. Raise FileProblem."""
        if self._descriptor < 0:
            try:
                self._descriptor = _opened(self.path)
            except OSError as error:
                raise files.problem("make", self.path, error) from error
        return self._descriptor

    def lines(self) -> Iterator[bytes]:
        """Yield each line that comes, for ever, without its newline. One that is too long is left out. Raise FileProblem."""
        waiting = select.poll()
        waiting.register(self.descriptor(), select.POLLIN)
        while True:
            waiting.poll()
            yield from self.waiting_lines()
            time.sleep(REST)

    def waiting_lines(self) -> Iterator[bytes]:
        """Yield the lines of the next piece that is there already."""
        try:
            more = os.read(self.descriptor(), PIECE)
        except BlockingIOError:
            return
        *lines, rest = (self._held + more).split(b"\n")
        for line in lines:
            if not self._too_long and len(line) <= LONGEST:
                yield line
            self._too_long = False
        self._too_long = self._too_long or len(rest) > LONGEST
        self._held = b"" if self._too_long else rest


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISFIFO(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o600:
            path.unlink()
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with contextlib.suppress(OSError):  # a system may have a lower limit
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, SIZE)
    return descriptor
