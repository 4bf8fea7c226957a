"""What is missing where nothing can be built is said, with what helps."""

import pytest

from deployhost.errors import NothingRecognised
from tests.unit.build.detect.cases import FLASK, package, planned


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        ({}, "empty", "index.html"),
        ({"README.md": "x"}, "nothing in the repository", "index.html"),
        ({"go.mod": "", "main.go": "x"}, "Go is not built here", "'EXPOSE 8080' 'CMD [\"/server\"]' > Dockerfile"),
        ({"index.php": "x"}, "PHP is not built here", "'FROM php:8-apache'"),
        ({"go.mod": "", "cmd/shop/main.go": "x"}, "Go is not built here", "${EDITOR:-vi} Dockerfile"),
        ({"Cargo.toml": "", "src/main.rs": "x"}, "Rust is not built here", "${EDITOR:-vi} Dockerfile"),
        ({"start.sh": "exec ./x"}, "no language that deployhost knows was seen", "${EDITOR:-vi} Dockerfile"),
        ({"shop.cob": "x"}, "no language that deployhost knows was seen", "${EDITOR:-vi} Dockerfile"),
        ({"lib/shop.gleam": "x"}, "Gleam is not built here", "${EDITOR:-vi} Dockerfile"),
        (
            {
                "package.json": package(
                    scripts={"build": "tsc"}, main="dist/index.js", dependencies={"express": "4", "typescript": "5"}
                )
            },
            "does not say how it is started",
            'scripts.start="node dist/index.js"',
        ),
        ({"package.json": package(dependencies={"x": "1"})}, "neither a start nor a build script", "npm pkg set"),
        ({"package.json": "{"}, "package.json is not valid JSON", "npm"),
        ({"package.json": "[]"}, "must hold a JSON object", "npm"),
        ({"package.json": "[" * 100_000}, "nested too deeply", "npm"),
        ({"package.json": '{"a":"' + "x" * 600_000 + '"}'}, "too large", "npm"),
        ({"pyproject.toml": "[project", "main.py": ""}, "pyproject.toml is not valid TOML", "tomllib"),
        ({"app.py": FLASK}, "app.py:1 imports flask", "echo flask > requirements.txt"),
        ({"poetry.lock": "", "app.py": FLASK, "pyproject.toml": "[tool.poetry]\n"}, "Poetry", "poetry export"),
        ({"Pipfile": "", "app.py": FLASK}, "Pipenv", "pipenv requirements"),
        ({"requirements.txt": "requests"}, "nothing to start", "Procfile"),
        (
            {
                "package.json": package(
                    scripts={"build": "vite build"}, devDependencies={"@sveltejs/adapter-auto": "3", "vite": "6"}
                )
            },
            "adapter-auto",
            "adapter-node",
        ),
        (
            {"app.py": FLASK, "requirements.txt": "flask", "package.json": package(scripts={"start": "node s.js"})},
            "which one is the app",
            "Procfile",
        ),
    ],
)
def test_what_is_missing_is_said(files: dict[str, str], said: str, hint: str) -> None:
    with pytest.raises(NothingRecognised) as caught:
        planned(files)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.details or said.startswith(("package.json is", "must", "nested", "too", "pyproject"))


def test_nothing_recognised_lists_every_runtime_and_what_lies_below() -> None:
    with pytest.raises(NothingRecognised) as caught:
        planned({"backend/app.py": FLASK, "backend/requirements.txt": "flask", "notes/x.md": ""})
    details = "\n".join(caught.value.details)
    assert "'backend' holds an app (python)" in details
    assert all(name in details for name in ("Dockerfile", "Python:", "Node:", "Static files:"))
    assert "notes" not in details
