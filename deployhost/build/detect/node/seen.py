"""Whether what a Node repository starts is a server of its own: read from the command, and from the files that it names."""

import posixpath
import re

from deployhost.build.detect.commands import words_of
from deployhost.build.detect.languages.commands import language_of, programs_of
from deployhost.build.detect.node.package import Package
from deployhost.build.tree import Tree

LISTENS = re.compile(r"createServer\s*\(|\.listen\s*\(|Bun\.serve")
# What a file of Node's loads its servers with. A page calls something `.listen(` as well.
_BRINGS = re.compile(r"\brequire\s*\(|\bimport\b|createServer\s*\(|\bBun\.")
_DENO = re.compile(r"\bDeno\.\w|\b(?:from|import)\s*\(?\s*[\"'](?:https://|jsr:|npm:)|^#!.*\bdeno\b")
_NODE = re.compile(r"\brequire\s*\(|\bprocess\.|[\"']node:|\bcreateServer\b")
_LOADS = re.compile(r"(?:require\s*\(|\bfrom\b|\bimport\b)\s*[\"'](\.{1,2}/[\w./-]{1,200})[\"']")
_CODE = (".js", ".mjs", ".cjs", ".ts", ".mts")
MOST_LOADED = 10
_RUNTIMES = frozenset({"node", "nodemon", "tsx", "ts-node", "bun"})
# What makes or shows a page's files while somebody works on them, or starts something that is not seen: no server of the app's.
_TOOLS = frozenset({
    "webpack", "vite", "gulp", "grunt", "rollup", "esbuild", "parcel", "tailwindcss", "sass", "encore", "mix", "ng", "wp-scripts", "snowpack",
    "concurrently", "npm-run-all", "run-p", "run-s", "browser-sync", "live-server", "foreman", "overmind", "hivemind", "docker", "docker-compose",
    "make", "dev", "bud", "serve", "http-server", "lite-server", "bs", "sirv", "static-server", "ember", "docsify", "storybook", "electron", "expo",
    "react-native", "polymer", "air", "stencil", "ionic", "quasar", "vue-cli-service", "react-scripts", "gatsby", "eleventy", "docusaurus",
    "vitepress", "craco", "laravel-mix", "webpack-dev-server", "tsc", "babel", "postcss", "rspack", "rsbuild", "wp-env", "heroku",
})  # fmt: skip
# Scripts of a build, by where they lie or what they are called.
_TOOL_FILES = re.compile(
    r"(?:^|[\s/])(?:scripts|build|config|tools|webpack)/[\w.-]+\.[cm]?[jt]s\b|dev-server|\bwatch\b"
    r"|(?:esbuild|gulp(?:file)?|webpack[\w.]*|rollup[\w.]*|build)\.[cm]?[jt]s\b"
)


def is_nodes(command: str, package: Package, *, otherwise: bool) -> bool:
    """Return whether a command is Node's: one of another language only if a dependency brings its program, any other one as is said."""
    found = language_of(command)
    return otherwise and (found is None or brings(package, found[1]))


def brings(package: Package, program: str) -> bool:
    """Return whether a dependency brings a program, which may have the name of one of another language's."""
    name = program.rpartition("/")[2]
    return package.has(name, f"{name}-bin", f"{name}-cli", f"laravel-{name}", f"@symfony/webpack-{name}") is not None


def may_serve(tree: Tree, command: str) -> bool:
    """Return whether a command starts something other than tools of a developer, which may well be a server."""
    programs = [program.rpartition("/")[2] for program in programs_of(command)]
    files = _files(command)
    if files and not _RUNTIMES.isdisjoint(programs):
        # What a build makes can't be read.
        return any(not tree.exists(path) or _BRINGS.search(tree.read(path)) for path in files)
    return any(program not in _TOOLS for program in programs)


def is_tool(command: str) -> bool:
    """Return whether a command starts a script of the build, which may serve what it builds to a developer."""
    return _TOOL_FILES.search(command) is not None


def started_listens(tree: Tree, command: str) -> bool:
    """Return whether a file that a command names listens, or one that it loads."""
    for path in _files(command):
        if not tree.exists(path):
            continue
        text = tree.read(path)
        folder = path.rpartition("/")[0]
        loaded = [posixpath.normpath(posixpath.join(folder, match[1])) for match in _LOADS.finditer(text)][:MOST_LOADED]
        beside = (f"{one}{ending}" for one in loaded for ending in ("", *_CODE))
        if any(LISTENS.search(code) for code in (text, *(tree.read(one) for one in beside if tree.exists(one)))):
            return True
    return False


def listens(text: str) -> re.Match[str] | None:
    """Return where the text of a file listens as a Node program does, or None."""
    return LISTENS.search(text) if _BRINGS.search(text) else None


def loads(text: str, package: str) -> bool:
    """Return whether the text of a file loads a package."""
    return re.search(rf"[\"']{re.escape(package)}(?:/[^\"'\n]*)?[\"']", text) is not None


def speaks_node(text: str) -> bool:
    """Return whether a file uses what only Node offers, or loads modules as Node does."""
    return _NODE.search(text) is not None


def is_denos(text: str) -> bool:
    """Return whether a file is written for Deno alone."""
    code = [line for line in text.splitlines() if not line.lstrip().startswith(("//", "*", "/*"))]
    return any(_DENO.search(line) for line in code) and not any(_NODE.search(line) for line in code)


def same_start(command: str, other: str) -> bool:
    """Return whether two commands start the same file."""
    return command == other or (_entry_of(command) is not None and _entry_of(command) == _entry_of(other))


def _files(command: str) -> list[str]:
    return [word.removeprefix("./") for word in words_of(command) if word.endswith(_CODE)][:3]


def _entry_of(command: str) -> str | None:
    words = [word for word in words_of(command) if not word.startswith("-")]
    if len(words) < 2 or words[0] not in _RUNTIMES:
        return None
    path = posixpath.normpath(words[1])
    return "index" if path == "." else path.rpartition(".")[0] or path
