"""An app that is removed while it is built, and added again: nothing of the first one's is the second one's."""

import threading

import pytest

from deployhost.errors import NotFound
from deployhost.model import AppName, Branch, DeployStatus
from deployhost.system.git import BareRepository
from tests.fakes.assembled import Server, settle, sha, wait_until
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)


def built_while_removed(server: Server, ops: Operations) -> tuple[AppName, int, threading.Event]:
    """Return the app, removed and added again while a deploy of it is being built, that deploy's number, and what ends its build."""
    app = server.add("shop")
    number, ended = ops.building(app, ONE)
    ops.at_once("app.remove", name=app)
    ops.at_once("app.add", name=app)
    return app, number, ended


def test_the_new_app_has_no_deploy(server: Server, ops: Operations) -> None:
    app, number, ended = built_while_removed(server, ops)
    for over in (False, True):
        if over:
            ended.set()
            wait_until(lambda: not ops.daemon.workers.works_on(number))
            settle()
        [shown] = ops.at_once("app.status", name=app)["apps"]
        assert (shown["state"], shown["head"], shown["last_deploy"]) == ("empty", None, None), over
        assert ops.at_once("deploys.list", name=app)["deploys"] == []
    assert server.engine.images == {}
    assert ops.daemon.deploys.get(number).status is DeployStatus.CANCELLED, "who follows it learns how it ended"
    assert ops.push(app, TWO)["outcome"] == "ok"
    assert ops.daemon.live(app).sha == TWO


def test_after_a_crash_in_between(server: Server, ops: Operations) -> None:
    app, number, ended = built_while_removed(server, ops)
    ops.daemon.events.append(number, {"event": "note", "text": "building"})
    ops.daemon.life.over = True  # a kill -9: the build does not learn any more how that goes on
    ended.set()
    settle()
    ops.daemon.workers._busy.clear()  # its threads are no more
    following = Operations(server)
    assert following.daemon.deploys.newest(app) is None
    following.daemon.converge.run()
    assert following.daemon.deploys.open() == []
    following.daemon.remover.resume()
    with pytest.raises(NotFound):
        following.daemon.deploys.get(number)
    assert not (server.paths.deploy_logs / f"{number}.jsonl").exists()


def test_a_repository_with_commits_can_be_deployed(server: Server, ops: Operations) -> None:
    """No app used it, and `add` was advised: apps.yml names no branch and nothing was pushed since, so its own branch counts."""
    app = AppName("old")
    server.paths.repos.mkdir(parents=True)
    BareRepository(server.paths.repo(app)).create(Branch("main"), {})
    server.refs.branches["main"] = ONE
    ops.at_once("app.add", name=app)
    assert ops.ask("deploy.start", name=app)["status"] == "live"
    assert ops.daemon.live(app).sha == ONE
    assert ops.daemon.deploys.of_app(app)[0].branch == "main"


def test_a_repository_without_commits_has_nothing_to_deploy(server: Server, ops: Operations) -> None:
    app = AppName("old")
    ops.at_once("app.add", name=app)
    with pytest.raises(NotFound, match="nothing has been pushed to old yet"):
        ops.ask("deploy.start", name=app)
