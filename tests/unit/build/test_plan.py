"""Trees as they are found in the wild, and what is planned for each."""

import json

from tests.unit.build.detect.cases import FASTAPI, FLASK, package, planned


def test_reasons_name_file_and_line() -> None:
    plan = planned({"main.py": FASTAPI, "requirements.txt": "# web\nfastapi\nuvicorn\n"})
    said = {(one.path, one.line) for one in plan.reasons}
    assert ("main.py", 4) in said
    assert ("requirements.txt", 3) in said


def test_json_has_every_part() -> None:
    body = planned({"app.py": FLASK, "requirements.txt": "flask"}).to_json()
    assert json.loads(json.dumps(body)) == body
    assert set(body) >= {
        "kind",
        "runtime",
        "version",
        "bases",
        "start",
        "port",
        "dockerfile",
        "dockerignore",
        "reasons",
        "warnings",
    }
    assert body["port"] == 8080
    assert body["bases"] == [{"ref": "python:3.13-slim", "line": None}]


def test_own_dockerfile_wins() -> None:
    plan = planned(
        {
            "Dockerfile": "# syntax=docker/dockerfile:1\nFROM alpine:3\nEXPOSE 3000\n",
            "package.json": package(scripts={"start": "x"}),
            ".gitmodules": "",
        }
    )
    assert (plan.kind, plan.port, plan.dockerfile, plan.dockerignore) == ("dockerfile", 3000, None, None)
    assert [(one.ref, one.line) for one in plan.bases] == [("alpine:3", 2)]
    assert plan.syntax is not None
    assert plan.syntax.ref == "docker/dockerfile:1"
    assert any("submodules" in one for one in plan.warnings)
