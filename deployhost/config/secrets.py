"""Secrets of deployhost's own by name, one file each, which only root may read: a file's path can be handed to a program."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import FileProblem, InvalidConfig, InvalidName, InvalidRequest, NotFound
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.system import files

FILE_MODE, DIRECTORY_MODE = 0o600, 0o700
LONGEST = 256 * 1024  # bytes; a private key has some thousand, a list of zones 100 for each
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,46}[a-z0-9])?")
RULE = "use 1 to 48 characters of a-z, 0-9 and, inside, hyphens and _"


@dataclass(frozen=True, kw_only=True)
class NamedSecrets:
    """Secrets in one directory, each in a file of its own: `prefix` and its name.

    A file that others could read is closed to them when it is looked at. One that is a link, belongs to somebody else or is no
    file at all is refused and left as it is: somebody else decides what it says.
    """

    directory: Path
    prefix: str = ""

    def get(self, name: str) -> Secret:
        """Return a secret. A newline at the end of a single line, as editors write it, does not count.

        Raise NotFound if it is not set, InvalidConfig if its file holds no text, InvalidName, FileProblem.
        """
        path = self._path(name)
        with self._opened(path) as descriptor:
            try:
                data = _read(descriptor)
            except OSError as error:
                raise files.problem("read", path, error) from error
        return Secret(_text(path, data))

    def file(self, name: str) -> Path:
        """Return the file of a secret, for options as --password-file. Raise what `get` raises."""
        self.get(name)
        return self._path(name)

    def put(self, name: str, value: Secret, *, new: bool = True) -> None:
        """Set a secret: any crash leaves the old one or the new one, whole. Without `new`, only one that is set is changed.

        Raise InvalidRequest, InvalidName, FileProblem, Conflict, and NotFound without `new`.
        """
        path, data = self._path(name), _data(name, value)
        with locked(self.directory):
            self._sweep(path)
            with contextlib.suppress(*((NotFound,) if new else ())), self._opened(path):
                pass  # what can't be read again is not written
            files.write_atomically(path, data, FILE_MODE)

    def remove(self, name: str) -> bool:
        """Delete a secret for good, and return whether it was set. Raise InvalidName, FileProblem, Conflict."""
        path = self._path(name)
        with locked(self.directory):
            self._sweep(path)
            return files.remove(path)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InvalidName(f"{name[:60]!r} is not a valid name of a secret: {RULE}")
        return self.directory / f"{self.prefix}{name}"

    def _sweep(self, path: Path) -> None:
        """Delete what a crash left of writing a secret: it holds a value. The caller has the lock, so nobody writes it now."""
        for left in self.directory.glob(f".{path.name}.*.tmp"):
            files.remove(left)

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[int]:
        """Open the file of a secret and see to it that only root can read it. Raise NotFound, FileProblem."""
        try:
            # A pipe would block until somebody writes to it.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"the secret {path} is not set", hint=f"editor {path}") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FileProblem(f"{path} is a symbolic link, not a file", hint=f"rm {path}") from None
            raise files.problem("read", path, error) from error
        try:
            _secure(path, descriptor)
            yield descriptor
        finally:
            os.close(descriptor)


def locked(directory: Path) -> AbstractContextManager[None]:
    """Hold the lock of a directory of secrets, which is made if it is missing. Raise Conflict, FileProblem."""
    files.make_directory(directory, DIRECTORY_MODE)
    return files.lock(directory / ".lock")


def own_secrets(paths: Paths) -> NamedSecrets:
    """Return the secrets that belong to no app. They lie among the apps' variables: no app has a `_` in its name."""
    return NamedSecrets(directory=paths.secrets, prefix="_")


def connections(paths: Paths) -> NamedSecrets:
    """Return the secrets of the accounts that this server is joined to."""
    return NamedSecrets(directory=paths.connections)


def _secure(path: Path, descriptor: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise FileProblem(f"{path} is not a regular file", hint=f"ls -ld {path}")
    if found.st_uid != os.geteuid():
        raise FileProblem(f"{path} belongs to user {found.st_uid}, not to root", hint=f"chown root: {path}")
    if stat.S_IMODE(found.st_mode) != FILE_MODE:
        try:
            os.fchmod(descriptor, FILE_MODE)
        except OSError as error:
            raise files.problem("change the mode of", path, error) from error


def _read(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read(LONGEST + 1)


def _data(name: str, value: Secret) -> bytes:
    text = value.reveal()
    data = text.encode(errors="replace")  # an error of encode's own would hold the value
    if data.decode() != text:
        raise InvalidRequest(f"the secret {name} is not UTF-8 text")
    if not data.strip() or b"\0" in data:
        raise InvalidRequest(f"the secret {name} {'is empty' if not data.strip() else 'has a NUL character in it'}")
    if len(data) > LONGEST:
        raise InvalidRequest(f"the secret {name} is longer than {LONGEST // 1024} KiB")
    return data


def _text(path: Path, data: bytes) -> str:
    """Return what a file says, without a newline at the end of a single line."""
    text = data.decode(errors="replace")  # an error of decode's own would hold the data
    if not text.strip() or "\0" in text or text.encode() != data or len(data) > LONGEST:
        raise InvalidConfig(f"{path} holds no secret: it is empty, not text or too long", hint=f"editor {path}")
    return text[:-1] if text.endswith("\n") and text.count("\n") == 1 else text
