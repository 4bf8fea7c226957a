"""A settings file on the disk: read it, and change it under a lock so that it is never lost, torn or made invalid."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from deployhost.config.yaml_edit import YamlText
from deployhost.config.yaml_tree import Node, parse
from deployhost.errors import InvalidConfig
from deployhost.system import files

T = TypeVar("T")
Parse = Callable[[Node, str, str], T]
"""Returns what a file says, from its tree, its name and the command that mends it. Raises InvalidConfig with all mistakes."""

MODE = 0o644


class Current(Generic[T]):
    """What a file says now. Its bytes decide whether it is parsed again: two writes within a clock's tick have one time."""

    def __init__(self, path: Path, parse: Parse[T]) -> None:
        self.path, self._parse = path, parse
        self._seen: tuple[bytes, T] | None = None

    def read(self) -> T | None:
        """Return what the file says, or None if there is no file. Raise InvalidConfig, FileProblem."""
        raw, seen = files.read(self.path), self._seen
        if raw is None:
            return None
        if seen is None or seen[0] != raw:
            self._seen = seen = (raw, _understood(self.path, raw, self._parse))
        return seen[1]


def load(path: Path, read: Parse[T]) -> T:
    """Return what a file says; a missing file is an empty one. Raise InvalidConfig, FileProblem."""
    return _understood(path, files.read(path), read)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock until the block ends: `change` waits for it. Raise Conflict if the file stays locked, FileProblem."""
    if not path.parent.is_dir():
        files.make_directory(path.parent)
    with files.lock(path.with_name(path.name + ".lock")):
        yield


def change(
    path: Path,
    read: Parse[T],
    edit: Callable[[YamlText, T], None],
    *,
    header: str = "",
    then: Callable[[], None] = lambda: None,
) -> T:
    """Carry out an edit of a file's text and return what the file says then.

    `edit` gets the text and what it says now; `header` begins a file that does not exist yet. Both the old and the new text
    must be valid: otherwise nothing is written. `then` is called once the file is written, while its lock is still held.
    Raise InvalidConfig, FileProblem, Conflict if the file stays locked.
    """
    with locked(path):
        with _explained(path):
            old = _decoded(path, files.read(path))
            text = YamlText(old or header, path.name)
            edit(text, read(text.root, path.name, hint(path)))
            after = read(text.root, path.name, hint(path))
        if text.text != (old or header):
            files.write_atomically(path, text.text.encode(), _mode(path))
        then()
        return after


def _understood(path: Path, raw: bytes | None, read: Parse[T]) -> T:
    with _explained(path):
        return read(parse(_decoded(path, raw).removeprefix("\ufeff"), path.name), path.name, hint(path))


def hint(path: Path) -> str:
    """Return the command that mends a file."""
    return f"editor {path}"


def _decoded(path: Path, raw: bytes | None) -> str:
    try:
        return "" if raw is None else raw.decode()
    except UnicodeDecodeError as error:
        line = (raw or b"")[: error.start].count(b"\n") + 1
        details = (f"{path.name}: it is not UTF-8 text (line {line})",)
        raise InvalidConfig(f"{path} can't be read", details=details, hint=hint(path)) from error


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return MODE


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except InvalidConfig as error:
        raise InvalidConfig(error.message, details=error.details, hint=error.hint or hint(path)) from error
