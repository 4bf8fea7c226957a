"""Python: WSGI and ASGI apps, Django, Streamlit, Gradio, scripts that serve."""

import re
from typing import Any

from deployhost.build.detect.candidate import Candidate, Detector, Reason, Recipe, Strength, Unusable
from deployhost.build.detect.commands import read_procfile
from deployhost.build.detect.manifests import BadManifest
from deployhost.build.detect.node.detector import NodeBuild, read_build
from deployhost.build.detect.node.start import find_start
from deployhost.build.detect.python.dependencies import OTHER_LOCKS, Dependencies, choose_python, read_dependencies
from deployhost.build.detect.python.launch import Launch
from deployhost.build.detect.python.start import find_launch, is_pythons, missing_package
from deployhost.build.detect.versions import PINS
from deployhost.build.tree import Tree

_SERVERS = {"gunicorn": f"gunicorn=={PINS['gunicorn']}", "uvicorn": f"uvicorn[standard]=={PINS['uvicorn']}"}
_MARKERS = ("requirements.txt", "pyproject.toml", "uv.lock", "manage.py", *OTHER_LOCKS, "setup.py")


def detect(tree: Tree) -> Candidate | Unusable | None:
    """Return how a tree is run by Python, why it can't be, or None if there is nothing of Python's in it."""
    marker = next((path for path in _MARKERS if tree.exists(path)), None)
    procfile = read_procfile(tree)
    web = procfile.web or ""
    # Python's own server hands out the pages, as nginx does.
    claimed = is_pythons(web) and not re.search(r"http\.server|SimpleHTTPServer", web)
    if not marker and not any(path.endswith(".py") and (claimed or "/" not in path) for path in tree.paths()):
        return None
    dependencies = read_dependencies(tree)
    if isinstance(dependencies, Unusable):
        return dependencies
    launch = find_launch(tree, procfile, dependencies)
    if launch is None:
        # A requirements.txt beside pages may be for the tool that made them.
        pages = tree.exists("index.html") or tree.exists("public/index.html")
        return _nothing_to_start(marker) if marker and not pages else None
    missing = missing_package(tree, launch, dependencies)
    if missing:
        return Unusable(
            "python",
            f"{missing.path}:{missing.line} imports {launch.package}, which nothing installs",
            (f"add requirements.txt with the line {launch.package}",),
            f"echo {launch.package} > requirements.txt",
        )
    return _candidate(tree, dependencies, launch)


def _candidate(tree: Tree, dependencies: Dependencies, launch: Launch) -> Candidate:
    version = choose_python(tree)
    base = f"python:{version.version}-slim"
    injected, server = _server(dependencies, launch)
    assets, notes = _assets(tree, launch)
    warnings = (*launch.warnings, *dependencies.warnings, *notes, *((version.warning,) if version.warning else ()))
    values: dict[str, Any] = {
        "base": base,
        "dependencies": dependencies,
        "injected": injected,
        "uv": PINS["uv"],
        "source_root": launch.source_root,
        "django": bool(launch.django),
        "assets": assets,
        "install": assets.install if assets else None,
        "start": launch.start.argv,
    }
    bases = (base, *((assets.base,) if assets else ()))
    needed = dependencies.files + (assets.install.needed if assets else ())
    reasons = (launch.reason, version.reason, *dependencies.reasons, *server, *_extra_reasons(launch, assets))
    recipe = Recipe("python.Dockerfile.j2", bases, values, needed)
    strength, start, claims = launch.strength, launch.start, launch.claims_procfile
    return Candidate("python", version.version, strength, recipe, start, reasons, warnings, claims, launch.seen)


def _server(dependencies: Dependencies, launch: Launch) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """Return the requirement that is added for the server, if the dependencies lack it, and the reason for either."""
    if not launch.server:
        return (), ()
    if dependencies.has(launch.server):
        return (), ((dependencies.names[launch.server],) if launch.server in dependencies.names else ())
    pinned = _SERVERS[launch.server]
    return (pinned,), (Reason(f"{pinned} is added: the start needs it and it is not a dependency"),)


def _assets(tree: Tree, launch: Launch) -> tuple[NodeBuild | None, tuple[str, ...]]:
    """Return the Node build whose output belongs to this app: a package.json that builds and serves nothing itself."""
    if launch.strength is not Strength.SERVER or not tree.exists("package.json"):
        return None, ()
    try:
        node = read_build(tree)
    except BadManifest as error:
        return None, (f"{error}: its build script is left out",)
    found = find_start(tree, node.package, read_procfile(tree)) if not launch.claims_procfile else None
    if "build" not in node.package.scripts or (found and found.strength is Strength.SERVER):
        return None, ()
    return node, node.warnings


def _extra_reasons(launch: Launch, assets: NodeBuild | None) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if launch.django:
        why = "static files are collected in the build: STATIC_ROOT is set and whitenoise is a dependency"
        reasons.append(Reason(why, launch.django))
    if assets:
        why = "assets are built by Node: package.json has a build script"
        reasons += [Reason(why, "package.json", assets.package.line("build")), *assets.reasons]
    return tuple(reasons)


def _nothing_to_start(marker: str) -> Unusable:
    return Unusable(
        "python",
        f"{marker} says Python, but nothing to start was found",
        (
            "looked for a Procfile with a web line, manage.py, an app (Flask, FastAPI, … or def app(environ, start_response)), a main.py or app.py",
            "add a Procfile that says how it starts",
        ),
        "echo 'web: python main.py' > Procfile",
    )


DETECTOR = Detector(
    name="python",
    priority=10,
    detect=detect,
    looked_for="Python: requirements.txt, pyproject.toml, uv.lock or manage.py, "
    "with an app (Flask, FastAPI, Django, …) or a main.py or app.py",
    advice="Python: an app.py, and a requirements.txt that names what it imports",
)
