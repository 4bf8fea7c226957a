"""What a Python file offers to run, read from its syntax tree: apps, factories, servers of its own. No code of the file is run."""

import ast
import warnings
from dataclasses import dataclass
from enum import IntEnum, StrEnum

_STOP = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Serve(StrEnum):
    """How something found is served."""

    WSGI = "wsgi"
    ASGI = "asgi"
    EITHER = "either"  # made by a factory of another file: the dependencies tell
    SCRIPT = "script"
    STREAMLIT = "streamlit"
    GRADIO = "gradio"


class Rank(IntEnum):
    """Which find is preferred: an app object, then a factory, then a file that serves when it is run."""

    APP = 0
    FACTORY = 1
    SCRIPT = 2


@dataclass(frozen=True)
class Find:
    """Something to run in a file: `name` is the object (`app`, `app.server`, `create_app`), empty for a script."""

    rank: Rank
    serve: Serve
    name: str
    what: str
    line: int
    package: str = ""


# constructor -> (top-level module, how it is served, the distribution that brings it)
_FRAMEWORKS = {
    "FastAPI": ("fastapi", Serve.ASGI, "fastapi"),
    "Starlette": ("starlette", Serve.ASGI, "starlette"),
    "Litestar": ("litestar", Serve.ASGI, "litestar"),
    "Quart": ("quart", Serve.ASGI, "quart"),
    "Sanic": ("sanic", Serve.ASGI, "sanic"),
    "FastHTML": ("fasthtml", Serve.ASGI, "python-fasthtml"),
    "fast_app": ("fasthtml", Serve.ASGI, "python-fasthtml"),
    "Flask": ("flask", Serve.WSGI, "flask"),
    "Dash": ("dash", Serve.WSGI, "dash"),
    "Bottle": ("bottle", Serve.WSGI, "bottle"),
    "default_app": ("bottle", Serve.WSGI, "bottle"),
    "App": ("falcon", Serve.WSGI, "falcon"),
    "get_wsgi_application": ("django", Serve.WSGI, "django"),
    "get_asgi_application": ("django", Serve.ASGI, "django"),
}
_FACTORIES = ("create_app", "make_app", "build_app", "get_app", "create_application", "make_application")
_APP_NAMES = ("app", "application", "api", "server", "main")
_SERVING_MODULES = {
    "http.server",
    "socketserver",
    "wsgiref.simple_server",
    "aiohttp.web",
    "aiohttp",
    "tornado.web",
    "tornado",
    "cherrypy",
    "waitress",
    "nicegui",
    "hypercorn",
    "uvicorn",
    "bottle",
    "flask",
    "sanic",
    "robyn",
    "panel",
}
_SERVING_CALLS = {
    "serve_forever",
    "run_app",
    "run_simple",
    "start_server",
    "make_server",
    "listen",
    "serve",
    "quickstart",
}


def scan(text: str) -> tuple[Find, ...]:
    """Given a Python file's text, return what it offers to run, best first; nothing if it is no Python."""
    module = parse(text)
    if module is None:
        return ()
    imports = _imports(module)
    finds = [*_objects(module, imports), *_callables(module, imports), *_scripts(module, imports)]
    return tuple(sorted(finds, key=lambda one: (one.rank, _preference(one.name), one.line)))


def parse(text: str) -> ast.Module | None:
    """Given a text, return its syntax tree, or None if it is no Python that this interpreter knows."""
    try:
        with warnings.catch_warnings():  # an invalid escape in somebody's string is not ours to report
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imports_of(text: str) -> dict[str, int]:
    """Given a Python file's text, return the top-level modules that it imports, each with the line."""
    module = parse(text)
    found: dict[str, int] = {}
    for node in ast.walk(module) if module else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name.split(".")[0], node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.setdefault(node.module.split(".")[0], node.lineno)
    return found


def _preference(name: str) -> int:
    base = name.split(".", maxsplit=1)[0]
    return _APP_NAMES.index(base) if base in _APP_NAMES else len(_APP_NAMES)


def _imports(module: ast.Module) -> dict[str, str]:
    """Return local name -> dotted origin of everything imported anywhere in the file; `*module` -> module for star imports."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                names["=" + alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                key = f"*{node.module}" if alias.name == "*" else alias.asname or alias.name
                names[key] = node.module if alias.name == "*" else f"{node.module}.{alias.name}"
    return names


def _framework(call: ast.expr, imports: dict[str, str]) -> tuple[str, Serve, str] | None:
    """Given an expression, return (constructor, how it is served, distribution) if it calls a known framework's constructor."""
    if not isinstance(call, ast.Call):
        return None
    dotted = _dotted(call.func)
    constructor = dotted.rpartition(".")[2]
    if constructor not in _FRAMEWORKS:
        return None
    module, serve, package = _FRAMEWORKS[constructor]
    first = dotted.partition(".")[0]
    origin = imports.get(first, "")
    starred = any(key.startswith("*") and one.split(".")[0] == module for key, one in imports.items())
    if origin.split(".")[0] != module and not starred:
        return None
    if constructor == "App" and ("asgi" in origin.split(".") or "asgi" in dotted.split(".")):
        serve = Serve.ASGI
    return constructor, serve, package


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _objects(module: ast.Module, imports: dict[str, str]) -> list[Find]:
    """Return the framework objects that are assigned at the top level, also by a factory of this file."""
    makers = {one.name: one for one in _callables(module, imports) if one.rank is Rank.FACTORY}
    found: list[Find] = []
    for node in _top_level(module.body):
        name, value = _assigned(node)
        if not name or value is None:
            continue
        if known := _framework(value, imports):
            # Dash wraps a Flask app, which is what a WSGI server takes.
            target = f"{name}.server" if known[0] == "Dash" else name
            found.append(Find(Rank.APP, known[1], target, known[0], node.lineno, known[2]))
        elif isinstance(value, ast.Call) and (maker := makers.get(_dotted(value.func))):
            found.append(Find(Rank.APP, maker.serve, name, maker.what, node.lineno, maker.package))
        elif (
            isinstance(value, ast.Call) and name in _APP_NAMES and _dotted(value.func).rpartition(".")[2] in _FACTORIES
        ):
            found.append(Find(Rank.APP, Serve.EITHER, name, "an app factory's", node.lineno))
    return found


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    """Given a statement, return the name that it assigns (the first of a tuple) and the value."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.value
    if not isinstance(node, ast.Assign):
        return "", None
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and target.elts:
        target = target.elts[0]
    return (target.id, node.value) if isinstance(target, ast.Name) else ("", None)


def _top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that run on import: the top level, and what stands in its if, try and with (not `__main__`)."""
    found: list[ast.stmt] = []
    stack = list(reversed(body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and _is_main(node):
            continue
        found.append(node)
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            inner = [*node.body, *getattr(node, "orelse", [])]
            stack.extend(reversed(inner))
    return found


def _callables(module: ast.Module, imports: dict[str, str]) -> list[Find]:
    """Return the plain WSGI and ASGI callables and the app factories among the top-level functions."""
    found: list[Find] = []
    for node in _top_level(module.body):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        arguments = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
        if isinstance(node, ast.FunctionDef) and arguments in (
            ["environ", "start_response"],
            ["env", "start_response"],
        ):
            found.append(Find(Rank.APP, Serve.WSGI, node.name, "WSGI", node.lineno))
        elif isinstance(node, ast.AsyncFunctionDef) and arguments == ["scope", "receive", "send"]:
            found.append(Find(Rank.APP, Serve.ASGI, node.name, "ASGI", node.lineno))
        elif (
            isinstance(node, ast.FunctionDef)
            and len(arguments) == len(node.args.defaults)
            and (made := _made_by(node, imports))
        ):
            found.append(Find(Rank.FACTORY, made[1], node.name, made[0], node.lineno, made[2]))
    return found


def _made_by(node: ast.FunctionDef, imports: dict[str, str]) -> tuple[str, Serve, str] | None:
    """Given a function that needs no arguments, return the framework that it makes an app of, if it is a factory."""
    annotation = _dotted(node.returns).rpartition(".")[2] if node.returns else ""
    if node.name not in _FACTORIES and annotation not in _FRAMEWORKS:
        return None
    if not any(isinstance(one, ast.Return) and one.value is not None for one in ast.walk(node)):
        return None
    return next(
        (known for one in ast.walk(node) if isinstance(one, ast.Call) and (known := _framework(one, imports))), None
    )


def _scripts(module: ast.Module, imports: dict[str, str]) -> list[Find]:
    """Return how the file serves when it is run: streamlit, gradio, or a server started at its end or under `__main__`."""
    origins = {one.split(".")[0] for one in imports.values()}
    if "streamlit" in origins:
        return [Find(Rank.SCRIPT, Serve.STREAMLIT, "", "Streamlit", 1, "streamlit")]
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    if "gradio" in origins:
        launch = next((one for one in calls if isinstance(one.func, ast.Attribute) and one.func.attr == "launch"), None)
        if launch:
            return [Find(Rank.SCRIPT, Serve.GRADIO, "", "Gradio", launch.lineno, "gradio")]
    known = any(
        one in _SERVING_MODULES or one.split(".")[0] in _SERVING_MODULES or one.rpartition(".")[0] in _SERVING_MODULES
        for one in imports.values()
    )
    serving = next((one for one in calls if known and _name_called(one) in _SERVING_CALLS), None)
    if serving:
        return [Find(Rank.SCRIPT, Serve.SCRIPT, "", "a server of its own", serving.lineno)]
    for node in module.body:
        if isinstance(node, ast.If) and _is_main(node):
            runs = (one for one in ast.walk(node) if isinstance(one, ast.Call))
            if any(
                _name_called(one) in ("run", *_SERVING_CALLS) and _dotted(one.func) != "asyncio.run" for one in runs
            ):
                return [Find(Rank.SCRIPT, Serve.SCRIPT, "", "a server under __main__", node.lineno)]
    return []


def _name_called(call: ast.Call) -> str:
    return (
        call.func.attr
        if isinstance(call.func, ast.Attribute)
        else call.func.id
        if isinstance(call.func, ast.Name)
        else ""
    )


def _is_main(node: ast.If) -> bool:
    """Given an if, return whether it is `if __name__ == "__main__"`."""
    test = node.test
    if not isinstance(test, ast.Compare):
        return False
    sides = [test.left, *test.comparators]
    return any(isinstance(one, ast.Name) and one.id == "__name__" for one in sides) and any(
        isinstance(one, ast.Constant) and one.value == "__main__" for one in sides
    )
