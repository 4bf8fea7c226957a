"""What a Python file offers to run, read from its syntax tree: apps, factories, servers of its own. No code of the file is run."""

import ast

from deployhost.build.detect.python.find import Find, Rank, Serve, dotted, is_main, parse
from deployhost.build.detect.python.runs import script_finds

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
_WSGI = (["environ", "start_response"], ["env", "start_response"])  # the arguments of a WSGI callable
_APP_NAMES = ("app", "application", "api", "server", "main")


def scan(text: str) -> tuple[Find, ...]:
    """Return what a Python file offers to run, best first; nothing if it is not Python."""
    module = parse(text)
    if module is None:
        return ()
    imports = _imports(module)
    finds = [*_objects(module, imports), *_callables(module, imports), *script_finds(module, set(imports.values()))]
    return tuple(sorted(finds, key=lambda one: (one.rank, _preference(one.name), one.line)))


def imports_of(text: str) -> dict[str, int]:
    """Return the top-level modules that a Python file imports, each with the line."""
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
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
                names["=" + alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                key = f"*{node.module}" if alias.name == "*" else alias.asname or alias.name
                if alias.name == "*":
                    names.setdefault(f"*{node.module.split('.')[0]}", node.module)
                names[key] = node.module if alias.name == "*" else f"{node.module}.{alias.name}"
    return names


def _framework(call: ast.expr, imports: dict[str, str]) -> tuple[str, Serve, str] | None:
    """Return (constructor, how it is served, distribution) if an expression calls a known framework's constructor."""
    if not isinstance(call, ast.Call):
        return None
    name = dotted(call.func)
    constructor = name.rpartition(".")[2]
    if constructor not in _FRAMEWORKS:
        return None
    module, serve, package = _FRAMEWORKS[constructor]
    first = name.partition(".")[0]
    origin = imports.get(first, "")
    if origin.split(".")[0] != module and f"*{module}" not in imports:
        return None
    if constructor == "App" and ("asgi" in origin.split(".") or "asgi" in name.split(".")):
        serve = Serve.ASGI
    return constructor, serve, package


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
        elif isinstance(value, ast.Call) and (maker := makers.get(dotted(value.func))):
            found.append(Find(Rank.APP, maker.serve, name, maker.what, node.lineno, maker.package))
        elif isinstance(value, ast.Call) and name in _APP_NAMES and dotted(value.func).rpartition(".")[2] in _FACTORIES:
            found.append(Find(Rank.APP, Serve.EITHER, name, "an app factory's", node.lineno))
    return found


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    """Return the name that a statement assigns (the first of a tuple) and the value."""
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
        if isinstance(node, ast.If) and is_main(node):
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
        takes_nothing = len(arguments) == len(node.args.defaults)
        if isinstance(node, ast.FunctionDef) and arguments in _WSGI:
            found.append(Find(Rank.APP, Serve.WSGI, node.name, "WSGI", node.lineno))
        elif isinstance(node, ast.AsyncFunctionDef) and arguments == ["scope", "receive", "send"]:
            found.append(Find(Rank.APP, Serve.ASGI, node.name, "ASGI", node.lineno))
        elif isinstance(node, ast.FunctionDef) and takes_nothing and (made := _made_by(node, imports)):
            found.append(Find(Rank.FACTORY, made[1], node.name, made[0], node.lineno, made[2]))
    return found


def _made_by(node: ast.FunctionDef, imports: dict[str, str]) -> tuple[str, Serve, str] | None:
    """Return the framework that a function without arguments makes an app of, if it is a factory."""
    annotation = dotted(node.returns).rpartition(".")[2] if node.returns else ""
    if node.name not in _FACTORIES and annotation not in _FRAMEWORKS:
        return None
    if not any(isinstance(one, ast.Return) and one.value is not None for one in ast.walk(node)):
        return None
    calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
    return next((known for one in calls if (known := _framework(one, imports))), None)
