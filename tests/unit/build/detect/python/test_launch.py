"""The commands of the servers that run a Python app."""

import pytest

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
