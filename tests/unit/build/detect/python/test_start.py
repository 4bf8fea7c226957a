"""What starts a Python app, where there is a choice."""

import pytest

from tests.unit.build.detect.cases import FASTAPI, FLASK, Case, check, planned

CASES = [
    Case(
        "an app object beats __main__",
        {
            "run.py": "import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('app.api:app')\n",
            "app/api.py": FASTAPI,
            "requirements.txt": "fastapi\nuvicorn",
        },
        "python",
        "uvicorn app.api:app",
    ),
    Case(
        "a guess says so",
        {"main.py": "print(1)\n", "requirements.txt": "requests"},
        "python",
        "python main.py",
        warns="no web server",
    ),
    Case(
        "project script",
        {
            "src/tool/cli.py": "def main(): ...\n",
            "pyproject.toml": '[project]\nname="tool"\n[project.scripts]\ntool = "tool.cli:main"\n',
        },
        "python",
        "'tool.cli'",
    ),
    Case(
        "procfile",
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "Procfile": "# all\nweb: gunicorn app:app --log-file=-\nworker: python w.py\n",
        },
        "python",
        "gunicorn app:app --log-file=-",
        holds=("gunicorn==",),
    ),
    Case(
        "procfile with a port",
        {
            "app.py": FLASK,
            "requirements.txt": "flask\ngunicorn",
            "Procfile": 'web: X=1 gunicorn -b "0.0.0.0:$PORT" app:app\n',
        },
        "python",
        'exec env X=1 gunicorn -b "0.0.0.0:$PORT" app:app',
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)


def test_a_procfiles_other_processes_go_along() -> None:
    plan = planned({"app.py": FLASK, "requirements.txt": "flask", "Procfile": "web: flask run\nworker: python w.py\n"})
    assert plan.processes == {"worker": "python w.py"}
