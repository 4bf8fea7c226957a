"""How a Node server and a site are built."""

import pytest

from tests.unit.build.detect.cases import Case, check, package

CASES = [
    Case(
        "express",
        {
            "package.json": package(scripts={"start": "node server.js"}, dependencies={"express": "4"}),
            "package-lock.json": "{}",
            "server.js": "",
        },
        "node",
        "node server.js",
        "24",
        holds=("npm ci", "--omit=dev", '"package-lock.json"'),
        lacks=("npm run",),
    ),
    Case(
        "vite",
        {
            "package.json": package(
                scripts={"dev": "vite", "build": "vite build --outDir site", "start": "vite"},
                devDependencies={"vite": "6"},
            ),
            "index.html": "",
        },
        "node",
        "nginx",
        bases=("node:24-slim", "nginx:stable"),
        holds=("find-output site dist build",),
    ),
    Case(
        "express with a vite client",
        {
            "package.json": package(
                scripts={"build": "vite build", "start": "node server.js"},
                dependencies={"express": "4"},
                devDependencies={"vite": "6"},
            ),
            "server.js": "",
        },
        "node",
        "node server.js",
        holds=("node-build",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
