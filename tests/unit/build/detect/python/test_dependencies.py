"""What a Python app depends on, how that is installed, and which version it is for."""

import pytest

from tests.unit.build.detect.cases import FASTAPI, FLASK, Case, check

CASES = [
    Case(
        "fastapi in src, uv",
        {
            "src/shop/api.py": FASTAPI,
            "pyproject.toml": '[project]\nname="shop"\ndependencies=["fastapi"]\n',
            "uv.lock": 'version = 1\n[[package]]\nname = "uvicorn"\n',
        },
        "python",
        "uvicorn shop.api:app",
        holds=("uv sync --locked", "PYTHONPATH=/app/src", '"uv.lock"'),
        lacks=("uvicorn[",),
    ),
    Case(
        "pyproject without a lock",
        {"app/main.py": FASTAPI, "pyproject.toml": '[project]\nname="x"\ndependencies=["fastapi", "uvicorn"]\n'},
        "python",
        "uvicorn app.main:app",
        holds=("tomllib",),
        lacks=("uvicorn[",),
    ),
    Case(
        "dynamic dependencies need the source",
        {"main.py": FASTAPI, "pyproject.toml": '[project]\nname="x"\ndynamic=["dependencies"]\n'},
        "python",
        "uvicorn main:app",
        warns="dynamic",
    ),
    Case(
        "python version file",
        {"app.py": FLASK, "requirements.txt": "flask", ".python-version": "3.12.4\n"},
        "python",
        "app:app",
        "3.12",
    ),
    Case(
        "runtime.txt",
        {"app.py": FLASK, "requirements.txt": "flask", "runtime.txt": "python-3.11.9"},
        "python",
        "app:app",
        "3.11",
    ),
    Case(
        "requires-python prefers the default",
        {"app.py": FLASK, "pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.9"\ndependencies=["flask"]\n'},
        "python",
        "app:app",
        "3.13",
    ),
    Case(
        "requires-python, lowest that fits",
        {"app.py": FLASK, "pyproject.toml": '[project]\nname="x"\nrequires-python="<3.13"\ndependencies=["flask"]\n'},
        "python",
        "app:app",
        "3.11",
    ),
    Case(
        "a version that is not there",
        {"app.py": FLASK, "requirements.txt": "flask", "runtime.txt": "python-2.7.18"},
        "python",
        "app:app",
        "3.11",
        warns="can't be had",
    ),
    Case(
        "included requirements",
        {
            "app.py": FLASK,
            "requirements.txt": "-r req/base.txt\n",
            "req/base.txt": "-c limits.txt\nflask\n",
            "req/limits.txt": "gunicorn==23\n",
        },
        "python",
        "app:app",
        holds=("req/base.txt", "req/limits.txt"),
    ),
    Case(
        "local requirement",
        {"app.py": FLASK, "requirements.txt": "flask\n-e .\n"},
        "python",
        "app:app",
        warns="local path",
    ),
    Case(
        "psycopg2 and git",
        {"app.py": FLASK, "requirements.txt": "flask\npsycopg2\nx @ git+https://example.com/x\n"},
        "python",
        "app:app",
        holds=("libpq-dev", "libpq5", " git "),
    ),
    Case(
        "utf-16 requirements",
        {"app.py": FLASK, "requirements.txt": "\ufeffflask\ngunicorn\n"},
        "python",
        "app:app",
        lacks=("gunicorn==",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
