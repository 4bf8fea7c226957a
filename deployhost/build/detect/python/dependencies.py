"""What a Python repository depends on, and how that is installed: requirements files, pyproject.toml, uv.lock."""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from deployhost.build.detect.candidate import Reason, Unusable
from deployhost.build.detect.manifests import BadManifest, if_readable, read_toml, strings, table, text_of
from deployhost.build.detect.versions import PYTHON, Choice, shown
from deployhost.build.tree import Tree, is_safe_path, line_of

Method = Literal["none", "requirements", "pyproject", "project", "uv"]
OTHER_LOCKS = {"poetry.lock": "Poetry", "pdm.lock": "PDM", "Pipfile.lock": "Pipenv", "Pipfile": "Pipenv"}
_LOCAL = re.compile(r"(?:(?:-e|--editable)[ =]|\.{1,2}(?:/|$|\[)|(?:[\w.\[\]-]+\s*@\s*)?file:)")
_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s+|=|(?=[^-\s]))(\S+)")
# What no wheel brings: (to build, to run), from Debian.
_SYSTEM = {
    "psycopg2": (("gcc", "libc6-dev", "libpq-dev"), ("libpq5",)),
    "mysqlclient": (("gcc", "libc6-dev", "pkg-config", "default-libmysqlclient-dev"), ("libmariadb3",)),
}
_MAX_REQUIREMENTS, _MAX_NAMES = 20, 3000  # files, and lines that name something
_LONGEST_LINE = 2000
_REBUILT = "the dependency layer is rebuilt at every change of the source"


@dataclass(frozen=True)
class Dependencies:
    """How they are installed, from which files, and the names of what is in them (PEP 503), each with where it stands."""

    method: Method
    files: tuple[str, ...] = ()
    names: dict[str, Reason] = field(default_factory=dict)
    extras: frozenset[str] = frozenset()
    whole_source: bool = False
    git: bool = False
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()
    bounds: dict[str, str] = field(
        default_factory=dict
    )  # version specifiers by name (PEP 440), of constraints and locks too

    @property
    def build_packages(self) -> tuple[str, ...]:
        """Return the Debian packages that the installation needs."""
        found = {one for name, (build, _) in _SYSTEM.items() if name in self.names for one in build}
        return tuple(sorted(found | ({"git", "ca-certificates"} if self.git else set())))

    @property
    def run_packages(self) -> tuple[str, ...]:
        """Return the Debian packages that the app needs when it runs."""
        return tuple(sorted({one for name, (_, run) in _SYSTEM.items() if name in self.names for one in run}))

    def has(self, name: str) -> bool:
        """Return whether a distribution is installed, by itself or as an extra such as fastapi[standard]; `name` is normalized."""
        return name in self.names or (name == "uvicorn" and bool(self.extras & {"fastapi[standard]", "fastapi[all]"}))

    def reaches(self, name: str, version: str) -> bool:
        """Return whether the newest release of a distribution that may be installed is that version or a later one."""
        from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 (as in parse_requirement)
        from packaging.version import InvalidVersion, Version  # noqa: PLC0415

        try:
            bounds = SpecifierSet(self.bounds.get(name, ""))
            # A version that fits, if there is one: the asked one, any later one, or what the bounds themselves name.
            named = [one.version.removesuffix(".*") for one in bounds]
            tried = [Version(one) for text in named for one in (text, f"{text}.1", f"{text}.post1")]
        except (InvalidSpecifier, InvalidVersion):
            return True
        asked = Version(version)
        later = [Version(f"{asked.major}.{asked.minor + more}") for more in range(20)]
        majors = [Version(f"{asked.major + more}.0") for more in range(200)]
        found = (one for one in (asked, *later, *majors, *tried) if one >= asked)
        return any(bounds.contains(one, prereleases=True) for one in found)


def read_dependencies(tree: Tree) -> Dependencies | Unusable:
    """Return a tree's dependencies, or why they can't be installed. uv.lock wins, then requirements.txt, then pyproject.toml."""
    warnings: tuple[str, ...] = ()
    try:
        project = read_toml(tree, "pyproject.toml") if tree.exists("pyproject.toml") else {}
    except BadManifest as error:
        if not tree.exists("requirements.txt") or tree.exists("uv.lock"):
            hint = 'python3 -c \'import tomllib; tomllib.load(open("pyproject.toml", "rb"))\''
            return Unusable("python", str(error), hint=hint)
        project, warnings = {}, (f"{error}: only requirements.txt is used",)
    if tree.exists("uv.lock") and project:
        return _from_uv(tree, project)
    if tree.exists("requirements.txt"):
        return _from_requirements(tree, warnings)
    if table(project, "project"):
        return _from_pyproject(tree, project)
    lock = next((name for name in OTHER_LOCKS if tree.exists(name)), None)
    if lock or table(project, "tool", "poetry"):
        return _other_tool(lock or "pyproject.toml", OTHER_LOCKS.get(lock or "", "Poetry"))
    return Dependencies("none")


def choose_python(tree: Tree) -> Choice:
    """Return a tree's Python version: .python-version, runtime.txt, requires-python, else the default."""
    for path in (".python-version", "runtime.txt"):
        if tree.exists(path):
            for number, line in enumerate(tree.read(path).splitlines(), 1):
                if wish := line.split("#")[0].strip():
                    return PYTHON.choose(wish, Reason(f"Python version {shown(wish)}", path, number))
    project = if_readable(read_toml, tree, "pyproject.toml")
    if wish := text_of(table(project, "project").get("requires-python")):
        at = line_of(tree.read("pyproject.toml"), "requires-python")
        return PYTHON.choose(wish, Reason(f"requires-python {shown(wish)}", "pyproject.toml", at))
    return PYTHON.by_default()


def parse_requirement(line: str) -> tuple[str, frozenset[str]] | None:
    """Return the normalized name of one line of PEP 508 and its `name[extra]`s, or None if it is not one."""
    found = _requirement(line)
    return None if found is None else found[:2]


def _requirement(line: str) -> tuple[str, frozenset[str], str] | None:
    """Return as `parse_requirement`, and the version specifiers."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 (packaging costs what `inspect` need not pay)
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    line = line[:_LONGEST_LINE]
    text = re.split(r"\s(?:#|--)", line, maxsplit=1)[0].strip()
    egg = re.search(r"#egg=([A-Za-z0-9._-]+)", line)
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return (canonicalize_name(egg[1]), frozenset(), "") if egg else None
    name = canonicalize_name(requirement.name)
    extras = frozenset(f"{name}[{canonicalize_name(extra)}]" for extra in requirement.extras)
    return name, extras, str(requirement.specifier)


def _from_requirements(tree: Tree, warnings: tuple[str, ...]) -> Dependencies:
    seen: dict[str, None] = {}
    names: dict[str, Reason] = {}
    bounds: dict[str, str] = {}
    extras: set[str] = set()
    notes = list(warnings)
    whole = git = False
    queue, left = deque(["requirements.txt"]), _MAX_NAMES
    while queue and len(seen) < _MAX_REQUIREMENTS and len(notes) < _MAX_REQUIREMENTS:
        path = queue.popleft()
        if path in seen:
            continue
        if not tree.exists(path) or not is_safe_path(path):
            notes.append(f"a requirements file names {shown(path)}, which is not in the repository")
            continue
        seen[path] = None
        for number, raw in enumerate(tree.read(path).splitlines(), 1):
            line = raw.strip()
            if include := _INCLUDE.match(line):
                if "://" not in include[1]:
                    queue.append(_join(path, include[1]))
                continue
            git = git or "git+" in line.split(" #")[0]
            whole = whole or bool(_LOCAL.match(line))
            if not line or line.startswith(("#", "-")) or left == 0:
                continue
            left -= 1
            if found := _requirement(line):
                names.setdefault(found[0], Reason(f"{found[0]} is a dependency", path, number))
                extras |= found[1]
                _bound(bounds, found[0], found[2])
    reason = Reason("dependencies come from requirements.txt", "requirements.txt")
    if whole:
        notes.append(f"requirements.txt installs from a local path: {_REBUILT}")
    return Dependencies(
        "requirements", tuple(seen), names, frozenset(extras), whole, git, (reason,), tuple(notes), bounds
    )


def _from_pyproject(tree: Tree, project: dict[str, Any]) -> Dependencies:
    dynamic = "dependencies" in strings(table(project, "project").get("dynamic"))
    names, extras, git, bounds = _declared(tree, project)
    where = line_of(tree.read("pyproject.toml"), "dependencies")
    reason = Reason("dependencies come from pyproject.toml", "pyproject.toml", where)
    warning = "pyproject.toml leaves its dependencies dynamic: they are installed again at every change of the source"
    warnings = (warning,) if dynamic else ()
    method: Method = "project" if dynamic else "pyproject"
    return Dependencies(method, ("pyproject.toml",), names, extras, dynamic, git, (reason,), warnings, bounds)


def _from_uv(tree: Tree, project: dict[str, Any]) -> Dependencies:
    names, extras, git, bounds = _declared(tree, project)
    # A large lock is no mistake; uv itself judges it in the build.
    packages = if_readable(read_toml, tree, "uv.lock").get("package")
    whole = False
    for package in packages if isinstance(packages, list) else []:
        source = table(package, "source")
        whole = whole or any(key in source for key in ("directory", "path")) or source.get("editable", ".") != "."
        git = git or "git" in source
        if isinstance(package, dict) and isinstance(name := package.get("name"), str):
            names.setdefault(name, Reason(f"{name} is locked", "uv.lock"))
            if isinstance(version := package.get("version"), str):
                bounds[name] = f"=={version}"
    whole = whole or bool(table(project, "tool", "uv", "workspace"))
    notes = (f"uv.lock has local packages: {_REBUILT}",) if whole else ()
    reason = Reason("dependencies come from uv.lock", "uv.lock")
    return Dependencies("uv", ("pyproject.toml", "uv.lock"), names, extras, whole, git, (reason,), notes, bounds)


def _declared(tree: Tree, project: dict[str, Any]) -> tuple[dict[str, Reason], frozenset[str], bool, dict[str, str]]:
    """Return the names and extras of a pyproject.toml's [project] dependencies, whether one comes from git, and their bounds."""
    text = tree.read("pyproject.toml")
    names: dict[str, Reason] = {}
    extras: frozenset[str] = frozenset()
    bounds: dict[str, str] = {}
    lines = strings(table(project, "project").get("dependencies"))[:_MAX_NAMES]
    for line in lines:
        if found := _requirement(line):
            names.setdefault(found[0], Reason(f"{found[0]} is a dependency", "pyproject.toml", line_of(text, line)))
            extras |= found[1]
            _bound(bounds, found[0], found[2])
    return names, extras, any("git+" in line for line in lines), bounds


def _bound(bounds: dict[str, str], name: str, specifiers: str) -> None:
    """Add version specifiers of a distribution to those that are known."""
    bounds[name] = ",".join(one for one in (bounds.get(name, ""), specifiers) if one)


def _other_tool(path: str, tool: str) -> Unusable:
    exports = {
        "Poetry": "poetry export --format requirements.txt --output requirements.txt",
        "PDM": "pdm export --format requirements --output requirements.txt",
        "Pipenv": "pipenv requirements > requirements.txt",
    }
    return Unusable(
        "python",
        f"{path}: the dependencies are in {tool}'s own format, which is not installed here",
        details=("add requirements.txt, or a [project] table with dependencies in pyproject.toml, or uv.lock",),
        hint=exports[tool],
    )


def _join(path: str, other: str) -> str:
    """Return the path that a requirements file includes, relative to the root."""
    parts = path.split("/")[:-1]
    for part in other.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
