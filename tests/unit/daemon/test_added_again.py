"""An app that is removed while it is built, and added again: nothing of the first one's is the second one's."""

import threading

import pytest

from deployhost.control.messages import Message
from deployhost.errors import NotFound
from deployhost.model import AppName, Branch, DeployStatus, Trigger
from deployhost.system.git import BareRepository
from tests.assembled import Server, settle, sha, wait_until
from tests.unit.daemon.operations import Operations

ONE, TWO = sha(1), sha(2)


def at_once(ops: Operations, op: str, app: AppName) -> Message:
    """Return an operation's result, while the build goes on."""
    return ops.handlers[op]({"op": op, "name": app}, lambda _: None)


def built_while_removed(server: Server, ops: Operations, ended: threading.Event) -> tuple[AppName, int]:
    """Return the app, removed and added again while a deploy of it is being built, and that deploy's number."""
    app, building = server.add("shop"), threading.Event()

    def build() -> None:
        building.set()
        assert ended.wait(5)

    ops.daemon.builder.during = build
    running = ops.deploying.accept(app, ONE, Trigger.PUSH)
    assert building.wait(5)
    at_once(ops, "app.remove", app)
    at_once(ops, "app.add", app)
    return app, running.id


def test_the_new_app_has_no_deploy(server: Server, ops: Operations) -> None:
    ended = threading.Event()
    app, number = built_while_removed(server, ops, ended)
    for over in (False, True):
        if over:
            ended.set()
            wait_until(lambda: not ops.workers.works_on(number))
            settle()
        [shown] = at_once(ops, "app.status", app)["apps"]
        assert (shown["state"], shown["head"], shown["last_deploy"]) == ("empty", None, None), over
        assert at_once(ops, "deploys.list", app)["deploys"] == []
    assert server.engine.images == {}
    assert ops.daemon.deploys.get(number).status is DeployStatus.CANCELLED, "who follows it learns how it ended"
    assert ops.push(app, TWO)["outcome"] == "ok"
    assert ops.daemon.live(app).sha == TWO


def test_after_a_crash_in_between(server: Server, ops: Operations) -> None:
    ended = threading.Event()
    app, number = built_while_removed(server, ops, ended)
    ops.daemon.events.append(number, {"event": "note", "text": "building"})
    ops.daemon.life.over = True  # a kill -9: the build does not learn any more how that goes on
    ended.set()
    settle()
    ops.workers._busy.clear()  # its threads are no more
    following = Operations(server)
    assert following.daemon.deploys.newest(app) is None
    following.daemon.converge.run()
    assert following.daemon.deploys.open() == []
    following.remover.resume()
    with pytest.raises(NotFound):
        following.daemon.deploys.get(number)
    assert not (server.paths.deploy_logs / f"{number}.jsonl").exists()


def test_a_repository_with_commits_can_be_deployed(server: Server, ops: Operations) -> None:
    """No app used it, and `add` was advised: apps.yml names no branch and nothing was pushed since, so its own branch counts."""
    app = AppName("old")
    server.paths.repos.mkdir(parents=True)
    BareRepository(server.paths.repo(app)).create(Branch("main"), {})
    server.refs.branches["main"] = ONE
    at_once(ops, "app.add", app)
    assert ops.ask("deploy.start", name=app)["status"] == "live"
    assert ops.daemon.live(app).sha == ONE
    assert ops.daemon.deploys.of_app(app)[0].branch == "main"


def test_a_repository_without_commits_has_nothing_to_deploy(server: Server, ops: Operations) -> None:
    app = AppName("old")
    at_once(ops, "app.add", app)
    with pytest.raises(NotFound, match="nothing has been pushed to old yet"):
        ops.ask("deploy.start", name=app)
