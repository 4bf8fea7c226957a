"""How a Python app is built: the server that is added, and what Node builds for it."""

import pytest

from tests.unit.build.detect.cases import FASTAPI, FLASK, Case, check, package, planned

CASES = [
    Case(
        "flask",
        {"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n"},
        "python",
        "app:app",
        "3.13",
        lacks=("gunicorn==",),
    ),
    Case(
        "flask without a server",
        {"app.py": FLASK, "requirements.txt": "Flask>=3\n"},
        "python",
        "app:app",
        holds=("gunicorn==",),
    ),
    Case(
        "a package that only sounds like a server",
        {"app.py": FLASK, "requirements.txt": "flask-gunicorn\n# gunicorn\n"},
        "python",
        "app:app",
        holds=("gunicorn==",),
    ),
    Case(
        "fastapi[standard] brings uvicorn",
        {"api.py": FASTAPI, "requirements.txt": "fastapi[standard]\n"},
        "python",
        "uvicorn api:app",
        lacks=("uvicorn[",),
    ),
    Case(
        "python with assets",
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "package.json": package(scripts={"build": "tailwindcss"}, devDependencies={"tailwindcss": "4"}),
        },
        "python",
        "app:app",
        bases=("python:3.13-slim", "node:24-slim"),
        holds=("npm run build", "COPY --from=node-build"),
    ),
    Case(
        "a broken manifest beside static files of a build",
        {"main.py": FASTAPI, "requirements.txt": "fastapi", "package.json": "{"},
        "python",
        "uvicorn main:app",
        warns="package.json is not valid JSON",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)


def test_python_has_its_library_compiled_before_anything_of_the_app() -> None:
    """The official images leave the bytecode out. What comes first after FROM is one layer for all apps."""
    text = planned({"app.py": FLASK, "requirements.txt": "flask"}).dockerfile or ""
    final = text.rpartition("\nFROM ")[2].splitlines()
    assert final[1].startswith("RUN python3 -m compileall -q ")


def test_caches_belong_to_the_app() -> None:
    text = planned({"app.py": FLASK, "requirements.txt": "flask"}, app="blog").dockerfile or ""
    assert "id=blog-pip" in text
