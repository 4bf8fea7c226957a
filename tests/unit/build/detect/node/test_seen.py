"""Whether what a Node repository starts is a server of its own."""

import pytest

from deployhost.build.detect.node import seen
from deployhost.build.detect.node.package import read_package
from deployhost.build.tree import MemoryTree
from tests.unit.build.detect.cases import package


@pytest.mark.parametrize(
    ("command", "serves"),
    [
        ("node server.js", True),  # loads something
        ("node page.js", False),  # what a browser runs
        ("node dist/server.js", True),  # what a build makes can't be read
        ("vite", False),
        ("webpack serve", False),
        ("./node_modules/.bin/gulp", False),
        ("nest start", True),
    ],
)
def test_may_serve(command: str, serves: bool) -> None:
    tree = MemoryTree({"server.js": "require('express')()", "page.js": "fetch('/').listen(1)"})
    assert seen.may_serve(tree, command) is serves


@pytest.mark.parametrize(
    ("command", "is_tool"),
    [
        ("node scripts/dev.js", True),
        ("node gulpfile.js", True),
        ("node dev-server.js", True),
        ("node server.js", False),
        ("node src/scripts.js", False),
    ],
)
def test_is_tool(command: str, is_tool: bool) -> None:
    assert seen.is_tool(command) is is_tool


@pytest.mark.parametrize(
    ("loaded", "listens"),
    [("./app", True), ("./app.js", True), ("../src/app", True), ("./gone", False), ("app", False)],
)
def test_a_file_listens_by_one_that_it_loads(loaded: str, listens: bool) -> None:
    tree = MemoryTree({"src/index.js": f"const app = require('{loaded}')", "src/app.js": "app.listen(3000)"})
    assert seen.started_listens(tree, "node ./src/index.js") is listens
    assert seen.started_listens(tree, "node src/app.js")
    assert not seen.started_listens(tree, "node gone.js")


@pytest.mark.parametrize(
    ("text", "listens"),
    [
        ("import x from 'y'\nserver.listen(80)", True),
        ("Bun.serve({})", True),
        ("menu.listen('click')", False),  # a page's
        ("require('fs')", False),
    ],
)
def test_listens(text: str, listens: bool) -> None:
    assert (seen.listens(text) is not None) is listens


@pytest.mark.parametrize(
    ("text", "denos"),
    [
        ("Deno.serve(() => new Response())", True),
        ("import { serve } from 'https://deno.land/std/http/server.ts'", True),
        ("import x from 'npm:express'", True),
        ("// Deno.serve is not used here", False),
        ("Deno.serve(f)\nconst fs = require('fs')", False),
        ("import x from 'express'", False),
    ],
)
def test_is_denos(text: str, denos: bool) -> None:
    assert seen.is_denos(text) is denos


@pytest.mark.parametrize(
    ("command", "other", "same"),
    [
        ("node server.js", "nodemon ./server", True),
        ("node .", "node index.js", True),
        ("node --inspect server.js", "node server.js", True),
        ("next start", "next start", True),
        ("node server.js", "node worker.js", False),
        ("next start", "node server.js", False),
    ],
)
def test_same_start(command: str, other: str, same: bool) -> None:
    assert seen.same_start(command, other) is same


def test_a_program_of_another_language_counts_only_if_a_dependency_brings_it() -> None:
    tree = MemoryTree({"package.json": package(dependencies={"php-bin": "1"})})
    has, has_not = read_package(tree), read_package(MemoryTree({"package.json": package()}))
    assert seen.brings(has, "/usr/bin/php")
    assert not seen.brings(has_not, "php")
    assert [seen.is_nodes("php -S 0.0.0.0:80", one, otherwise=True) for one in (has, has_not)] == [True, False]
    assert [seen.is_nodes("node a.js", has, otherwise=other) for other in (True, False)] == [True, False]


def test_loads_and_speaks() -> None:
    assert seen.loads('import x from "express/lib"', "express")
    assert not seen.loads('import x from "express-session"', "express")
    assert seen.speaks_node("process.env.PORT")
    assert not seen.speaks_node("document.title")
