"""How what a Node app depends on is installed."""

import pytest

from tests.unit.build.detect.cases import Case, check, package

CASES = [
    Case(
        "no lockfile",
        {
            "package.json": package(main="app.js", dependencies={"express": "4"}),
            "app.js": "require('express')().listen(1)",
        },
        "node",
        "node app.js",
        lacks=("npm ci",),
        warns="no lockfile",
    ),
    Case(
        "dev dependency in start",
        {"package.json": package(scripts={"start": "tsx server.ts"}, devDependencies={"tsx": "4"})},
        "node",
        "tsx server.ts",
        lacks=("--omit=dev",),
        warns="tsx",
    ),
    Case(
        "husky is left out",
        {"package.json": package(scripts={"start": "node a.js", "prepare": "husky"})},
        "node",
        "node a.js",
        holds=("delete p.scripts",),
    ),
    Case(
        "postinstall needs the source",
        {"package.json": package(scripts={"start": "node a.js", "postinstall": "node scripts/x.js"})},
        "node",
        "node a.js",
        warns="postinstall",
    ),
    Case(
        "workspaces",
        {
            "package.json": package(scripts={"start": "node a.js"}, workspaces=["packages/*"]),
            "packages/a/package.json": "{}",
        },
        "node",
        "node a.js",
        holds=('["packages/a/package.json", "./packages/a/"]',),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
