"""Notes on disk of which process runs a service; they outlive whoever wrote them. Standard library only, and light: the supervisor lives on it."""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from deployhost.system.json_file import read_json, write_json


def running(record: Path) -> int:
    """Return the pid in a note {"pid", "start"} if that very process still runs, else 0."""
    noted = read_json(record)
    pid, start = noted.get("pid", 0), noted.get("start")  # no start: it was gone already when it was noted
    return pid if isinstance(pid, int) and pid > 0 and start and start_of(pid) == start else 0


def note(record: Path, pid: int, **more: str) -> None:
    """Write the note by which `running` finds a process again."""
    write_json(record, {"pid": pid, "start": start_of(pid), **more})


def end_noted(directory: Path, *, but: int = 0, by: signal.Signals = signal.SIGTERM) -> None:
    """Signal the processes of the notes in a directory, all but one, and delete the notes of those that are gone."""
    for record in directory.glob("[0-9]*.json"):
        pid = running(record)
        if not pid:
            record.unlink(missing_ok=True)
        elif pid != but:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, by)


def any_noted(directory: Path) -> bool:
    """Return whether a process of the notes in a directory runs."""
    return any(running(record) for record in directory.glob("[0-9]*.json"))


def by_pidfile(pidfile: Path, program: str) -> int:
    """Return the pid in a pid file if the program of that name runs under it, else 0."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pidfile.read_text(encoding="ascii"))
        if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == program[:15] and start_of(pid):
            return pid
    return 0


def start_of(pid: int) -> str:
    """Return when a process began (boot id and clock ticks), or "" if it is gone or a zombie: pids are used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory; wait for whoever has it.

    It is a file that only root can open: flock(2) would take a descriptor of the directory from anybody who can read that.
    """
    fd = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
