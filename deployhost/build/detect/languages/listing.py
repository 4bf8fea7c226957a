"""The files of a tree by name and by ending, less the folders that hold no program of the app. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from deployhost.build.tree import Tree, parents_of

# What lies below these is not the app: other people's code, tests, and the shells that put a page on a phone or a desktop.
SKIPPED = frozenset({
    "node_modules", "bower_components", "vendor", "third_party", "third-party", "site-packages", "venv", "test", "tests", "__tests__", "spec",
    "specs", "testdata", "fixtures", "e2e", "cypress", "example", "examples", "sample", "samples", "benchmark", "benchmarks", "tools",
    "src-tauri", "android", "ios", "macos",
})  # fmt: skip
DEEPEST = 8  # folders above a file
MOST_FOLDERS = 20
LONGEST_LINE = 1000
MOST_READ = 64 * 1024  # characters of one file
_COMMENT = re.compile(r"\s*(?:#(?!\s*include\b)(?!\[)|//|--|;|%|\*)")


class Listing:
    """Given a tree, the paths in which a language may show, found by name or ending in lower case."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._texts: dict[str, list[tuple[int, str]]] = {}
        self._names: dict[str, list[str]] = defaultdict(list)
        self._endings: dict[str, list[str]] = defaultdict(list)
        self._folders: dict[str, list[str]] = defaultdict(list)
        for path in tree.paths():
            *folders, name = path.lower().split("/")
            if len(folders) > DEEPEST or any(one in SKIPPED or one.startswith(".") for one in folders):
                continue
            self._folders[path.rpartition("/")[0]].append(path)
            self._names[name].append(path)
            self._endings[name[name.rfind(".") :] if "." in name else ""].append(path)

    def named(self, pattern: str) -> list[str]:
        """Given a name, or `*` and an ending, return the files with it, the upper ones first."""
        found = self._ending(pattern[1:]) if pattern.startswith("*") else self._names.get(pattern, [])
        return sorted(found, key=_depth)

    def ending(self, endings: Iterable[str], folder: str) -> list[str]:
        """Given endings and a folder ("" is the root), return the files below it with one of them, the upper ones first."""
        return sorted((one for ending in endings for one in self._ending(ending) if _below(one, folder)), key=_depth)

    def folders(self, names: frozenset[str]) -> list[str]:
        """Given names in lower case, return the folders that are called so, or lie below one that is, the upper ones first."""
        found = (
            one
            for one in parents_of(f"{folder}/" for folder in self._folders)
            if not names.isdisjoint(one.lower().split("/"))
        )
        return sorted(found, key=_depth)[:MOST_FOLDERS]

    def directly(self, endings: tuple[str, ...], folder: str) -> list[str]:
        """Given endings and a folder, return the files that lie right in it with one of them."""
        return sorted(one for one in self._folders.get(folder, []) if one.lower().endswith(endings)) if endings else []

    def matching(self, patterns: Iterable[str], folder: str) -> Iterator[str]:
        """Given patterns of paths and the folder that they are relative to, yield the files that match one."""
        for pattern in patterns:
            name = pattern.rpartition("/")[2]
            for path in self.named(name if "*" not in name else name[name.rindex("*") :]):
                inside = path[len(folder) :].lstrip("/").lower() if _below(path, folder) else ""
                if inside.count("/") == pattern.count("/") and fnmatchcase(inside, pattern):
                    yield path

    def lines(self, path: str) -> list[tuple[int, str]]:
        """Given a path, return its first lines with their numbers, comments left out."""
        if path not in self._texts:
            text = self._tree.read(path)[:MOST_READ].splitlines()
            self._texts[path] = [
                (number, line[:LONGEST_LINE]) for number, line in enumerate(text, 1) if not _COMMENT.match(line)
            ]
        return self._texts[path]

    def search(self, path: str, wanted: re.Pattern[str]) -> tuple[int, str] | None:
        """Given a path and an expression, return the first line that holds it and what was found, or None."""
        for number, line in self.lines(path):
            if match := wanted.search(line):
                return number, match[0]
        return None

    def _ending(self, ending: str) -> list[str]:
        if ending.count(".") < 2:
            return self._endings.get(ending, [])
        last = ending[ending.rindex(".") :]
        return [one for one in self._endings.get(last, []) if one.lower().endswith(ending)]


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
