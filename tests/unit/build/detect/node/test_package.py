"""The package manager and the version of Node that a package.json asks for."""

import pytest

from tests.unit.build.detect.cases import Case, check, package

CASES = [
    Case(
        "bun",
        {"package.json": package(scripts={"start": "bun run index.ts"}), "bun.lock": ""},
        "node",
        "bun run index.ts",
        holds=("bun@1.",),
    ),
    Case(
        "berry",
        {
            "package.json": package(scripts={"start": "node a.js"}, packageManager="yarn@4.5.0+sha512.abc"),
            "yarn.lock": "",
        },
        "node",
        "node a.js",
        holds=("@yarnpkg/cli-dist@4.5.0", "YARN_NODE_LINKER"),
    ),
    Case(
        "engines",
        {"package.json": package(scripts={"start": "node a.js"}, engines={"node": ">=18 <23"})},
        "node",
        "node a.js",
        "22",
    ),
    Case(
        "nvmrc",
        {"package.json": package(scripts={"start": "node a.js"}), ".nvmrc": "lts/jod\n"},
        "node",
        "node a.js",
        "22",
    ),
    Case(
        "an old node",
        {"package.json": package(scripts={"start": "node a.js"}, engines={"node": "16.x"})},
        "node",
        "node a.js",
        "20",
        warns="can't be had",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
