"""How a Python file serves when it is run: Streamlit, Gradio, a server of its own. Read from its syntax tree."""

import ast

from deployhost.build.detect.python.find import UNDER_MAIN, Find, Rank, Serve, dotted, is_main

_SERVING_MODULES = {
    "http.server",
    "socketserver",
    "wsgiref.simple_server",
    "aiohttp",
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
    "fastmcp",
    "eventlet",
    "gevent.pywsgi",
    "websockets",
    "telegram.ext",
    "aiogram.webhook",
    "slack_bolt",
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
    "TCPSite",
    "run_webhook",
    "start_webhook",
}

# What is served by a call of `run`.
_RUN_BY_NAME = {
    "uvicorn",
    "hypercorn",
    "nicegui",
    "nicegui.ui",
    "robyn",
    "robyn.Robyn",
    "sanic",
    "fastmcp",
    "fastmcp.FastMCP",
}
# They are called `run` as well: a script that deploys something is no server.
_NO_SERVERS = ("asyncio.run", "subprocess.run")


def script_finds(module: ast.Module, imported: set[str]) -> list[Find]:
    """Return how a file serves when it is run, at its end or under `__main__`; `imported` are the dotted names that it imports."""
    origins = {one.split(".")[0] for one in imported}
    if "streamlit" in origins:
        return [Find(Rank.SCRIPT, Serve.STREAMLIT, "", "Streamlit", 1, "streamlit")]
    if "gradio" in origins:
        calls = (node for node in ast.walk(module) if isinstance(node, ast.Call))
        launch = next((one for one in calls if isinstance(one.func, ast.Attribute) and one.func.attr == "launch"), None)
        if launch:
            return [Find(Rank.SCRIPT, Serve.GRADIO, "", "Gradio", launch.lineno, "gradio")]
    known = any(
        one in _SERVING_MODULES or one.split(".")[0] in _SERVING_MODULES or one.rpartition(".")[0] in _SERVING_MODULES
        for one in imported
    )
    served_by = {"run", "start", *_SERVING_CALLS} if not imported.isdisjoint(_RUN_BY_NAME) else _SERVING_CALLS
    if known and (serving := _first_call(module, served_by)):
        return [Find(Rank.SCRIPT, Serve.SCRIPT, "", "a server of its own", serving.lineno)]
    for node in module.body:
        if isinstance(node, ast.If) and is_main(node) and _first_call(node, {"run", *_SERVING_CALLS}):
            return [Find(Rank.SCRIPT, Serve.SCRIPT, "", UNDER_MAIN, node.lineno)]
    return []


def _first_call(within: ast.AST, names: set[str]) -> ast.Call | None:
    """Return the first call below a node of something with one of these names, or None."""
    for call in ast.walk(within):
        if isinstance(call, ast.Call) and dotted(call.func) not in _NO_SERVERS:
            name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
            if name in names:
                return call
    return None
