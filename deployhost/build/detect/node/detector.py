"""Node: servers, and sites that a build script makes."""

import re
from dataclasses import dataclass

from deployhost.build.detect.candidate import Candidate, Detector, Reason, Recipe, Start, Strength, Unusable
from deployhost.build.detect.commands import read_procfile, start_of
from deployhost.build.detect.manifests import BadManifest
from deployhost.build.detect.node.install import Install, needs_dev, plan_install
from deployhost.build.detect.node.package import Manager, Package, choose_manager, choose_node, read_package
from deployhost.build.detect.node.start import NodeStart, find_start
from deployhost.build.detect.static.auth import BadUsers, find_login
from deployhost.build.detect.static.detector import NGINX_START, configured_root
from deployhost.build.detect.versions import NGINX_BASE, Choice
from deployhost.build.tree import Tree, is_safe_path

OUTPUTS = (
    "dist", "build", "out", "build/client", ".output/public", "dist/client", "dist/*/browser", "dist/*", "public", "_site", ".vitepress/dist",
    "docs/.vitepress/dist", "docs/.vuepress/dist", ".vuepress/dist", "www", "storybook-static",
)  # fmt: skip
COPIED = ("public", "static")  # folders that builds copy into their output as they are
_OUT_DIR = re.compile(r"(?:--outDir|--out-dir|--output-path|--dist-dir|--dest)[= ]([A-Za-z0-9._/-]+)")


@dataclass(frozen=True)
class NodeBuild:
    """A repository's package.json with how it is installed and built: what a site, a server and the assets of another runtime share."""

    package: Package
    manager: Manager
    install: Install
    version: Choice

    @property
    def base(self) -> str:
        """Return the base image."""
        return f"node:{self.version.version}-slim"

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return why the version and the package manager are what they are."""
        return (self.version.reason, self.manager.reason)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the person should know of the installation."""
        return self.install.warnings + ((self.version.warning,) if self.version.warning else ())


def read_build(tree: Tree) -> NodeBuild:
    """Return how a tree's package.json is installed and built. Raises BadManifest if it can't be read."""
    package = read_package(tree)
    manager = choose_manager(tree, package)
    return NodeBuild(package, manager, plan_install(tree, package, manager), choose_node(tree, package))


def detect(tree: Tree) -> Candidate | Unusable | None:
    """Return how a tree is run or built by Node, why it can't be, or None if there is nothing of Node's in it."""
    procfile = read_procfile(tree)
    try:
        node = read_build(tree)
    except BadManifest as error:
        return Unusable("node", str(error), hint="npm pkg get name")
    found = find_start(tree, node.package, procfile)
    if found is None:
        return _nothing_to_start(tree, node.package)
    adapters = ("@sveltejs/adapter-node", "@sveltejs/adapter-static")
    if node.package.has("@sveltejs/adapter-auto") and not node.package.has(*adapters):
        return Unusable(
            "node",
            "SvelteKit's adapter-auto knows no server of its own",
            ("use @sveltejs/adapter-node (or adapter-static for a site) in svelte.config.js",),
            "npm install --save-dev @sveltejs/adapter-node",
        )
    return _site(tree, node, found) if found.strength is Strength.SITE else _server(node, found)


def _server(node: NodeBuild, found: NodeStart) -> Candidate:
    """Return the candidate of a server: its dependencies from a stage without source, its source or what the build makes of it last."""
    built = "build" in node.package.scripts
    start = start_of(found.command)
    kept = needs_dev(node.package, found.command)
    warnings = node.warnings + found.warnings
    if kept:
        stay = "so the development dependencies stay in the image; move it to dependencies"
        warnings += (f"the start command uses {kept}, {stay}",)
    uses_tool = any(tool in found.command.split() for tool in ("pnpm", "yarn", "bun", "bunx"))
    if uses_tool and not node.install.tool:
        warnings += ("the start command uses a package manager other than npm, which no lockfile names",)
    values = _values(node, start) | {
        "build": node.manager.run_build if built else "",
        "production_only": not built and not kept,
        "prune": built and not kept and bool(node.package.dev),
        "runtime_tool": node.install.tool if uses_tool else "",
        "next_cache": node.package.has("next") is not None,
        "has_package": node.package.exists,
    }
    recipe = Recipe("node.Dockerfile.j2", (node.base,), values, node.install.needed if node.package.exists else ())
    about = node.reasons if node.package.exists else (node.version.reason,)
    reasons = (found.reason, *about, *_build_reason(node.package))
    version, claims = node.version.version, found.claims_procfile
    return Candidate("node", version, found.strength, recipe, start, reasons, warnings, claims, found.seen)


def _site(tree: Tree, node: NodeBuild, found: NodeStart) -> Candidate | Unusable:
    """Return the candidate of a site: a build whose output is looked for right after it, served by nginx."""
    root, fallback, notes = configured_root(tree)
    if root and not is_safe_path(root):
        return Unusable("node", notes[-1], (), "${EDITOR:-vi} Staticfile")
    roots = (root,) if root else ()
    try:
        login = find_login(tree, *roots, *COPIED)
    except BadUsers as error:
        return error.unusable("node")
    named = [one.strip("/") for one in _OUT_DIR.findall(node.package.scripts.get("build", ""))]
    outputs = tuple(dict.fromkeys([*roots, *filter(is_safe_path, named), *OUTPUTS]))
    values = _values(node, NGINX_START) | {
        "build": node.manager.run_build,
        "outputs": outputs,
        "named": root or "",
        "fallback": "auto" if fallback is None else "yes" if fallback else "no",
        "nginx_base": NGINX_BASE,
        "next_cache": False,
        **login.values,
    }
    recipe = Recipe("site.Dockerfile.j2", (node.base, NGINX_BASE), values, node.install.needed + login.files)
    reasons = (
        found.reason,
        *node.reasons,
        *_build_reason(node.package),
        Reason("what the build leaves is served by nginx"),
        *(Reason(f"the site is in {root}, as the Staticfile says", "Staticfile") for root in roots),
        *login.reasons,
    )
    warnings = node.warnings + notes + login.warnings
    return Candidate("node", node.version.version, Strength.SITE, recipe, NGINX_START, reasons, warnings)


def _values(node: NodeBuild, start: Start) -> dict[str, object]:
    return {"base": node.base, "install": node.install, "start": start.argv}


def _build_reason(package: Package) -> tuple[Reason, ...]:
    reason = Reason("the build script runs", "package.json", package.line("build"))
    return (reason,) if "build" in package.scripts else ()


def _nothing_to_start(tree: Tree, package: Package) -> Unusable | None:
    """Return the complaint about a package.json with nothing to run, unless the tree may be something else."""
    if not package.exists or not (package.dependencies or package.scripts or package.main):
        return None
    if tree.exists("index.html") or tree.is_dir("public"):
        return None
    if "build" in package.scripts:
        main = package.main if is_safe_path(package.main) else "dist/index.js"
        return Unusable(
            "node",
            "package.json builds a server, but does not say how it is started",
            (f'add a start script: "scripts": {{"start": "node {main}"}}',),
            f'npm pkg set scripts.start="node {main}"',
        )
    return Unusable(
        "node",
        "package.json has neither a start nor a build script, and no file to start was found",
        (
            'add a start script: "scripts": {"start": "node server.js"}',
            "or a build script that leaves an index.html in dist/",
        ),
        'npm pkg set scripts.start="node server.js"',
    )


DETECTOR = Detector(
    name="node",
    priority=20,
    detect=detect,
    looked_for="Node: package.json with a start or build script, or a server.js or index.js that listens",
    advice="Node: a package.json with a start script that listens on $PORT",
)
