"""The commands of the servers that run a Python app."""

import pytest

from deployhost.build.detect.python.find import Serve
from deployhost.build.detect.python.launch import gunicorn, script, uvicorn
from tests.unit.build.detect.cases import FASTAPI, UVICORN, Case, check

CASES = [
    Case(
        "fastapi",
        {"main.py": FASTAPI, "requirements.txt": "fastapi\n"},
        "python",
        "exec uvicorn main:app " + UVICORN,
        holds=("uvicorn[standard]==",),
    ),
    Case(
        "asgi factory",
        {
            "main.py": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n",
            "requirements.txt": "fastapi",
        },
        "python",
        "exec uvicorn --factory main:create_app",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)


def test_no_server_closes_a_connection_before_the_proxy_does() -> None:
    """The proxy keeps it for 90 s: the request that is on its way would be lost."""
    assert "--timeout-keep-alive 120" in str(uvicorn("app:app").argv)
    assert gunicorn("app:app").argv[3:5] == ("--keep-alive", "120")


@pytest.mark.parametrize("serve", Serve)
def test_a_scripts_name_is_no_shell_text(serve: Serve) -> None:
    start = script("my app; rm.py", serve)
    assert "my app; rm.py" in start.argv or "'my app; rm.py'" in start.argv[-1]
