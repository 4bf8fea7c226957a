"""Trees of directories that anybody may have filled: walked and deleted by descriptors, never by long paths or by recursion.

A tree may be deeper than Python's stack, than a process may have open descriptors, and than a path may be long (PATH_MAX). Links
are never followed, and a directory that is moved while we are in it does not lead us out of the tree.
"""

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deployhost.errors import FileProblem
from deployhost.system.files import problem

BATCH = 1000  # names that are read before something is done with them: a directory may hold millions
TRIES = 20  # looks at one directory that somebody else fills while it is deleted
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Delete a directory and everything below it, if it exists.

    Links in it are deleted, not followed. If something can't be deleted, the rest still is. Raises FileProblem with the
    first cause, also if the path is a link or a file.
    """
    with _problems("delete", path), contextlib.suppress(FileNotFoundError):
        top = os.open(path, DIRECTORY)
        try:
            _empty(top)
        finally:
            os.close(top)
        path.rmdir()


def discard_tree(path: Path) -> None:
    """Delete a directory as `remove_tree` does. What can't be deleted stays, and nobody is told."""
    with contextlib.suppress(FileProblem):
        remove_tree(path)


@contextlib.contextmanager
def scratch_directory(parent: Path, *, prefix: str) -> Iterator[Path]:
    """Yield an empty directory that is deleted afterwards, however deep what lies in it is by then. Raises FileProblem."""
    with _problems("make", parent / prefix):
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield made
    finally:
        discard_tree(made)


def directories(path: Path) -> Iterator[int]:
    """Yield a descriptor of a directory and then of each one below it, for as long as the loop's body runs.

    The caller must not move directories. Raises FileProblem if one can't be read, or if somebody else moves them.
    """
    with _problems("read", path):
        yield from _walk(os.open(path, DIRECTORY))


@contextlib.contextmanager
def _problems(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise problem(doing, path, error) from error


def _empty(top: int) -> None:
    """Delete all that is in a directory.

    What lies in its subdirectories is moved up into it, one level at a time, so that nothing has to be remembered of how
    deep it was.
    """
    kept: dict[str, OSError] = {}
    moved = (f".deployhost-{secrets.token_hex(8)}-{number}" for number in itertools.count())
    while names := _names(top, kept):
        for name in names:
            try:
                _remove(name, top, moved)
            except FileNotFoundError:
                pass
            except OSError as error:
                kept[name] = error
    if kept:
        raise next(iter(kept.values()))


def _names(directory: int, kept: dict[str, OSError]) -> list[str]:
    """Return some names of a directory's entries that are not kept; none if there are no others."""
    names: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name not in kept:
                names.append(entry.name)
                if len(names) == BATCH:
                    break
    return names


def _remove(name: str, top: int, moved: Iterator[str]) -> None:
    """Delete an entry of a directory; if it is a directory, move those that it holds beside it first."""
    try:
        os.unlink(name, dir_fd=top)
        return
    except IsADirectoryError:
        inner = os.open(name, DIRECTORY, dir_fd=top)
    try:
        for _ in range(TRIES):
            _raise_contents(inner, top, moved)
            try:
                os.rmdir(name, dir_fd=top)
                return
            except OSError as error:
                # A listing may miss what is there while entries are deleted, and somebody may still write.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                full = error
        raise full
    finally:
        os.close(inner)


def _raise_contents(inner: int, top: int, moved: Iterator[str]) -> None:
    first: OSError | None = None
    with os.scandir(inner) as entries:
        for entry in entries:
            try:
                _raise_entry(entry.name, inner, top, moved)
            except FileNotFoundError:
                continue
            except OSError as error:
                first = first or error
    if first is not None:
        raise first


def _raise_entry(name: str, inner: int, top: int, moved: Iterator[str]) -> None:
    try:
        os.unlink(name, dir_fd=inner)
    except IsADirectoryError:
        try:
            os.rename(name, next(moved), src_dir_fd=inner, dst_dir_fd=top)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # A file system of its own, or a layer of one below: what can't be moved is deleted where it lies.
            _remove_there(name, inner)


def _remove_there(name: str, inner: int) -> None:
    try:
        shutil.rmtree(name, dir_fd=inner)
    except RecursionError as error:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)) from error


def _walk(current: int) -> Iterator[int]:
    """Yield the descriptors of a walk from a directory, which is closed.

    A stack has, for each level that still has subdirectories to be seen, its identity, its depth and their names. The way up
    is `..`; where it has led is known by that identity.
    """
    depth, stack = 0, []
    try:
        while True:
            yield current
            below = [entry.name for entry in _listed(current) if entry.is_dir(follow_symlinks=False)]
            if below:
                stack.append((_identity(current), depth, below))
            following = -1
            while following < 0:
                if not stack:
                    return
                level, at, names = stack[-1]
                while depth > at:
                    current, depth = _instead(current, ".."), depth - 1
                if _identity(current) != level:
                    raise OSError(errno.EBUSY, "its directories are being moved by somebody else")
                name = names.pop()
                if not names:
                    stack.pop()
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it was deleted, or replaced
                    following = os.open(name, DIRECTORY, dir_fd=current)
            os.close(current)
            current, depth = following, depth + 1
    finally:
        os.close(current)


def _listed(directory: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        yield from entries


def _instead(directory: int, name: str) -> int:
    """Open another directory from one, and close that one."""
    other = os.open(name, DIRECTORY, dir_fd=directory)
    os.close(directory)
    return other


def _identity(directory: int) -> tuple[int, int]:
    found = os.fstat(directory)
    return found.st_dev, found.st_ino
