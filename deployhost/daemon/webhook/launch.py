"""Starts a listener: it is noted before it knows a secret, and ready when this returns."""

import json
import os
import select
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import deployhost
from deployhost.daemon.webhook.users import ListenerUsers
from deployhost.model import Secret
from deployhost.system import process_records
from deployhost.system.process import piped

READY_WITHIN = 20.0  # seconds
# Large bodies are mapped one by one and given back at once: grown in the heap, they would leave it full of holes (mallopt(3)).
ENVIRONMENT = {"PATH": os.defpath, "MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "4194304"}

Secrets = Mapping[str, Secret]


@dataclass(frozen=True)
class RunningListener:
    """A listener that listens: its process, how to ask whether it has ended, and the secrets that it knows."""

    pid: int
    poll: Callable[[], int | None]
    secrets: Secrets


def launch(
    inherited: tuple[int, int], records: Path, empty: Path, secrets: Secrets, users: ListenerUsers
) -> RunningListener | None:
    """Start a listener and return it once it listens, or None if it did not come to that.

    It inherits the listening socket and the pipe for deliveries, sees nothing of the disk but an empty directory, and is noted in `records`.
    Raise CommandFailed if there is no such program, OSError if it can't be noted.
    """
    newcomer = _Newcomer([*command(*inherited, empty), *users.rights()], inherited, records)
    try:
        if newcomer.is_told(secrets) and newcomer.is_ready():
            return RunningListener(newcomer.popen.pid, newcomer.popen.poll, secrets)
    except BaseException:
        newcomer.end()
        raise
    newcomer.end()
    return None


def command(door: int, deliveries: int, empty: Path) -> list[str]:
    """Return the command of a listener: this very Python, with nothing of our environment."""
    package = Path(deployhost.__file__).resolve().parent.parent
    code = f"import sys; sys.path.append({str(package)!r}); from deployhost.daemon.webhook.listener import main; main()"
    return [sys.executable, "-I", "-X", "utf8", "-c", code, str(door), str(deliveries), str(empty)]


class _Newcomer:
    """A listener that is about to be one."""

    def __init__(self, argv: list[str], inherited: tuple[int, int], records: Path) -> None:
        self.popen = piped(argv, env=ENVIRONMENT, pass_fds=inherited)
        self._record = records / f"{self.popen.pid}.json"

    def is_told(self, secrets: Secrets) -> bool:
        """Note it, then tell it the secrets, and return whether it was there to hear them.

        It ends by itself if we die before it has heard them. So there is never one that nobody knows of.
        """
        process_records.note(self._record, self.popen.pid)
        assert self.popen.stdin is not None  # noqa: S101 - piped() gives both
        with self.popen.stdin as pipe:
            try:
                pipe.write(json.dumps({name: value.reveal() for name, value in secrets.items()}).encode())
            except BrokenPipeError:
                return False
        return True

    def is_ready(self) -> bool:
        """Wait until it says that it is ready, and return whether it did."""
        assert self.popen.stdout is not None  # noqa: S101 - piped() gives both
        waiting, deadline, heard = select.poll(), time.monotonic() + READY_WITHIN, b""
        with self.popen.stdout as pipe:
            waiting.register(pipe, select.POLLIN)
            while not heard.endswith(b"\n"):
                left = max(0.0, deadline - time.monotonic())
                more = os.read(pipe.fileno(), 64) if waiting.poll(left * 1000) else b""
                if not more:
                    return False
                heard += more
        return True

    def end(self) -> None:
        """Take it away."""
        self.popen.kill()
        self.popen.wait()
        self._record.unlink(missing_ok=True)
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()
