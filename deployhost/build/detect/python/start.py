"""How a Python repository's web process is started: Procfile, Django, an app found in its code, a script."""

import re
from collections.abc import Iterator
from dataclasses import replace

from deployhost.build.detect.candidate import Reason, Start, Strength
from deployhost.build.detect.commands import Procfile, start_of, words_of
from deployhost.build.detect.languages.commands import language_of, programs_of
from deployhost.build.detect.manifests import if_readable, read_toml, table
from deployhost.build.detect.python.dependencies import Dependencies
from deployhost.build.detect.python.django import django_launch
from deployhost.build.detect.python.find import UNDER_MAIN, Find, Rank, Serve
from deployhost.build.detect.python.launch import Launch, gunicorn, script, uvicorn
from deployhost.build.detect.python.scan import imports_of, scan
from deployhost.build.detect.versions import shown
from deployhost.build.tree import Tree

NAMES = ("main", "app", "api", "server", "wsgi", "asgi", "index", "run", "bot", "hello")
PYTHON_WORDS = frozenset({
    "python", "python3", "gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve", "flask", "fastapi", "streamlit", "uv", "celery",
    "django-admin", "sanic", "litestar", "chainlit", "panel", "uwsgi", "datasette", "mlflow", "bokeh", "voila", "jupyter", "marimo", "mkdocs",
})  # fmt: skip
_SKIPPED = frozenset({
    "tests", "test", "docs", "examples", "venv", "env", "node_modules", "migrations", "scripts", "build", "dist", "mock", "mocks", "fixtures", "e2e",
    "benchmarks",
})  # fmt: skip
_ASGI_ONLY = ("fastapi", "starlette", "litestar", "quart", "sanic")
MOST_IMPORTED = 30  # files beside one
_MAX_SCANNED, _MAX_READ = 200, 3 * 512 * 1024  # files, and characters of all of them
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


def find_launch(tree: Tree, procfile: Procfile, dependencies: Dependencies) -> Launch | None:
    """Return how a tree's web process is started, or None if nothing is found to start."""
    django = django_launch(tree, dependencies)
    if procfile.web:
        words = words_of(procfile.web)
        first = words[0].rpartition("/")[2] if words else ""
        reason = Reason(f"start: the Procfile's web is {shown(procfile.web)}", "Procfile", procfile.line)
        server = first if first in ("gunicorn", "uvicorn") else ""
        root = "src" if tree.is_dir("src") else ""
        claims = is_pythons(procfile.web)
        settings = django.django if django else ""
        seen = language_of(procfile.web) is None and (claims or django is not None or _is_seen(tree))
        return Launch(start_of(procfile.web), Strength.SERVER, reason, server, "", root, claims, seen, settings)
    if django:
        return django
    found = _scan_tree(tree)
    if found:
        return replace(_launch(*found, dependencies), seen=_is_server(tree, *found))
    return _project_script(tree) or _guess(tree)


def is_pythons(command: str) -> bool:
    """Return whether one of a command's programs is plainly Python's."""
    names = [program.rpartition("/")[2] for program in programs_of(command)]
    known = {word for name in names for word in (name, re.sub(r"[\d.]+$", "", name))}
    return not PYTHON_WORDS.isdisjoint(known) or any(name.endswith(".py") for name in names)


def _is_seen(tree: Tree) -> bool:
    """Return whether an app or a server is seen in the code, and not only a script that calls something `run`."""
    found = _scan_tree(tree)
    return found is not None and _is_server(tree, *found)


def _is_server(tree: Tree, path: str, find: Find) -> bool:
    """Return whether what was found in a file is a server, or loads a file of the repository that holds one."""
    if find.what == UNDER_MAIN:
        return _loads_server(tree, path)
    text = tree.read(path) if find.rank is Rank.SCRIPT else ""
    return "SimpleHTTPRequestHandler" not in text or "do_GET" in text  # that one shows files to a developer


def _loads_server(tree: Tree, path: str) -> bool:
    """Return whether a file, or one beside it that it imports, holds an app or a server of its own."""
    folder = f"{path.rpartition('/')[0]}/" if "/" in path else ""
    beside = [f"{folder}{name}.py" for name in list(imports_of(tree.read(path)))[:MOST_IMPORTED]]
    texts = (tree.read(one) for one in (path, *beside) if tree.exists(one))
    return any(find.what != UNDER_MAIN for text in texts for find in scan(text))


def _scan_tree(tree: Tree) -> tuple[str, Find] | None:
    """Return the best find of the tree and its path: the kind decides, then the order of the files."""
    return min(_finds(tree), key=lambda one: one[1].rank, default=None)


def _finds(tree: Tree) -> Iterator[tuple[str, Find]]:
    left = _MAX_READ
    for path in _candidates(tree):
        text = tree.read(path)
        left -= len(text)
        if left < 0:
            return
        for find in scan(text):
            # A script below the root is more often a tool than the app.
            is_tool = find.rank is Rank.SCRIPT and path.count("/") > 1
            if not is_tool and (not find.name or _IDENTIFIER.fullmatch(_module(path)[0])):
                yield path, find


def _candidates(tree: Tree) -> Iterator[str]:
    """Yield the Python files worth a look: the usual names at the root, in app/, src/, in packages; then the other files of the root."""
    files = [path for path in tree.paths() if path.endswith(".py") and not _skipped(path)]
    order = {f"{name}.py": place for place, name in enumerate((*NAMES, "__init__"))}

    def place(path: str) -> tuple[int, int, int, str]:
        folder, _, name = path.rpartition("/")
        near = 0 if not folder else 1 if folder == "app" else 2 if folder == "src" else 3
        return (order.get(name, len(order)) == len(order), near + folder.count("/"), order.get(name, 99), path)

    yield from sorted(files, key=place)[:_MAX_SCANNED]


def _skipped(path: str) -> bool:
    *folders, name = path.split("/")
    is_beside = any(one in _SKIPPED or one.startswith(".") for one in folders)
    return is_beside or name.startswith("test_") or len(folders) > 3


def _module(path: str) -> tuple[str, str]:
    """Return the dotted name of a file's module and the directory that must be on sys.path for it ("" is the root)."""
    parts = path.removesuffix(".py").split("/")
    root = ""
    if parts[0] == "src" and len(parts) > 1:
        root, parts = "src", parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts), root


def _launch(path: str, find: Find, dependencies: Dependencies) -> Launch:
    """Return the launch of what was found in a file."""
    module, root = _module(path)
    if find.serve is Serve.EITHER:
        asgi = any(dependencies.has(name) for name in _ASGI_ONLY) and not dependencies.has("flask")
        find = replace(find, serve=Serve.ASGI if asgi else Serve.WSGI)
    said = f"start: {find.what} `{find.name}`" if find.name else f"start: {find.what}"
    reason = Reason(said, path, find.line)
    if find.rank is Rank.SCRIPT:
        start, server = script(path, find.serve), ""
    elif find.serve is Serve.ASGI:
        start, server = uvicorn(f"{module}:{find.name}", dependencies, factory=find.rank is Rank.FACTORY), "uvicorn"
    else:
        target = f"{module}:{find.name}" + ("()" if find.rank is Rank.FACTORY else "")
        start, server = gunicorn(target, dependencies), "gunicorn"
    return Launch(start, Strength.SERVER, reason, server, find.package, root)


def _project_script(tree: Tree) -> Launch | None:
    """Return the launch of the only entry of [project.scripts], run without installing the project."""
    scripts = table(if_readable(read_toml, tree, "pyproject.toml"), "project", "scripts")
    entry = next(iter(scripts.values()), "") if len(scripts) == 1 else ""
    match = re.fullmatch(r"([A-Za-z0-9_.]+):([A-Za-z0-9_.]+)", entry) if isinstance(entry, str) else None
    if not match:
        return None
    module, function = match[1], match[2]
    root = "src" if tree.is_dir("src/" + module.split(".", maxsplit=1)[0]) else ""
    code = f"import sys, importlib, operator; sys.exit(operator.attrgetter({function!r})(importlib.import_module({module!r}))())"
    reason = Reason(f"start: the only entry of [project.scripts], {shown(entry)}", "pyproject.toml")
    return Launch(Start(("python", "-c", code)), Strength.GUESS, reason, source_root=root)


def _guess(tree: Tree) -> Launch | None:
    """Return the launch of a file with a usual name, where no server was seen in it."""
    for name in ("main.py", "app.py", "server.py", "bot.py", "run.py"):
        if tree.exists(name):
            warning = f"no web server was recognised in {name}; it must listen on 0.0.0.0 and the port in $PORT"
            reason = Reason(f"start: {name} has a usual name", name)
            seen = _loads_server(tree, name)
            return Launch(Start(("python", name)), Strength.GUESS, reason, warnings=(warning,), seen=seen)
    return None


def missing_package(tree: Tree, launch: Launch, dependencies: Dependencies) -> Reason | None:
    """Return where a launch's framework is imported, if nothing of the repository installs or holds it."""
    path = launch.reason.path
    if not launch.package or not path or not path.endswith(".py") or dependencies.method != "none":
        return None
    for module, line in imports_of(tree.read(path)).items():
        name = {"fasthtml": "python-fasthtml"}.get(module, module)
        if name == launch.package and not tree.is_dir(module) and not tree.exists(f"{module}.py"):
            return Reason(name, path, line)
    return None
