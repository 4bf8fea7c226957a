"""Who answers, what no app needs any more, and Kamal's project of an app."""

from pathlib import Path

import pytest

import deployhost
from deployhost.errors import NotFound
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

COMMITS = [sha(number) for number in range(1, 9)]


def test_ping(ops: Operations) -> None:
    answer = ops.ask("ping")
    assert (answer["version"], answer["pid"]) == (deployhost.__version__, ops.daemon.pid)
    assert answer["started_at"].endswith("Z")


def test_prune(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    for commit in COMMITS:
        ops.push(app, commit)
    live = ops.daemon.live(app)
    planned = ops.ask("prune", dry_run=True)
    before = set(server.engine.containers), set(server.engine.images)
    done = ops.ask("prune")
    assert (planned["applied"], done["applied"]) == (False, True)
    assert [one["app"] for one in done["apps"]] == [app]
    assert planned["apps"] == done["apps"]
    assert before[0] - set(server.engine.containers) == set(done["apps"][0]["containers"])
    assert before[1] - set(server.engine.images) == set(done["apps"][0]["images"])
    assert ops.daemon.live(app) == live
    assert done["disk"]["path"] == str(server.paths.state)
    assert ops.ask("prune")["apps"] == [{"app": app, "containers": [], "images": []}]


def test_prepare_kamal(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="shop has no release that Kamal could work on"):
        ops.ask("kamal.prepare", name=app, arguments=["app", "exec"])
    ops.push(app, COMMITS[0])
    project = ops.ask("kamal.prepare", name=app, arguments=["app", "exec"])
    assert (Path(project["directory"]) / "config/deploy.yml").is_file()
    assert project["version"] == COMMITS[0]
    assert ops.ask("kamal.prepare", name=app, arguments=["deploy"])["version"] == f"{COMMITS[0]}-2"


def test_leaving_github_where_nothing_is_pending(ops: Operations) -> None:
    assert ops.ask("github.leave", connection="0" * 16) == {"notes": []}
