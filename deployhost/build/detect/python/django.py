"""How a Django project is started: its own settings say it."""

import re

from deployhost.build.detect.candidate import Reason, Strength
from deployhost.build.detect.python.dependencies import Dependencies
from deployhost.build.detect.python.launch import Launch, gunicorn, uvicorn
from deployhost.build.tree import Tree

_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def django_launch(tree: Tree, dependencies: Dependencies) -> Launch | None:
    """Return the launch of a Django project whose manage.py is at the root."""
    if not tree.exists("manage.py") or "django" not in tree.read("manage.py").lower():
        return None
    setting = re.search(r"DJANGO_SETTINGS_MODULE[\"']\s*,\s*[\"']([A-Za-z0-9_.]+)[\"']", tree.read("manage.py"))
    base = setting[1].replace(".", "/") if setting else ""
    sources = [path for path in tree.paths() if base and path.endswith(".py")]
    settings = [path for path in sources if path == f"{base}.py" or path.startswith(f"{base}/")]
    package = base.split("/")[0]
    wsgi = _setting(tree, settings, "WSGI_APPLICATION") or _file(tree, package, "wsgi")
    asgi = _setting(tree, settings, "ASGI_APPLICATION") or _file(tree, package, "asgi")
    static = next((path for path in settings if re.search(r"^STATIC_ROOT\s*=", tree.read(path), re.MULTILINE)), "")
    collected = static if static and dependencies.has("whitenoise") else ""
    if asgi and (not wsgi or dependencies.has("channels") or dependencies.has("daphne")):
        return Launch(uvicorn(asgi[0], dependencies), Strength.SERVER, asgi[1], "uvicorn", "django", django=collected)
    if wsgi:
        return Launch(gunicorn(wsgi[0], dependencies), Strength.SERVER, wsgi[1], "gunicorn", "django", django=collected)
    return None


def _setting(tree: Tree, settings: list[str], name: str) -> tuple[str, Reason] | None:
    for path in settings:
        text = tree.read(path)
        match = re.search(rf"^{name}\s*=\s*[\"']([A-Za-z0-9_.]+)\.([A-Za-z0-9_]+)[\"']", text, re.MULTILINE)
        if match:
            line = text.count("\n", 0, match.start()) + 1
            return f"{match[1]}:{match[2]}", Reason(f"start: Django's {name}", path, line)
    return None


def _file(tree: Tree, package: str, kind: str) -> tuple[str, Reason] | None:
    """Return the application of the project's wsgi.py or asgi.py, in the settings' package or one folder down."""
    found = [path for path in tree.paths() if path.count("/") == 1 and path.endswith(f"/{kind}.py")]
    found.sort(key=lambda path: not path.startswith(f"{package}/"))
    for path in found:
        folder = path.split("/", maxsplit=1)[0]
        if _MODULE.fullmatch(folder) and folder not in ("tests", "docs", "examples"):
            return f"{folder}.{kind}:application", Reason(f"start: Django's {kind}.py", path)
    return None
