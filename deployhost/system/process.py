"""The one door to processes: argv lists, no shell, a timeout, TERM then KILL of the whole group, output streamed."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deployhost.errors import CommandFailed, CommandMissing, CommandStopped, CommandTimedOut
from deployhost.system.stop import Stop

GRACE = 5.0  # seconds between TERM and KILL
HURRY = 2.0  # … where a person waits for the end
LINGER = 1.0  # seconds for the last output of a process that has ended
TAIL = 20  # lines of output that an error carries
LINE = 16 * 1024  # bytes of a line that are kept and told; the rest of it is dropped while it is read
KEPT = 500  # lines that are kept of output that is told line by line
MOST = 16 * 1024**2  # bytes of output that are kept whole; what writes more is ended

OnLine = Callable[[str], None]
OnPiece = Callable[[bytes], object]


@dataclass(frozen=True)
class Completed:
    """How a process ended: its exit code, and what it wrote (text, stderr apart)."""

    code: int
    stdout: str
    stderr: str


class ChildProcess:
    """A running process in a session of its own. `wait` ends it when its time is up; nothing is left behind."""

    def __init__(
        self,
        argv: Sequence[str],
        popen: "subprocess.Popen[bytes]",
        on_line: OnLine | None,
        on_piece: OnPiece | None = None,
    ) -> None:
        self.argv = tuple(argv)
        self._popen = popen
        self._kept: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
        self._lines: dict[str, deque[str]] = {name: deque(maxlen=KEPT) for name in self._kept}
        self._on_line = on_line
        self._on_piece = on_piece
        self._refused: BaseException | None = None
        self._readers = [
            threading.Thread(target=self._read, args=(name, pipe), daemon=True)
            for name, pipe in (("out", popen.stdout), ("err", popen.stderr))
            if pipe is not None
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._popen.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._popen.poll()

    def wait(self, timeout: float, stop: Stop | None = None) -> Completed:
        """Wait up to `timeout` seconds for its end and return how it ended; `stop` ends it early.

        Raises CommandTimedOut or CommandStopped, having stopped the whole group, if it did not end by itself.
        """
        stop = stop or Stop()
        try:
            waited = self._until_ended(timeout, stop)
            if stop.is_set() and self.poll() is None:
                self.stop(HURRY)
                raise CommandStopped(f"{self.argv[0]} was stopped", details=tuple(self.tail()))
            self._popen.wait(timeout - waited)
        except subprocess.TimeoutExpired:
            self.stop()
            raise CommandTimedOut(
                f"{self.argv[0]} did not end within {timeout:g} s", details=tuple(self.tail())
            ) from None
        for reader in self._readers:
            # A grandchild may hold the pipe open for ever; what the process itself wrote is there within moments.
            reader.join(LINGER if self._on_piece is None else None)
        if self._refused is not None:
            raise self._refused
        return Completed(self._popen.returncode, self._text("out"), self._text("err"))

    def _until_ended(self, timeout: float, stop: Stop) -> float:
        """Return the seconds until it ended or was to be stopped, `timeout` at most.

        Popen.wait() with a timeout sleeps up to 50 ms between two looks, which every push would feel; the kernel's handle
        of a process wakes us at once.
        """
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(ProcessLookupError))  # somebody has waited for it already
            ended = os.pidfd_open(self._popen.pid)
            stack.callback(os.close, ended)
            stack.enter_context(stop.polled_with(ended)).poll(timeout * 1000)
        return min(time.monotonic() - began, timeout)

    def tail(self) -> list[str]:
        """Return the last lines it wrote."""
        text = self._text("err") or self._text("out")
        return [line[:LINE] for line in text.removesuffix("\n").split("\n")[-TAIL:]] if text else []

    def _text(self, name: str) -> str:
        if self._on_line is not None:
            return "".join(list(self._lines[name]))
        return bytes(self._kept[name]).decode("utf-8", "replace")

    def stop(self, grace: float = GRACE) -> None:
        """End the whole process group: TERM, then KILL after `grace` seconds."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace)
        self.signal(signal.SIGKILL)
        self._popen.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group; a group that is gone is ignored."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        with pipe:
            if self._on_line is None:
                self._keep(name, pipe)
                return
            for raw in _short_lines(pipe):
                line = raw.decode("utf-8", "replace")
                self._lines[name].append(line)
                self._on_line(line.rstrip("\r\n"))

    def _keep(self, name: str, pipe: IO[bytes]) -> None:
        """Keep all of an output, MOST bytes of it at most, or hand it on in pieces: what writes more, or is refused, is ended."""
        kept = self._kept[name]
        hand_on = self._on_piece if name == "out" and self._on_piece is not None else kept.extend
        try:
            while piece := os.read(pipe.fileno(), 1 << 16):
                hand_on(piece)
                if len(kept) > MOST:
                    raise CommandFailed(
                        f"{self.argv[0]} wrote more than {MOST // 1024**2} MB and was stopped", status=1
                    )
        except Exception as error:  # noqa: BLE001 - raised by `wait`
            self._refused = error
            self.signal(signal.SIGKILL)


def _short_lines(pipe: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of an output, of each LINE bytes at most: some write megabytes in one."""
    begins = True
    while piece := pipe.readline(LINE):
        ends = piece.endswith(b"\n")
        if begins:
            yield piece if ends else piece + b"\n" if len(piece) == LINE else piece
        begins = ends


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: OnLine | None = None,
    on_piece: OnPiece | None = None,
    stdin: bytes | None = None,
    output: Path | None = None,
    dies_with_us: bool = False,
    pass_fds: Sequence[int] = (),
    memory: int | None = None,
) -> ChildProcess:
    """Start an argv in a session of its own and return it running. Raises CommandMissing if there is no such program.

    `env` replaces the environment; `on_line` gets each line of output and errors as it comes, without its newline (from a
    reader thread), `on_piece` its output in pieces as it comes, which are not kept: what that raises ends the process, and is
    raised by `wait`; `output` appends both to a file instead, for a process that outlives us; `dies_with_us` has the kernel
    TERM it when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG, by way of setpriv(1)); `pass_fds` are descriptors
    of ours that it inherits under their numbers; `memory` is the bytes of address space that it, and each process that it starts,
    may have (prlimit(1), which takes a millisecond).
    """
    full = ["setpriv", "--pdeathsig", "TERM", "--", *argv] if dies_with_us else list(argv)
    full = full if memory is None else ["prlimit", f"--as={memory}", "--", *full]
    with contextlib.ExitStack() as stack:
        out: int | IO[bytes] = subprocess.PIPE if output is None else stack.enter_context(output.open("ab"))
        try:
            popen = subprocess.Popen(
                full,
                env=None if env is None else dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if output is not None else subprocess.PIPE,
                start_new_session=True,
                pass_fds=tuple(pass_fds),
            )
        except FileNotFoundError:
            if cwd is not None and not cwd.is_dir():
                raise CommandFailed(f"{argv[0]} can't run in {cwd}: no such directory", status=127) from None
            raise CommandMissing(f"{full[0]} is not installed", hint="deployhost setup --local") from None
        except OSError as error:
            raise CommandFailed(f"{argv[0]} can't be started: {error.strerror}", status=126) from error
    process = ChildProcess(argv, popen, on_line, on_piece)
    if stdin is not None and popen.stdin is not None:
        with contextlib.suppress(BrokenPipeError), popen.stdin as pipe:
            pipe.write(stdin)
    return process


def piped(argv: Sequence[str], *, env: Mapping[str, str], pass_fds: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """Start an argv in a session of its own, its input and output being pipes to us; `env` is its whole environment.

    It gets the descriptors `pass_fds`, under their numbers, and no others.
    """
    try:
        return subprocess.Popen(
            list(argv),
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except OSError as error:
        raise CommandFailed(f"{argv[0]} can't be started: {error.strerror}", status=126) from error


def attached(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> int:
    """Run an argv with our own input, output and terminal; return its exit code.

    Ctrl-C is for the program: it gets it from the terminal as we do, and decides what that means. A program that a signal
    ended counts as 128 and the signal's number, as in a shell. Raises CommandMissing, CommandFailed if it can't be started.
    """
    full = ["setpriv", "--pdeathsig", "TERM", "--", *argv]
    # A handler of ours, not SIG_IGN: that one the program would inherit.
    meant = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        code = subprocess.Popen(full, env=dict(env), cwd=cwd).wait()
    except OSError as error:
        raise CommandFailed(f"{argv[0]} can't be started: {error.strerror}", status=126) from error
    finally:
        for number, handler in meant.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: OnLine | None = None,
    on_piece: OnPiece | None = None,
    stdin: bytes | None = None,
    check: bool = True,
    dies_with_us: bool = False,
    stop: Stop | None = None,
    pass_fds: Sequence[int] = (),
    memory: int | None = None,
) -> Completed:
    """Run an argv to its end, within `timeout` seconds, and return what it wrote; the rest is as with `spawn`.

    Raises CommandFailed if it ends with another code than 0 (unless `check` is false), CommandTimedOut, CommandStopped if
    `stop` was set meanwhile, CommandMissing.
    """
    process = spawn(
        argv,
        env=env,
        cwd=cwd,
        on_line=on_line,
        on_piece=on_piece,
        stdin=stdin,
        dies_with_us=dies_with_us,
        pass_fds=pass_fds,
        memory=memory,
    )
    completed = process.wait(timeout, stop)
    if check and completed.code != 0:
        # The arguments are left out: one day one of them might be a secret.
        raise CommandFailed(
            f"{Path(argv[0]).name} failed with exit code {completed.code}",
            status=completed.code,
            details=tuple(process.tail()),
        )
    return completed
