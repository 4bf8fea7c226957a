"""What a Python file offers to run."""

import pytest

from tests.unit.build.detect.cases import Case, check

CASES = [
    Case(
        "factory",
        {
            "app/__init__.py": "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
            "requirements.txt": "flask",
        },
        "python",
        "app:create_app()",
    ),
    Case(
        "app of an imported factory",
        {
            "wsgi.py": "from shop import create_app\napp = create_app('prod')\n",
            "requirements.txt": "flask",
            "shop/__init__.py": "def create_app(name): ...\n",
        },
        "python",
        "wsgi:app",
    ),
    Case(
        "dash",
        {"app.py": "import dash\napp = dash.Dash(__name__)\n", "requirements.txt": "dash"},
        "python",
        "app:app.server",
    ),
    Case(
        "fasthtml",
        {"main.py": "from fasthtml.common import *\napp, rt = fast_app()\n", "requirements.txt": "python-fasthtml"},
        "python",
        "uvicorn main:app",
    ),
    Case(
        "plain wsgi",
        {"hello.py": "def application(environ, start_response):\n    return []\n"},
        "python",
        "hello:application",
        holds=("gunicorn==",),
    ),
    Case("plain asgi", {"app.py": "async def app(scope, receive, send):\n    pass\n"}, "python", "uvicorn app:app"),
    Case(
        "falcon asgi",
        {"app.py": "import falcon.asgi\napp = falcon.asgi.App()\n", "requirements.txt": "falcon"},
        "python",
        "uvicorn app:app",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
