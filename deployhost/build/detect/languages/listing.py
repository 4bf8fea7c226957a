"""The files of a tree by name and by ending, less the folders that hold no program of the app. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from deployhost.build.tree import Tree, parents_of

# Other people's code, and what is written to be tried or read: no server of the app is below these.
_OTHERS = frozenset({
    "node_modules", "bower_components", "vendor", "vendors", "third_party", "third-party", "site-packages", "venv", "plugins", "example",
    "examples", "_example", "_examples", "more_examples", "sample", "samples", "code-samples", "code_samples", "demo", "demos", "snippets",
    "snippet", "download", "downloads", "_downloads", "unit_testing",
})  # fmt: skip
_TESTS = frozenset({
    "test", "tests", "__tests__", "spec", "specs", "testdata", "fixtures", "e2e", "cypress", "mock", "mocks", "__mocks__", "content", "contents",
    "posts", "_posts", "lesson", "lessons", "wasm",
})  # fmt: skip
# What else is no part of the app's server: writings, tools, infrastructure, and the shells that put a page on a phone or a desktop.
_BESIDE = frozenset({
    "extern", "external", "quickstart", "quickstarts", "tutorial", "tutorials", "lecture", "lectures", "exercises", "labs", "writeups", "articles",
    "slides", "benchmark", "benchmarks", "tools", "clients", "sdk", "sdks", "proto", "gen", "src-tauri", "android", "ios", "macos", "supabase",
    "netlify", "infra", "infrastructure", "terraform", "pulumi", "firmware", "lambda", "lambdas", "xtask",
})  # fmt: skip
_ABOVE = _OTHERS | _TESTS | _BESIDE
# Below these a folder's name is that of a package: com.example is the usual one.
_DEEP = frozenset(
    {"node_modules", "vendor", "snippets", "content", "posts", "lessons", "__tests__", "fixtures", "testdata", "wasm"}
)
_SOURCE_ROOTS = frozenset({"src", "sources", "source"})
DEEPEST = 12  # folders above a file
MOST_FOLDERS = 30
MOST_FOUND = 2000  # files of one kind
LONGEST_LINE = 1000
OVERLAP = 200  # characters of a longer line that two of its pieces share
MOST_READ = 64 * 1024  # characters of one file
MOST_TEXT = 4 * 1024 * 1024  # characters of all of them
# `//go:build` is no comment, nor is `#!`, nor what begins with # in C and Rust.
_COMMENT = re.compile(r"\s*(?:#(?!\s*include\b)(?![\[!])|//(?!\s*(?:go:build|\+build)\b)|--|;|%|\*)")


class TreeListing:
    """The paths of a tree in which a language may show, found by name or ending in lower case, and the lines of their files."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._left = MOST_TEXT
        self._texts: dict[str, list[tuple[int, str]]] = {}
        self._names: dict[str, list[str]] = defaultdict(list)
        self._endings: dict[str, list[str]] = defaultdict(list)
        self._folders: dict[str, list[str]] = defaultdict(list)
        self._pages: dict[str, list[str]] = defaultdict(list)
        levels: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path in tree.paths():
            folder = path.rpartition("/")[0]
            levels[path.count("/")][folder].append(path)
        for _, folders in sorted(levels.items()):
            for folder, paths in folders.items():
                self._take(folder, paths)

    def _take(self, folder: str, paths: list[str]) -> None:
        """Take note of the files of a folder; the upper ones come first."""
        others, skipped = _is_others(folder.lower()), _is_skipped(folder.lower())
        if others and skipped:
            return
        if not skipped:
            self._folders[folder] = paths
        for path in paths:
            name = path[len(folder) :].lstrip("/").lower()
            ending = name[name.rfind(".") :] if "." in name else ""
            if not others:
                self._pages[ending].append(path)
            if not skipped:
                self._names[name].append(path)
                self._endings[ending].append(path)

    def named(self, pattern: str) -> list[str]:
        """Return the files with a name, or with an ending that follows a `*`, the upper ones first."""
        return self._with_ending(pattern[1:]) if pattern.startswith("*") else self._names.get(pattern, [])

    def pages(self, endings: Iterable[str]) -> Iterator[str]:
        """Yield the files with one of these endings that a web server might run, also in folders of tools."""
        for ending in endings:
            last = ending[ending.rindex(".") :]
            yield from (one for one in self._pages.get(last, []) if one.lower().endswith(ending))

    def ending(self, endings: Iterable[str], folder: str) -> list[str]:
        """Return the files below a folder ("" is the root) with one of these endings, the upper ones first."""
        found = [one for ending in endings for one in self._with_ending(ending) if _below(one, folder)][:MOST_FOUND]
        return sorted(found, key=_depth)

    def folders(self, names: frozenset[str]) -> list[str]:
        """Return the folders, at most two deep, whose path holds one of these words, the upper ones first."""
        upper = (one for one in parents_of(f"{folder}/" for folder in self._folders) if one.count("/") < 2)
        found = (one for one in upper if any(_holds(part, names) for part in one.lower().split("/")))
        return sorted(found, key=_depth)[:MOST_FOLDERS]

    def directly(self, endings: tuple[str, ...], folder: str) -> list[str]:
        """Return the files directly in a folder with one of these endings."""
        return [one for one in self._folders.get(folder, []) if one.lower().endswith(endings)] if endings else []

    def below(self, names: frozenset[str]) -> Iterator[str]:
        """Yield the files at any depth below a folder with one of these names."""
        for folder, paths in self._folders.items():
            if not names.isdisjoint(folder.lower().split("/")):
                yield from paths

    def matching(self, patterns: Iterable[str], folder: str) -> Iterator[str]:
        """Yield the files that match one of these patterns, which are relative to a folder."""
        for pattern in patterns:
            name = pattern.rpartition("/")[2]
            for path in self.named(name if "*" not in name else name[name.rindex("*") :]):
                inside = path[len(folder) :].lstrip("/").lower() if _below(path, folder) else ""
                if inside.count("/") == pattern.count("/") and fnmatchcase(inside, pattern):
                    yield path

    def lines(self, path: str) -> list[tuple[int, str]]:
        """Return the first lines of a file with their numbers, without comments; a very long line in pieces."""
        if path not in self._texts:
            text = self._tree.read(path)[: min(MOST_READ, self._left)] if self._left > 0 else ""
            self._left -= len(text)
            lines = enumerate(text.split("\n"), 1)
            code = ((number, line) for number, line in lines if not _COMMENT.match(line))
            self._texts[path] = [(number, piece) for number, line in code for piece in _pieces(line)]
        return self._texts[path]

    def search(self, path: str, wanted: re.Pattern[str]) -> tuple[int, str] | None:
        """Return the number of the first line of a file in which an expression is found, and what was found; else None."""
        for number, line in self.lines(path):
            if match := wanted.search(line):
                return number, match[0]
        return None

    def first(self, paths: Iterable[str], wanted: re.Pattern[str]) -> tuple[str, int, str] | None:
        """Return the first of these files in which an expression is found, the line's number, and what was found; else None."""
        return next(((path, *found) for path in paths if (found := self.search(path, wanted))), None)

    def _with_ending(self, ending: str) -> list[str]:
        if ending.startswith(".") and ending.count(".") == 1:
            return self._endings.get(ending, [])
        last = ending[ending.rindex(".") :]
        return [one for one in self._endings.get(last, []) if one.lower().endswith(ending)]


def _is_others(folder: str) -> bool:
    """Return whether a folder, in lower case, holds nothing of the app's own."""
    parts = folder.split("/") if folder else []
    return len(parts) > DEEPEST or any(one in _OTHERS or one.startswith(".") for one in parts)


def _is_skipped(folder: str) -> bool:
    """Return whether a folder, in lower case, is one in which no server of the app is."""
    parts = folder.split("/") if folder else []
    if len(parts) > DEEPEST:
        return True
    root = next((at for at, part in enumerate(parts) if part in _SOURCE_ROOTS), len(parts))
    return (
        any(part in _ABOVE or part.startswith(".") for part in parts[: root + 1])
        or not _TESTS.isdisjoint(parts[root + 1 : root + 2])
        or not _DEEP.isdisjoint(parts[root + 1 :])
    )


def _pieces(line: str) -> Iterator[str]:
    for start in range(0, max(1, len(line) - OVERLAP), LONGEST_LINE - OVERLAP):
        yield line[start : start + LONGEST_LINE]


def _holds(name: str, words: frozenset[str]) -> bool:
    """Return whether a folder's name is one of these words or is made of one: `server-go`, `my_api`, `webserver`."""
    return name in words or not words.isdisjoint(re.split(r"[-_.]", name)) or name.endswith(("server", "backend"))


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
