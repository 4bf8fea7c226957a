"""Files that are there whole or not at all, and locks between processes."""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deployhost.errors import Conflict, FileProblem
from deployhost.system.clock import until
from deployhost.system.stop import Stop

LOCK_TIMEOUT = 10.0  # seconds; every holder only reads and writes one small file
_RETRY = 0.02


def read(path: Path) -> bytes | None:
    """Return a file's bytes, or None if there is no such file. Raises FileProblem if it can't be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise problem("read", path, error) from error


def read_text(path: Path) -> str | None:
    """Return a file's text, or None if there is no such file; what is no UTF-8 is replaced. Raises FileProblem if it can't be read."""
    raw = read(path)
    return None if raw is None else raw.decode("utf-8", "replace")


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file's content so that any crash leaves the old one or the new one, whole.

    A symbolic link stays one: what it points at is replaced. The owner of an existing file is kept, its mode becomes `mode`.
    The directory must exist. Raises FileProblem if it can't be written (a full disk, rights); the old content is then untouched.
    """
    temporary = None
    try:
        target = path.resolve()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            _keep_owner(target, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        temporary = None
        sync_directory(target.parent)
    except OSError as error:
        raise problem("write", path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def remove(path: Path) -> bool:
    """Delete a file for good and return whether there was one. Raises FileProblem if it can't be deleted."""
    try:
        path.unlink()
        sync_directory(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise problem("delete", path, error) from error
    return True


def make_directory(path: Path, mode: int | None = None) -> None:
    """Have a directory of exactly that mode; without one, one that is there keeps its own. Raises FileProblem if it can't be made."""
    try:
        if mode is None and path.is_dir():
            return
        path.mkdir(parents=True, exist_ok=True)
        wanted = 0o755 if mode is None else mode
        if path.stat().st_mode & 0o7777 != wanted:
            path.chmod(wanted)
    except OSError as error:
        raise problem("make", path, error) from error


def sync_directory(path: Path) -> None:
    """Have a directory's entries on the disk: a rename survives a power cut only after this. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock(
    path: Path, timeout: float = LOCK_TIMEOUT, *, shared: bool = False, stop: Stop | None = None
) -> Iterator[None]:
    """Hold a lock file (made if missing) alone among all threads and processes until the block ends.

    With `shared`, others may hold it in the same way at once.
    The kernel releases it when its holder dies. The file stays: deleting it would let two holders in. Raises Conflict if
    somebody else holds it for `timeout` seconds, FileProblem if the file can't be made, CommandStopped if `stop` was set in a wait.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise problem("lock", path, error) from error
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        check = (stop or Stop()).check
        if not until(lambda: _locked(descriptor, path, kind), within=timeout, every=_RETRY, check=check):
            raise Conflict(f"another process has held {path} for more than {timeout:g} s", hint="lslocks --notruncate")
        yield
    finally:
        os.close(descriptor)


def problem(doing: str, path: Path, error: OSError) -> FileProblem:
    """Return an OSError as an error that a person can act on; `doing` is what was tried ("write")."""
    hints = {
        errno.ENOSPC: f"df -h {path.parent}",
        errno.EDQUOT: f"df -h {path.parent}",
        errno.EROFS: f"findmnt --target {path.parent}",
        errno.EACCES: f"sudo ls -ld {path.parent}",
        errno.EPERM: f"lsattr -d {path.parent}",
        errno.ENOENT: "deployhost setup --local",
    }
    why = "its directory does not exist" if error.errno == errno.ENOENT else (error.strerror or str(error)).lower()
    return FileProblem(f"can't {doing} {path}: {why}", hint=hints.get(error.errno or 0, ""))


def _locked(descriptor: int, path: Path, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise problem("lock", path, error) from error
    return True


def _keep_owner(target: Path, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        old, new = target.stat(), os.fstat(descriptor)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(descriptor, old.st_uid, old.st_gid)
