"""What package.json says, as typed values: scripts, dependencies, the package manager, the version of Node."""

import re
from dataclasses import dataclass, field
from typing import Any

from deployhost.build.detect.candidate import Reason
from deployhost.build.detect.manifests import read_json, strings, table, text_of
from deployhost.build.detect.versions import NODE, PINS, PNPM_BY_LOCKFILE, PNPM_DEFAULT, Choice, shown
from deployhost.build.tree import Tree, line_of

_EXACT = re.compile(r"(npm|pnpm|yarn|bun)@(\d+\.\d+\.\d+)(?:[-+].*)?")


@dataclass(frozen=True)
class Package:
    """A package.json, with whatever is of the wrong type left out. `text` is its source, for line numbers."""

    text: str = ""
    scripts: dict[str, str] = field(default_factory=dict)
    dependencies: dict[str, str] = field(default_factory=dict)
    dev: dict[str, str] = field(default_factory=dict)
    main: str = ""
    engine: str = ""
    volta: str = ""
    manager: str = ""
    workspaces: bool = False
    exists: bool = True

    def has(self, *names: str) -> str | None:
        """Return the first of the names that is a dependency of either kind, or None."""
        return next((name for name in names if name in self.dependencies or name in self.dev), None)

    def line(self, needle: str) -> int | None:
        """Return the line of package.json on which a key stands."""
        return line_of(self.text, f'"{needle}"')


@dataclass(frozen=True)
class Manager:
    """A package manager: its name, the npm package that brings it ("" for npm itself), its lockfile if there is one."""

    name: str
    tool: str = ""
    lockfile: str = ""
    berry: bool = False
    reason: Reason = field(default_factory=lambda: Reason("dependencies are installed by npm"))

    @property
    def run_build(self) -> str:
        """Return the command that runs the build script."""
        return f"{self.name} run build"


def read_package(tree: Tree) -> Package:
    """Return a tree's package.json, or an empty one that does not exist. Raises BadManifest if it can't be read."""
    if not tree.exists("package.json"):
        return Package(exists=False)
    body = read_json(tree, "package.json")
    return Package(
        text=tree.read("package.json"),
        scripts=_texts(body.get("scripts")),
        dependencies=_texts(body.get("dependencies")) | _texts(body.get("optionalDependencies")),
        dev=_texts(body.get("devDependencies")),
        main=text_of(body.get("main")),
        engine=text_of(table(body, "engines").get("node")),
        volta=text_of(table(body, "volta").get("node")),
        manager=text_of(body.get("packageManager")),
        workspaces=bool(strings(body.get("workspaces")) or table(body, "workspaces"))
        or tree.exists("pnpm-workspace.yaml"),
    )


def choose_node(tree: Tree, package: Package) -> Choice:
    """Return a tree's Node version: .nvmrc, .node-version, volta, engines, else the default."""
    for path in (".nvmrc", ".node-version"):
        if tree.exists(path) and (wish := tree.read(path).strip().split("\n")[0].strip()):
            return NODE.choose(wish, Reason(f"Node version {shown(wish)}", path, 1))
    for wish, key in ((package.volta, "volta"), (package.engine, "engines")):
        if wish:
            return NODE.choose(wish, Reason(f"Node version {shown(wish)}", "package.json", package.line(key)))
    return NODE.by_default()


def choose_manager(tree: Tree, package: Package) -> Manager:
    """Return a tree's package manager: the packageManager field, else its lockfile, else npm."""
    named = _EXACT.fullmatch(package.manager)
    locks = {
        "pnpm": ("pnpm-lock.yaml",),
        "bun": ("bun.lock", "bun.lockb"),
        "yarn": ("yarn.lock",),
        "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    }
    held = {name: next((one for one in files if tree.exists(one)), "") for name, files in locks.items()}
    name = named[1] if named else next((one for one, lock in held.items() if lock), "npm")
    lock = held[name]
    by = f"dependencies are installed by {name}"
    if named:
        where = Reason(f"{by}, which packageManager names", "package.json", package.line("packageManager"))
    else:
        where = Reason(by if lock else f"{by}: there is no lockfile", lock or None)
    berry = name == "yarn" and (tree.exists(".yarnrc.yml") or bool(named and not named[2].startswith("1.")))
    return Manager(name, _tool(tree, name, named[2] if named else "", berry=berry), lock, berry, where)


def _tool(tree: Tree, name: str, version: str, *, berry: bool) -> str:
    """Return what `npm install --global` gets a package manager from, at a pinned version."""
    if name == "npm":
        return ""
    if name == "pnpm":
        return f"pnpm@{version or _pnpm_version(tree)}"
    source = "@yarnpkg/cli-dist" if berry else name
    return f"{source}@{version or PINS[source]}"


def _pnpm_version(tree: Tree) -> str:
    head = tree.read("pnpm-lock.yaml")[:2000] if tree.exists("pnpm-lock.yaml") else ""
    match = re.search(r"^lockfileVersion:\s*['\"]?(\d+)(?:\.(\d+))?", head, re.MULTILINE)
    if not match:
        return PNPM_DEFAULT
    return PNPM_BY_LOCKFILE.get(f"{match[1]}.{match[2]}", PNPM_BY_LOCKFILE.get(match[1], PNPM_DEFAULT))


def _texts(value: Any) -> dict[str, str]:
    return {key: one for key, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}
