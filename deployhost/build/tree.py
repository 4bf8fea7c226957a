"""A tree of files that can only be read: what detection looks at. Pure; directory.py reads one from the disk."""

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

READ_LIMIT = 512 * 1024  # manifests are far smaller; a larger file is not worth the memory of a push

_SAFE_PATH = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9._@+-]*(?:/[A-Za-z0-9_@][A-Za-z0-9._@+-]*)*")


class Tree(ABC):
    """Files by their path relative to the root, with forward slashes. Nothing is read before it is asked for."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = sorted(paths)
        self._known = frozenset(self._paths)
        self._folders = parents_of(self._paths)

    def paths(self) -> list[str]:
        """Return the path of every file, sorted."""
        return list(self._paths)

    def exists(self, path: str) -> bool:
        """Return whether a path is a file."""
        return path in self._known

    def is_dir(self, path: str) -> bool:
        """Return whether a file lies below a path ("" is the root)."""
        return path.strip("/") in self._folders

    @abstractmethod
    def read(self, path: str) -> str:
        """Return a file's text, at most READ_LIMIT bytes of it; what is not text is replaced. Raises KeyError if there is none."""

    @abstractmethod
    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises KeyError if there is none."""

    def is_lost(self, path: str) -> bool:  # noqa: ARG002
        """Return whether a link of that name leads nowhere, or out of the tree: the tree has no such file. By default there are no links."""
        return False


class MemoryTree(Tree):
    """A tree of texts that are already in memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = dict(files)
        super().__init__(self._files)

    def read(self, path: str) -> str:
        """Return a file's text, capped as a file on disk would be. Raises KeyError if there is none."""
        return decode(self._files[path].encode("utf-8", errors="surrogatepass")[:READ_LIMIT])

    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises KeyError if there is none."""
        return len(self._files[path].encode("utf-8", errors="surrogatepass"))


class FolderTree(Tree):
    """The files that lie right in a folder of a tree, or all below it, as a tree of their own."""

    def __init__(self, tree: Tree, folder: str, *, deep: bool = False) -> None:
        self._tree = tree
        self._prefix = f"{folder}/"
        inside = (path.removeprefix(self._prefix) for path in tree.paths() if path.startswith(self._prefix))
        super().__init__(path for path in inside if deep or "/" not in path)

    def read(self, path: str) -> str:
        """Return a file's text. Raises KeyError if there is none."""
        return self._tree.read(self._prefix + path)

    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises KeyError if there is none."""
        return self._tree.size(self._prefix + path)

    def is_lost(self, path: str) -> bool:
        """Return whether a link of that name leads nowhere, or out of the tree."""
        return self._tree.is_lost(self._prefix + path)


def parents_of(paths: Iterable[str]) -> frozenset[str]:
    """Return every directory that holds one of the files, the root ("") included."""
    dirs = {""}
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent not in dirs:
            dirs.add(parent)
            parent = parent.rpartition("/")[0]
    return frozenset(dirs)


def decode(data: bytes) -> str:
    """Return the text of a file's bytes. A byte order mark decides, so that what PowerShell's `>` wrote (UTF-16) can be read."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def is_safe_path(path: str) -> bool:
    """Return whether a path may stand in a COPY: nothing that Docker or a shell would expand, and no `..`."""
    return bool(_SAFE_PATH.fullmatch(path)) and ".." not in path.split("/")


def printable(path: str) -> str:
    """Return a path as it may stand in a message: what a terminal would not show is a question mark."""
    return "".join(char if char.isprintable() else "?" for char in path)


def line_of(text: str, needle: str) -> int | None:
    """Return the 1-based number of the first line that holds `needle`, or None."""
    at = text.find(needle)
    return None if at < 0 else text.count("\n", 0, at) + 1
