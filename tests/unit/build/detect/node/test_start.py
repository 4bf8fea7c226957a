"""What starts a Node app, or that it is a site."""

import pytest

from deployhost.build.detect.node.package import Package
from deployhost.build.detect.node.start import resolve
from tests.unit.build.detect.cases import FLASK, Case, check, package

CASES = [
    Case(
        "procfile decides",
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "package.json": package(scripts={"start": "node s.js"}),
            "Procfile": "web: node s.js",
        },
        "node",
        "node s.js",
    ),
    Case(
        "scripts beside a node server",
        {
            "tool.py": "print(1)",
            "requirements.txt": "requests",
            "package.json": package(scripts={"start": "node s.js"}),
        },
        "node",
        "node s.js",
    ),
    Case(
        "no package.json",
        {"server.js": "require('http').createServer(f).listen(80)"},
        "node",
        "node server.js",
        lacks=("npm install",),
    ),
    Case(
        "start runs another script",
        {
            "package.json": package(
                scripts={
                    "start": "npm run serve",
                    "preserve": "node migrate.js",
                    "serve": "NODE_ENV=production node s.js",
                }
            )
        },
        "node",
        "node migrate.js && exec env NODE_ENV=production node s.js",
    ),
    Case(
        "next",
        {
            "package.json": package(
                scripts={"build": "next build", "start": "next start"},
                dependencies={"next": "15"},
                devDependencies={"typescript": "5"},
            ),
            "yarn.lock": "",
        },
        "node",
        "next start",
        holds=("yarn@1.", ".next/cache", "node-production"),
    ),
    Case(
        "next, exported",
        {
            "package.json": package(
                scripts={"build": "next build", "start": "next start"}, dependencies={"next": "15"}
            ),
            "next.config.js": "module.exports = {output: 'export'}",
        },
        "node",
        "nginx",
        holds=("out",),
    ),
    Case(
        "astro",
        {
            "package.json": package(
                scripts={"build": "astro build", "start": "astro dev"}, dependencies={"astro": "5"}
            ),
            "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
        },
        "node",
        "nginx",
        holds=("pnpm@10.", "--frozen-lockfile"),
    ),
    Case(
        "astro on a server",
        {
            "package.json": package(
                scripts={"build": "astro build", "start": "astro dev"},
                dependencies={"astro": "5", "@astrojs/node": "9"},
            )
        },
        "node",
        "node dist/server/entry.mjs",
    ),
    Case(
        "vue cli",
        {
            "package.json": package(
                scripts={"serve": "vue-cli-service serve", "build": "vue-cli-service build"},
                devDependencies={"@vue/cli-service": "5"},
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "cra",
        {
            "package.json": package(
                scripts={"start": "react-scripts start", "build": "react-scripts build"},
                dependencies={"react-scripts": "5"},
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "docusaurus",
        {
            "package.json": package(
                scripts={"start": "docusaurus start", "build": "docusaurus build"},
                dependencies={"@docusaurus/core": "3"},
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "eleventy",
        {
            "package.json": package(
                scripts={"start": "eleventy --serve", "build": "eleventy"}, devDependencies={"@11ty/eleventy": "3"}
            )
        },
        "node",
        "nginx",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)


def test_scripts_that_call_each_other_end() -> None:
    assert resolve("npm start", Package(scripts={"start": "npm run a", "a": "npm start"})).startswith("npm")
    assert resolve("npm ci", Package(scripts={"ci": "x"})) == "npm ci"
    assert resolve("yarn serve", Package(scripts={"serve": "node a.js"})) == "node a.js"
    assert resolve("npm run x -- --port 1", Package(scripts={"x": "y"})) == "npm run x -- --port 1"
