"""The root of a JavaScript workspace (npm, pnpm, yarn, Turborepo, Nx, Lerna) and the apps that lie below it."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from deployhost.build.detect.candidate import Candidate, Strength
from deployhost.build.detect.languages.seen import find_sign
from deployhost.build.detect.manifests import BadManifest, if_readable, read_json, strings, table
from deployhost.build.detect.node.package import Package, read_package
from deployhost.build.detect.node.start import DELEGATES, SERVER_PACKAGES, SITE_TOOLS
from deployhost.build.detect.registry import detectors
from deployhost.build.tree import FolderTree, Tree, printable

_TOOLS = ("turbo.json", "nx.json", "lerna.json", "rush.json", ".moon/workspace.yml")
_USUAL = ("apps/*",)
# What is written or brought to the root is a site of the root's.
_BRINGS = re.compile(r"\b(?:cp|mv|rsync|cpx|copyfiles)\s|--out-?[dD]ir|\.\./\.\./")
_SITE_COMMANDS = re.compile(
    r"\b(?:vite(?:press)?|vuepress|next|nuxt|astro|docusaurus|gatsby|eleventy|react-scripts|vue-cli-service|ng|parcel|webpack|rollup|esbuild|storybook|"
    r"remix|react-router|svelte-kit|hexo|hugo|jekyll)\b"
)
# Frameworks that make an app of a member wherever it lies; others of the two lists build libraries as well.
_APPS = (
    "next", "nuxt", "astro", "@sveltejs/kit", "gatsby", "@docusaurus/core", "@remix-run/serve", "@react-router/serve", "react-scripts",
    "@vue/cli-service", "@nestjs/core", "@tanstack/react-start", "@solidjs/start", "@adonisjs/core",
)  # fmt: skip
_TESTS = frozenset({"e2e", "cypress"})
_NO_APPS = frozenset({"docs", "storybook", "examples", "example", "playground"})
_NO_STARTS = re.compile(r"\b(?:tsc|tsup|storybook|jest|vitest|hardhat|shell|nodemon --exec tsc)\b|--watch\b|\s-w\b")
SERVING = ("server", "backend", "api")
MOST = 40  # members that are looked at


@dataclass(frozen=True)
class WorkspaceMember:
    """An app of a workspace: its folder, what it is as far as that is plain ("" if it is not), and whether it has a start and a build script."""

    folder: str
    what: str
    starts: bool = False
    builds: bool = False

    def __str__(self) -> str:
        folder = printable(self.folder)
        return f"{folder} ({self.what})" if self.what else folder


def apps_below(tree: Tree, *, started: bool) -> tuple[WorkspaceMember, ...]:
    """Return the apps of the workspace whose root a tree is; nothing if it is none, or if the root is an app itself.

    `started` is whether something at the root is started: then its start script says what.
    """
    try:
        package = read_package(tree)
    except BadManifest:
        return ()
    if not package.workspaces and not any(tree.exists(name) for name in _TOOLS):
        return ()
    if (started and package.scripts.get("start")) or _builds_itself(tree, package):
        return ()
    folders = sorted(_members(tree))[:MOST]
    return tuple(member for folder in folders if (member := _app(tree, folder)))


def _builds_itself(tree: Tree, package: Package) -> bool:
    """Return whether the build script of a root makes a site of its own, in one of its commands or by what the members leave."""
    script = package.scripts.get("build", "")
    parts = re.split(r"&&|;", script)
    own = [part for part in parts if not DELEGATES.search(part)]
    if any(_SITE_COMMANDS.search(part) for part in own) or "postbuild" in package.scripts or _BRINGS.search(script):
        return bool(script)
    holds_pages = tree.exists("index.html") or tree.exists("public/index.html") or tree.is_dir("src")
    return bool(script and package.has(*SITE_TOOLS)) and len(own) == len(parts) and holds_pages


def servers_below(tree: Tree) -> tuple[WorkspaceMember, ...]:
    """Return the Python and Node servers of a site's tree in folders whose names say that they serve."""
    found = []
    for folder in SERVING:
        inside = FolderTree(tree, folder)
        asked = ((one.name, one.detect(inside)) for one in detectors()) if inside.paths() else ()
        names = [name for name, one in asked if isinstance(one, Candidate) and one.strength is Strength.SERVER]
        found += [WorkspaceMember(folder, ", ".join(names))] if names else []
    return tuple(found)


def app_in(tree: Tree, folder: str) -> str | None:
    """Return what kind of app a folder holds ("Dockerfile", a runtime, a language), or None if none is plain."""
    inside = FolderTree(tree, folder, deep=True)
    if inside.exists("Dockerfile"):
        return "Dockerfile"
    names = [one.name for one in detectors() if isinstance(one.detect(inside), Candidate)]
    if names:
        return ", ".join(names)
    sign = find_sign(inside)
    return sign.language.name if sign else None


def _members(tree: Tree) -> set[str]:
    """Return the folders that the workspace's patterns name, and every folder of apps/."""
    patterns = [one.removeprefix("./").rstrip("/") for one in _patterns(tree)]
    found: set[str] = set()
    for path in tree.paths():
        folder, _, name = path.rpartition("/")
        parts = folder.split("/")
        if not folder or "node_modules" in parts:
            continue
        if parts[0] == "apps" and len(parts) > 1:
            found.add("/".join(parts[:2]))
        if name == "package.json" and any(_matches(folder, pattern) for pattern in patterns):
            found.add(folder)
    return found


def _matches(folder: str, pattern: str) -> bool:
    if pattern.endswith("/**"):
        return folder.startswith(pattern[:-2])
    return folder.count("/") == pattern.count("/") and fnmatchcase(folder, pattern)


def _patterns(tree: Tree) -> tuple[str, ...]:
    """Return what the workspace's files name as its members."""
    found: list[str] = []
    for path, keys in (("package.json", ("workspaces",)), ("lerna.json", ())):
        body = if_readable(read_json, tree, path)
        found += strings(body.get("workspaces")) + strings(table(body, *keys).get("packages"))
    if tree.exists("pnpm-workspace.yaml"):
        for line in tree.read("pnpm-workspace.yaml").splitlines():
            if match := re.match(r"\s*-\s*[\"']?([\w@./*-]+)", line):
                found.append(match[1])
            elif match := re.match(r"packages:\s*\[(.*)\]", line):
                found += re.findall(r"[\w@./*-]+", match[1])
    return tuple(one for one in found if not one.startswith("!"))[:MOST] or _USUAL


def _app(tree: Tree, folder: str) -> WorkspaceMember | None:
    """Return the app of a member, or None where it is more likely a library."""
    below = folder.lower().removeprefix("apps/") if folder.startswith("apps/") else folder.lower()
    no_apps = _TESTS if folder.startswith("apps/") else _TESTS | _NO_APPS
    if any(part in no_apps or part.endswith("-e2e") for part in below.split("/")):
        return None
    try:
        package = read_package(FolderTree(tree, folder))
    except BadManifest:
        package = Package(exists=False)
    start, builds = package.scripts.get("start", ""), "build" in package.scripts
    what = package.has(*SERVER_PACKAGES, *SITE_TOOLS) or ""
    if folder.startswith("apps/"):
        what = what or app_in(tree, folder) or ""
        is_app = what or package.exists or tree.exists(f"{folder}/project.json")
        return WorkspaceMember(folder, what, "start" in package.scripts, builds) if is_app else None
    page = tree.exists(f"{folder}/index.html") or tree.exists(f"{folder}/public/index.html")
    starts = bool(start) and not _NO_STARTS.search(start)
    if starts or (builds and (page or package.has(*_APPS))):
        return WorkspaceMember(folder, what, starts, builds)
    return WorkspaceMember(folder, "Dockerfile") if tree.exists(f"{folder}/Dockerfile") else None
