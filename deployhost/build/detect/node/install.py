"""How a Node repository's dependencies are installed: the files the layer is keyed on, the commands, what is pruned."""

import posixpath
import re
from dataclasses import dataclass

from deployhost.build.detect.node.package import Manager, Package
from deployhost.build.tree import Tree, is_safe_path

_KEYS = (
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs", "yarn.lock",
    ".yarnrc", ".yarnrc.yml", "bun.lock", "bun.lockb", "bunfig.toml", ".npmrc",
)  # fmt: skip
_FOLDERS = (".yarn/releases", ".yarn/plugins", ".yarn/patches", "patches", "prisma")
_LIFECYCLE = ("preinstall", "install", "postinstall", "prepare")
# What they do is for a developer's machine, or done again by the build itself.
_NEEDLESS = re.compile(
    r"\b(?:husky|simple-git-hooks|lefthook|git-hooks|nuxi? prepare|svelte-kit sync|astro sync|is-ci|only-allow|npx only-allow)\b"
)
_COPIED = re.compile(r"(?:npx )?(?:prisma generate|patch-package)")
_MAX_MANIFESTS = 60
# Programs with another name than the package that brings them.
_PROGRAMS = {
    "@nestjs/cli": "nest",
    "typescript": "tsc",
    "@angular/cli": "ng",
    "@remix-run/dev": "remix",
    "@react-router/dev": "react-router",
}
_CACHES = {"npm": ".npm", "pnpm": ".pnpm-store", "yarn": ".yarn-cache", "bun": ".bun/install/cache"}  # below /root
_SECRET = re.compile(r"(?:_authToken|_auth|_password|npmAuthToken|npmAuthIdent)\s*[=:]\s*[\"']?(?!\$\{)\S")


@dataclass(frozen=True)
class Install:
    """Everything of an installation that a template prints. `copies` are (files, folder) for COPY."""

    tool: str
    cache: str
    copies: tuple[tuple[tuple[str, ...], str], ...]
    whole_source: bool
    dropped_scripts: tuple[str, ...]
    full: str
    production: str
    prune: str
    needed: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def plan_install(tree: Tree, package: Package, manager: Manager) -> Install:
    """Return how the dependencies of a tree's package.json are installed."""
    dropped, rest = _lifecycle(package)
    wanted = (*package.dependencies.values(), *package.dev.values())
    local = any(version.startswith(("file:", "link:")) for version in wanted)
    copies = _copies(tree, package)
    whole = bool(rest) or local or copies is None
    warnings: list[str] = []
    if whole:
        script = f"the script {rest[0]!r} of package.json may need the source" if rest else ""
        why = script or "package.json has local dependencies"
        warnings.append(f"{why}: the dependency layer is rebuilt at every change of the source")
    if not manager.lockfile and wanted:
        lacking = "there is no lockfile: two builds of the same commit may get other versions"
        warnings.append(f"{lacking}; commit package-lock.json")
    full, production, prune = _commands(manager)
    held = copies or ((("package.json",), "./"),)
    return Install(
        tool=manager.tool,
        cache=f"/root/{_CACHES[manager.name]}",
        copies=held,
        whole_source=whole,
        dropped_scripts=dropped,
        full=full,
        production=production,
        prune=prune,
        needed=tuple(path for files, _ in held for path in files),
        warnings=tuple(warnings),
    )


def needs_dev(package: Package, command: str) -> str | None:
    """Return the development dependency that the start command uses, or None."""
    words = set(re.split(r"[^\w@./-]+", command)) | set(re.split(r"[^\w-]+", command))
    return next((name for name in package.dev if name in words or _PROGRAMS.get(name) in words), None)


def holds_token(text: str) -> bool:
    """Return whether a token is written out in the text of an .npmrc or .yarnrc.yml."""
    return bool(_SECRET.search(text))


def _lifecycle(package: Package) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lifecycle scripts that are left out because nothing here needs them, and those that may need the source."""
    present = [name for name in _LIFECYCLE if name in package.scripts]
    dropped = tuple(name for name in present if _NEEDLESS.search(package.scripts[name]))
    copied = [name for name in present if _COPIED.fullmatch(package.scripts[name].strip())]
    return dropped, tuple(name for name in present if name not in (*dropped, *copied))


def _copies(tree: Tree, package: Package) -> tuple[tuple[tuple[str, ...], str], ...] | None:
    """Return what the layer is keyed on as (files, folder), or None if it is too much or can't be named safely."""
    keys = [path for path in _KEYS if tree.exists(path)]
    groups = [(tuple(path for path in keys if path != ".npmrc" or not holds_token(tree.read(path))), "./")]
    groups += [((f"{folder}/",), f"./{folder}/") for folder in _FOLDERS if tree.is_dir(folder)]
    if package.workspaces:
        manifests = (path for path in tree.paths() if path.endswith("/package.json"))
        members = [path for path in manifests if "node_modules" not in path.split("/")]
        if len(members) > _MAX_MANIFESTS or not all(map(is_safe_path, members)):
            return None
        groups += [((path,), f"./{posixpath.dirname(path)}/") for path in members]
    return tuple(groups)


def _commands(manager: Manager) -> tuple[str, str, str]:
    """Return a package manager's commands: install all, install without development dependencies, remove those."""
    frozen = " --frozen-lockfile" if manager.lockfile else ""
    if manager.name == "pnpm":
        install = f"CI=true pnpm install{frozen or ' --no-frozen-lockfile'} --store-dir /root/.pnpm-store"
        return install, f"{install} --prod", "CI=true pnpm prune --prod --ignore-scripts"
    if manager.name == "yarn" and manager.berry:
        # Plug'n'Play has no node_modules that a later stage could copy.
        yarn = "YARN_NODE_LINKER=node-modules YARN_GLOBAL_FOLDER=/root/.yarn-cache yarn"
        production = f"{yarn} workspaces focus --all --production"
        return f"{yarn} install" + (" --immutable" if manager.lockfile else ""), production, production
    if manager.name == "yarn":
        install = "yarn install --cache-folder /root/.yarn-cache --non-interactive" + frozen
        return install, f"{install} --production", f"{install} --production --ignore-scripts"
    if manager.name == "bun":
        install = f"bun install{frozen}"
        return install, f"{install} --production", f"rm -rf node_modules && {install} --production --ignore-scripts"
    flags = "--no-audit --no-fund --no-update-notifier"
    plain = f"npm install {flags}"
    if not manager.lockfile:
        return plain, f"{plain} --omit=dev", f"npm prune --omit=dev --ignore-scripts {flags}"
    said = "echo 'deployhost: npm ci failed, so npm install is tried; run npm install and commit package-lock.json if they differ' >&2"
    both = [f"npm ci {flags}{omit} || {{ {said}; {plain}{omit}; }}" for omit in ("", " --omit=dev")]
    return both[0], both[1], f"npm prune --omit=dev --ignore-scripts {flags}"
