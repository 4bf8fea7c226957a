"""A process of ours that answers questions over its input and output, one at a time, and may be ended at any moment."""

import contextlib
import os
import signal
import struct
import time
from collections.abc import Mapping, Sequence

from deployhost.errors import CommandFailed, CommandStopped, CommandTimedOut
from deployhost.system.process import piped
from deployhost.system.stop import Stop

HEADER = struct.Struct(">I")  # the length of what follows
LONGEST = 8 * 1024 * 1024  # bytes of an answer


class AnsweringProcess:
    """A process that answers questions; `env` is its whole environment. Raises CommandFailed if it can't be started.

    One that has failed to answer in any way is ended, at once and for good.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str]) -> None:
        self._name = argv[0]
        self._popen = piped(argv, env=env)

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._popen.pid

    def ask(self, question: bytes, *, seconds: float, stop: Stop) -> bytes:
        """Return the answer to a question, within `seconds`; `stop` ends the wait early.

        Raises CommandFailed if it ended or sent too long an answer, CommandTimedOut, CommandStopped.
        """
        try:
            self._send(HEADER.pack(len(question)) + question)
            return self._receive(time.monotonic() + seconds, stop)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kill it, whatever it is doing; a second call does nothing."""
        with contextlib.suppress(ProcessLookupError):
            if self._popen.poll() is None:
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, data: bytes) -> None:
        assert self._popen.stdin is not None  # noqa: S101 - piped() gives both
        try:
            self._popen.stdin.write(data)
        except (OSError, ValueError):  # it has ended; ValueError: and we know it
            raise self._ended() from None

    def _receive(self, until: float, stop: Stop) -> bytes:
        assert self._popen.stdout is not None  # noqa: S101 - piped() gives both
        answers = self._popen.stdout.fileno()
        held = bytearray()
        with stop.polled_with(answers) as waiting:
            while len(held) < HEADER.size or len(held) < self._length(held):
                if stop.is_set():
                    raise CommandStopped(f"{self._name} was stopped")
                left = until - time.monotonic()
                if left <= 0:
                    raise CommandTimedOut(f"{self._name} did not answer in time")
                if answers in dict(waiting.poll(left * 1000)):
                    more = os.read(answers, 1 << 16)
                    if not more:
                        raise self._ended()
                    held += more
        return bytes(held[HEADER.size :])

    def _length(self, held: bytearray) -> int:
        (length,) = HEADER.unpack_from(held)
        if length > LONGEST:
            raise CommandFailed(f"{self._name} sent too long an answer", status=1)
        return int(length) + HEADER.size

    def _ended(self) -> CommandFailed:
        self.end()
        return CommandFailed(f"{self._name} ended before it answered", status=self._popen.returncode)
