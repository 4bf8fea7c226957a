"""Trees and templates from the disk, for the pure code of this room."""

import os
from pathlib import Path

from deployhost.build.tree import READ_LIMIT, Tree, decode
from deployhost.errors import FileProblem
from deployhost.templates import templates_dir

MAX_FILES = 20_000
SKIPPED = frozenset({".git", "node_modules", ".venv"})


class DirectoryTree(Tree):
    """A directory as a tree. Symbolic links that leave it do not exist."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        if not self._root.is_dir():
            raise FileProblem(f"{root} is not a directory", hint="deployhost inspect ./")
        self._files = _walk(self._root)
        super().__init__(self._files)

    def read(self, path: str) -> str:
        """Return a file's text, at most READ_LIMIT bytes of it. Raises KeyError if there is none, FileProblem if it can't be read."""
        file = self._files[path]
        try:
            with file.open("rb") as stream:
                return decode(stream.read(READ_LIMIT))
        except OSError as error:
            raise FileProblem(f"can't read {file}: {error.strerror}") from error

    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises KeyError if there is none, FileProblem if it can't be read."""
        file = self._files[path]
        try:
            return file.stat().st_size
        except OSError as error:
            raise FileProblem(f"can't read {file}: {error.strerror}") from error

    def is_lost(self, path: str) -> bool:
        """Return whether a link of that name leads nowhere, or out of the tree."""
        return path not in self._files and (self._root / path).is_symlink()


def load_templates() -> dict[str, str]:
    """Return the templates of this room by file name, as plan_build takes them."""
    files = sorted((templates_dir() / "build").iterdir())
    return {path.name: path.read_text(encoding="utf-8") for path in files if path.is_file()}


def _walk(root: Path) -> dict[str, Path]:
    """Return the regular files of a resolved root by relative path, at most MAX_FILES of them, the upper levels in full first."""
    found: dict[str, Path] = {}
    level = [root]
    while level:
        below: list[Path] = []
        for folder in level:
            for entry in sorted(_entries(folder), key=lambda one: one.name):
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED:
                        below.append(path)
                elif _is_ours(entry, root):
                    found[path.relative_to(root).as_posix()] = path
                    if len(found) >= MAX_FILES:
                        return found
        level = below
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise FileProblem(f"can't read {folder}: {error.strerror}") from error


def _is_ours(entry: os.DirEntry[str], root: Path) -> bool:
    """Return whether an entry that is not a directory is a regular file of the tree, or a link to one inside it."""
    if not entry.is_symlink():
        return entry.is_file()
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):  # dangling, or a loop
        return False
    return target.is_file() and target.is_relative_to(root)
