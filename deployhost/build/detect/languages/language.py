"""What is known of a language that is not built here, and what is found of it in a tree. Pure."""

import re
from dataclasses import dataclass
from enum import IntEnum

from deployhost.build.tree import printable

NOTHING = re.compile(r"(?!)")
SHARED = frozenset({".js", ".mjs", ".jsx", ".ts", ".mts", ".tsx"})  # endings that what is built here has as well
COMMON = SHARED | {".c"}  # endings of what need not be a program of that language either


class Level(IntEnum):
    """How much a sign says. The higher it is, the less else has to speak for it."""

    MANIFEST = 0  # a file that such a program has, and that other things have as well
    PROGRAM = 1  # a program of that language: it may be a server
    FRAMEWORK = 2  # a web framework among the dependencies, or code that listens: a server, or a library for one
    SERVER = 3  # a server: a program that listens, a command that starts one, files that a web server runs


@dataclass(frozen=True, kw_only=True)
class Language:
    """One row: how a server of this language is seen. Names of files are compared in lower case.

    Patterns of paths are relative to a project, the folder of one of `manifests` or the root; `*` is one part of a path.
    Expressions are searched line by line, comments left out.
    """

    name: str
    image: str  # the usual base image of a Dockerfile for it
    programs: tuple[str, ...] = ()  # commands that need it
    built: re.Pattern[str] = NOTHING  # where a program that was compiled from it lies
    pages: tuple[str, ...] = ()  # endings of files that a web server runs at each request
    maybe_pages: tuple[str, ...] = ()  # endings of files that are such pages if they listen
    page_folders: frozenset[str] = frozenset()  # folders whose files are all such pages
    not_pages: re.Pattern[str] = NOTHING  # names of files with such an ending, or in such a folder, that are none
    hands_out: re.Pattern[str] = NOTHING  # in a page or a server's path: it only hands out files, as nginx does
    manifests: tuple[str, ...] = ()  # names, or `*` and an ending; behind a `/` at the root only
    manifest_says: re.Pattern[str] | None = None  # what one must hold where other languages have such a one
    frameworks: re.Pattern[str] = NOTHING  # web frameworks, in a manifest
    runs: re.Pattern[str] = NOTHING  # what only a program depends on, though not only a server, in a manifest
    servers: tuple[str, ...] = ()  # paths that only a server has
    sources: tuple[str, ...] = ()  # endings of its source files
    listens: re.Pattern[str] = NOTHING  # a web server, in a source
    mains: tuple[str, ...] = ()  # paths where a program begins
    begins: re.Pattern[str] = NOTHING  # a program's beginning, in a source
    not_mains: re.Pattern[str] = NOTHING  # paths of sources that begin a tool of the build
    places: tuple[str, ...] = ()  # further paths that are read for code that listens where there is no manifest
    manifest_serves: bool = False  # whether a manifest alone speaks for a server even beside documentation
    needs_source: bool = False  # whether the manifest says nothing where there is no source
    beside: tuple[str, ...] = ()  # paths beside a manifest that show that it is there for something else
    library: tuple[str, ...] = ()  # paths that a project without a program has if it is a library
    elsewhere: re.Pattern[str] = NOTHING  # in manifest or source: the program runs in a browser, on a phone, as a tool
    elsewhere_wins: bool = False  # whether that in a manifest outweighs a web framework, which is its client then
    gathers: re.Pattern[str] = NOTHING  # in a manifest that only lists projects, or what they may depend on
    gathered: re.Pattern[str] = NOTHING  # in one that is a project itself
    tools: re.Pattern[str] = NOTHING  # in a manifest: it is there for a tool


@dataclass(frozen=True)
class Sign:
    """What shows a language in a tree: the words for it, the file, and the 1-based line where one says it."""

    language: Language
    level: Level
    what: str
    path: str
    line: int | None = None
    has_manifest: bool = False  # whether it is that of a project, and not of a stray file
    is_library: bool = False  # whether the project may be a library, with a program or without one

    @property
    def where(self) -> str:
        """Return the place as people write it: `main.go:7`."""
        path = printable(self.path)
        return f"{path}:{self.line}" if self.line else path


def words(names: str) -> re.Pattern[str]:
    """Return an expression that finds any of these names (`a|b`), as words of their own and in either case."""
    return re.compile(rf"(?<![\w-])(?:{names})(?![\w-])", re.IGNORECASE)
