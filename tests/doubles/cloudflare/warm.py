"""Processes that ask Cloudflare, forked from one that has its SDK loaded: loading it takes longer than most tests.

What a real start does (edge/asking.py) is in tests/local/edge/test_asking.py, and in all tests that run the command.
"""

import array
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from deployhost.edge import asking
from deployhost.system.answering_process import AnsweringProcess

CHECKOUT = Path(__file__).resolve().parents[3]


class WarmAsking:
    """A process that has the SDK loaded, and what starts others from it."""

    def __init__(self) -> None:
        self._socket, there = socket.socketpair()
        code = (
            f"import sys; sys.path.append({str(CHECKOUT)!r}); from tests.doubles.cloudflare.warm import serve; serve()"
        )
        with there:
            argv = [sys.executable, "-I", "-X", "utf8", "-c", code]
            self._process = subprocess.Popen(argv, stdin=there.fileno(), stdout=subprocess.DEVNULL)

    def start(self, _library: Path | None) -> AnsweringProcess:
        """Do what asking.start_asking does."""
        env = {"PATH": os.defpath, **{name: os.environ[name] for name in asking.PASSED_ON if name in os.environ}}
        return WarmProcess(self._fork(env))

    def _fork(self, env: Mapping[str, str]) -> "Forked":
        (read_questions, questions), (answers, write_answers) = os.pipe(), os.pipe()
        theirs = array.array("i", [read_questions, write_answers])
        self._socket.sendmsg([json.dumps(env).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, theirs)])
        os.close(read_questions)
        os.close(write_answers)
        pid = int(self._socket.recv(32))
        return Forked(pid, os.fdopen(questions, "wb", buffering=0), os.fdopen(answers, "rb", buffering=0))

    def end(self) -> None:
        """End it; what it started has ended with its work."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


class Forked:
    """A process that is not our child, as AnsweringProcess uses one."""

    returncode = 1

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._ended = False

    def poll(self) -> int | None:
        """Return None until it was waited for: a process that has ended already can't be killed, which is no error."""
        return self.returncode if self._ended else None

    def wait(self) -> int:
        """Wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            ended, _, _ = select.select([descriptor], [], [], 10)
            os.close(descriptor)
            assert ended, f"process {self.pid} does not end"
        self._ended = True
        return self.returncode


class WarmProcess(AnsweringProcess):
    """An AnsweringProcess that was forked."""

    def __init__(self, forked: Forked) -> None:
        self._name, self._popen = sys.executable, forked  # type: ignore[assignment]


def serve() -> None:
    """Fork a process for each request, until nobody is there any more."""
    from deployhost.edge import cloudflare  # noqa: PLC0415 - with the SDK, which tests themselves have no use for

    cloudflare.AGAIN_AFTER = 0.05
    cloudflare.trial()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests = socket.socket(fileno=0)
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 65536, 2)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            _become(json.loads(data), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(str(pid).encode())


def _become(env: Mapping[str, str], questions: int, answers: int) -> None:
    from deployhost.edge import cloudflare  # noqa: PLC0415

    code = 1
    try:
        os.setsid()
        os.dup2(questions, 0)
        os.dup2(answers, 1)
        os.closerange(3, 64)
        os.environ.clear()
        os.environ.update(env)
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        cloudflare.main()
        code = 0
    finally:
        os._exit(code)
