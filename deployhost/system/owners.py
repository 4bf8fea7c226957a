"""Who owns directories and all that lies in them, on this machine."""

import contextlib
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from deployhost.errors import FileProblem
from deployhost.system.files import make_directory, problem
from deployhost.system.tree import DIRECTORY, directories

MOST_LINKED = 200_000  # files with several names of which the names are counted; that takes 100 bytes each


class Owner(NamedTuple):
    """The uid and gid of a file."""

    uid: int
    gid: int


class Owners:
    """The owners of directories."""

    def of(self, directory: Path) -> Owner | None:
        """Return the owner of a directory itself, or None if there is no such directory. Raises FileProblem."""
        try:
            found = directory.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise problem("look at", directory, error) from error
        return Owner(found.st_uid, found.st_gid) if stat.S_ISDIR(found.st_mode) else None

    def below(self, directory: Path) -> dict[str, Owner]:
        """Return the owners of the directories in one, by name. Raises FileProblem."""
        try:
            names = [entry.name for entry in os.scandir(directory)]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise problem("read", directory, error) from error
        found = {name: self.of(directory / name) for name in names}
        return {name: owner for name, owner in found.items() if owner is not None}

    def make(self, directory: Path, owner: Owner) -> None:
        """Make a directory that belongs to an owner, in one that nobody but root can look into. Raises FileProblem."""
        make_directory(directory.parent, 0o700)
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise problem("make", directory, error) from error
        self.give(directory, (), owner)

    def give(self, directory: Path, before: Collection[Owner], owner: Owner) -> None:
        """Give what belongs to one of `before` in a directory to another owner, and last the directory itself.

        Links are never followed. A file with names outside the directory is left alone: it might be anybody's, linked in to be
        handed over. Nothing may be moved meanwhile. Raises FileProblem.
        """
        walk = _Walk(frozenset(before) - {owner}, owner)
        for descriptor in directories(directory):
            try:
                walk.give_all(descriptor)
            except OSError as error:
                raise problem("change the owner of files in", directory, error) from error
        try:
            top = os.open(directory, DIRECTORY)
            try:
                os.fchown(top, *owner)
            finally:
                os.close(top)
        except OSError as error:
            raise problem("change the owner of", directory, error) from error


class _Walk:
    """One walk through a directory; it counts the names that it has seen of files with several."""

    def __init__(self, before: Collection[Owner], owner: Owner) -> None:
        self._before, self._owner = before, owner
        self._unseen: dict[tuple[int, int], int] = {}  # by device and inode: how many names were not seen yet

    def give_all(self, directory: int) -> None:
        """Give the entries of one directory. Raises OSError, FileProblem."""
        with os.scandir(directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # it was deleted
                    self._give(entry.name, directory)

    def _give(self, name: str, directory: int) -> None:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if Owner(found.st_uid, found.st_gid) in self._before and self._is_inside(found):
            os.chown(name, *self._owner, dir_fd=directory, follow_symlinks=False)

    def _is_inside(self, found: os.stat_result) -> bool:
        """Return whether all names of a file are known to lie in the directory, this one being the last that was not seen."""
        if found.st_nlink == 1 or stat.S_ISDIR(found.st_mode):
            return True
        key = (found.st_dev, found.st_ino)
        if key not in self._unseen and len(self._unseen) >= MOST_LINKED:
            raise FileProblem(f"more than {MOST_LINKED} files have several names: their owner can't be changed safely")
        self._unseen[key] = self._unseen.get(key, found.st_nlink) - 1
        if self._unseen[key] > 0:
            return False
        del self._unseen[key]
        return True
