"""Kamal's lock on one app: the directory ~/.kamal/lock-<service> with a file `details` (lib/kamal/commands/lock.rb).

Whoever makes the directory holds the lock. Ours carry boot id, pid and start time, so that a lock which a dead process of
ours left is known as such; a lock of anybody else is never released here.
"""

import base64
import contextlib
import ctypes
import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployhost.errors import Conflict, FileProblem
from deployhost.model import AppName, Version
from deployhost.system import files
from deployhost.system.clock import until
from deployhost.system.process_records import start_of
from deployhost.system.tree import discard_tree

OURS = "deployhost"
POLL = 0.5  # seconds
AT_FDCWD, RENAME_NOREPLACE = -100, 1


@dataclass(frozen=True)
class LockDetails:
    """What a lock says: the text as Kamal shows it, and for ours the process that holds it ("boot-id pid start-time").

    `since` is when it was taken, in unix seconds.
    """

    text: str
    holder: str | None
    since: float = 0.0

    @property
    def by(self) -> str:
        """Return who holds it, as the lock says, or "somebody"."""
        first = next((line for line in self.text.splitlines() if line.startswith("Locked by: ")), "")
        return first.removeprefix("Locked by: ").rpartition(" at ")[0] or "somebody"

    def age(self, now: float) -> float:
        """Return for how many seconds it has been held at a moment, in unix seconds."""
        return max(0.0, now - self.since)


class KamalLocks:
    """Takes and releases the locks in Kamal's directory."""

    def __init__(self, kamal: Path) -> None:
        self._kamal = kamal

    @contextlib.contextmanager
    def held(
        self,
        app: AppName,
        version: Version,
        *,
        patience: float,
        waiting: Callable[[str], None],
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[None]:
        """Hold an app's lock within the block; `waiting` is told once who holds it when one has to wait.

        Raises Conflict when somebody else still holds it after `patience` seconds, and what `check` raises meanwhile.
        """
        directory = self._kamal / f"lock-{app}"
        holder = ""

        def taken() -> bool:
            nonlocal holder
            while not self._take(directory, version):
                details = _read(directory)
                if not _is_left(details):
                    if not holder:
                        waiting(_one_line(details))
                    holder = _one_line(details)
                    return False
                self._break(directory)
            return True

        if not until(taken, within=patience, every=POLL, check=check):
            raise Conflict(f"Kamal's lock on {app} is held: {holder}", hint=f"deployhost kamal {app} -- lock release")
        try:
            yield
        finally:
            self._release(directory)

    def release_left(self) -> None:
        """Release every lock that a dead process of ours left, so that it is in nobody's way."""
        for directory in self._kamal.glob("lock-*"):
            if _is_left(_read(directory)):
                self._break(directory)

    def read(self, app: AppName) -> LockDetails | None:
        """Return what an app's lock says, or None where there is none."""
        return _read(self._kamal / f"lock-{app}")

    def foreign(self) -> dict[str, LockDetails]:
        """Return the locks that somebody else holds, by app: Kamal's own, and those of its users."""
        return {app: details for app, details in self._all().items() if details.holder is None}

    def of_others(self) -> dict[str, LockDetails]:
        """Return the locks that this process does not hold, by app: the foreign ones, and those of `deployhost kamal`."""
        ours = _identity(os.getpid())
        return {app: details for app, details in self._all().items() if details.holder != ours}

    def _all(self) -> dict[str, LockDetails]:
        held = {path.name.removeprefix("lock-"): _read(path) for path in self._kamal.glob("lock-*")}
        return {app: details for app, details in held.items() if details is not None}

    def _take(self, directory: Path, version: Version) -> bool:
        # Made aside and renamed into place, details and all: a lock without details would be nobody's for ever.
        directory.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = f"Locked by: {OURS} at {now}\nVersion: {version}\nMessage: {OURS} {_identity(os.getpid())}"
        (aside / "details").write_bytes(base64.b64encode(text.encode()) + b"\n")
        try:
            return _rename_if_free(aside, directory)
        finally:
            discard_tree(aside)

    def _break(self, directory: Path) -> None:
        # One of us at a time, and looked at again: the next may have taken it since.
        with files.lock(directory.with_name(f".{OURS}-locks")):
            if _is_left(_read(directory)):
                _remove(directory)

    def _release(self, directory: Path) -> None:
        # Somebody may have released it by force, and somebody else taken it then: only what is ours is removed.
        details = _read(directory)
        if details is not None and details.holder == _identity(os.getpid()):
            _remove(directory)


def _read(directory: Path) -> LockDetails | None:
    try:
        made = directory.stat().st_mtime
    except OSError:
        return None
    try:
        raw = (directory / "details").read_bytes()
    except OSError:
        # Kamal makes the directory first and writes its details then; somebody may also make one by hand.
        return LockDetails("(no details)", None, made) if directory.is_dir() else None
    try:
        text = base64.b64decode(raw, validate=False).decode("utf-8", "replace").strip()
    except ValueError:
        text = raw.decode("utf-8", "replace").strip()
    marker = f"Message: {OURS} "
    holder = next((line.removeprefix(marker) for line in text.splitlines() if line.startswith(marker)), None)
    return LockDetails(text, holder, _said(text) or made)


def _said(text: str) -> float | None:
    """Return the time that the first line of a lock's text names, in unix seconds, or None."""
    found = re.search(r"^Locked by: .* at (\S+)$", text, re.MULTILINE)
    try:
        return None if found is None else datetime.fromisoformat(found[1]).timestamp()
    except ValueError:
        return None


def _is_left(details: LockDetails | None) -> bool:
    return details is not None and details.holder is not None and not _alive(details.holder)


def _remove(directory: Path) -> None:
    # Moved away first: half a removal would leave a lock without details, nobody's for ever.
    away = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    with contextlib.suppress(FileNotFoundError):
        directory.rename(away)
    discard_tree(away)


def _rename_if_free(source: Path, target: Path) -> bool:
    # renameat2(2) with RENAME_NOREPLACE: plain rename(2) would replace a lock that Kamal has made but not yet written into.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(source), AT_FDCWD, bytes(target), RENAME_NOREPLACE) == 0:
        return True
    if (number := ctypes.get_errno()) == errno.EEXIST:
        return False
    raise FileProblem(f"the lock {target} can't be made: {os.strerror(number)}")


def _identity(pid: int) -> str:
    """Return what our locks say of a process: "boot-id pid start-time", or "" if it is gone or a zombie, which holds nothing."""
    boot, _, ticks = start_of(pid).partition("/")
    return f"{boot} {pid} {ticks}" if ticks else ""


def _alive(holder: str) -> bool:
    words = holder.split()
    return len(words) == 3 and words[1].isdecimal() and _identity(int(words[1])) == holder


def _one_line(details: LockDetails | None) -> str:
    return "it was just released" if details is None else " · ".join(details.text.splitlines())
