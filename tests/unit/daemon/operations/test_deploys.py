"""What the daemon answers, operation by operation."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deployhost.control.messages import Message
from deployhost.errors import (
    AppNotFound,
    Conflict,
    DeployhostError,
    DockerUnavailable,
    InvalidConfig,
    InvalidName,
    InvalidRequest,
    NotFound,
    SwitchFailed,
)
from deployhost.model import AppName, Branch, Deploy, DeployStatus, EnvName, Trigger
from tests.fakes.assembled import Server, sha, wait_until
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def wait_for(event: threading.Event) -> None:
    assert event.wait(5)


# Pushes


def test_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    result = ops.push(app, ONE)
    assert (result["outcome"], result["message"]) == ("ok", "live")
    assert result["deploy"]["status"] == "live"
    assert result["deploy"]["subject"] == f"subject of {ONE.short}"
    assert [event["stage"] for event in ops.events if event.get("state") == "done"][:3] == ["fetch", "plan", "build"]
    assert server.refs.branches == {"main": ONE}


def test_branch_that_moved_meanwhile(server: Server, ops: Operations) -> None:
    """As git itself would refuse it: what somebody else pushed is not lost."""
    app = server.add("shop")
    ops.push(app, ONE)
    result = ops.ask("push", app=app, ref="refs/heads/main", old="0" * 40, new=TWO)
    assert result["outcome"] == "ng"
    assert "fetch first" in result["message"]
    assert ops.daemon.live(app).sha == ONE


def test_failed_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    server.behaviours[ONE] = Behaviour(exits=2)
    result = ops.push(app, ONE)
    assert result["outcome"] == "ng"
    assert result["message"] == "deploy failed: the app ended while starting, with exit code 2"
    assert server.refs.branches == {}
    server.behaviours.clear()
    again = ops.push(app, ONE)
    assert again["outcome"] == "ok", "the same commit can be pushed again"
    assert again["deploy"]["id"] != result["deploy"]["id"]


def test_first_push_adopts(server: Server, ops: Operations) -> None:
    app = server.add("shop", branch=None)
    ops.push(app, ONE, "refs/heads/trunk")
    assert ops.daemon.apps.get(app).branch == Branch("trunk")
    assert server.refs.head == "trunk"
    assert server.refs.branches == {"trunk": ONE}


def test_other_refs(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    kept = ops.push(app, ONE, "refs/tags/v1")
    assert (kept["outcome"], kept["fall_through"], kept["deploy"]) == ("ok", True, None)
    assert ops.notes() == ["tag v1 is kept; only branches are deployed"]
    assert ops.push(app, "0" * 40)["outcome"] == "ng"
    assert ops.daemon.deploys.of_app(app) == []


def test_push_that_is_asked_again(server: Server, ops: Operations) -> None:
    """The connection was lost and the hook asks again: however that push went meanwhile, it is not deployed twice."""
    app = server.add("shop")
    first = ops.push(app, ONE, token="a")
    again = ops.push(app, ONE, token="a")
    assert again == first
    server.behaviours[TWO] = Behaviour(exits=1)
    failed = ops.push(app, TWO, token="b")
    assert ops.push(app, TWO, token="b") == failed
    assert len(ops.daemon.deploys.of_app(app)) == 2


def test_pushes_that_are_asked_again_in_another_order(server: Server, ops: Operations) -> None:
    """After a restart the older of two pushes asks last: the newer commit still is the one that is live."""
    app = server.add("shop")

    def meanwhile() -> None:
        if not ops.daemon.deploys.of_push(app, "b"):
            ops.daemon.intake.push(app, "refs/heads/main", "0" * 40, TWO, "b")

    ops.daemon.fake_builder.during = meanwhile
    ops.push(app, ONE, token="a")
    ops.rest()
    ops.push(app, TWO, token="b")
    ops.push(app, ONE, token="a")
    assert ops.daemon.live(app).sha == TWO
    assert len(ops.daemon.deploys.of_app(app)) == 2


def test_commit_that_is_on_its_way_already(server: Server, ops: Operations) -> None:
    """Ctrl-C and push again: the second push joins the first."""
    app = server.add("shop")
    joined: list[int] = []

    def meanwhile() -> None:
        joined.append(ops.accept(app, ONE).id)

    ops.daemon.fake_builder.during = meanwhile
    result = ops.push(app, ONE)
    assert joined == [result["deploy"]["id"]]


def test_overtaken(server: Server, ops: Operations) -> None:
    app, release = server.add("shop"), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    ops.accept(app, ONE)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    results: list[Message] = []
    told: list[Message] = []
    request = {"app": app, "ref": "refs/heads/main", "old": "0" * 40, "new": TWO}
    thread = threading.Thread(target=lambda: results.append(ops.handlers["push"](request, told.append)))
    thread.start()
    wait_until(lambda: len(ops.daemon.deploys.open()) == 2)
    ops.accept(app, THREE)
    thread.join(5)
    assert results[0]["outcome"] == "ok"
    assert results[0]["message"].startswith(f"overtaken by the newer push {THREE.short}")
    # git can't tell the pusher that somebody else's commit is under way: the branch has not moved yet.
    assert any(f"replaces {ONE.short}" in str(event.get("text")) for event in told)
    release.set()
    ops.rest()
    assert ops.daemon.live(app).sha == THREE


def test_two_pushes_of_one_commit_at_once(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    app, start = server.add("shop"), threading.Barrier(6)
    release = threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    look = ops.daemon.deploys.open

    def look_slowly() -> list[Deploy]:
        found = look()
        time.sleep(0.005)
        return found

    monkeypatch.setattr(ops.daemon.deploys, "open", look_slowly)

    def accept() -> None:
        start.wait()
        ops.accept(app, ONE)

    threads = [threading.Thread(target=accept) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    release.set()
    ops.rest()
    assert len(ops.daemon.deploys.of_app(app)) == 1


def test_push_to_what_is_no_app(ops: Operations) -> None:
    with pytest.raises(AppNotFound):
        ops.ask("push", app="nope", ref="refs/heads/main", old="0" * 40, new=ONE)


# Deploys without a push


def test_restart(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="no live release"):
        ops.ask("app.restart", name=app)
    ops.push(app, ONE)
    before = ops.daemon.live(app)
    result = ops.ask("app.restart", name=app)
    after = ops.daemon.live(app)
    assert result["trigger"] == "restart"
    assert (after.image, after.sha) == (before.image, before.sha)
    assert after.container != before.container


def test_deploy_again(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="nothing has been pushed"):
        ops.ask("deploy.start", name=app)
    with pytest.raises(NotFound, match="nothing has been pushed to the branch prod of odd yet") as caught:
        ops.ask("deploy.start", name=server.add("odd", branch="prod"))
    assert caught.value.hint == f"git push {server.paths.repo(AppName('odd'))} prod"
    ops.push(app, ONE)
    result = ops.ask("deploy.start", name=app, rebuild=True)
    assert (result["trigger"], result["sha"], result["version"]) == ("manual", ONE, f"{ONE}-2")


def test_without_following(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    result = ops.ask("app.restart", name=app, follow=False)
    assert result["status"] in ("queued", "running")
    assert ops.events == []
    followed = ops.ask("deploy.follow", id=result["id"])
    assert followed["status"] == "live"
    stages = [event["stage"] for event in ops.events if event.get("state") == "done"]
    assert stages == ["create", "start", "health", "switch"]


def test_list(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    ops.push(app, TWO)
    assert [view["sha"] for view in ops.ask("deploys.list", name=app)["deploys"]] == [TWO, ONE]
    assert len(ops.ask("deploys.list", name=app, limit=1)["deploys"]) == 1
    with pytest.raises(NotFound, match="there is no deploy 99"):
        ops.ask("deploy.follow", id=99)


# Settings


def test_env(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"] is None, "nothing runs yet"
    ops.push(app, ONE)
    result = ops.ask("env.set", name=app, values={"A": "1", "B": "two\nlines"})
    assert result["changed"] == ["B"]
    assert result["deploy"]["status"] == "live"
    assert server.engine.specs[ops.daemon.live(app).container].env["B"] == "two\nlines"
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"] is None, "nothing changed"
    listed = ops.ask("env.list", name=app)["env"]
    assert [(entry["name"], entry["value"]) for entry in listed] == [("A", None), ("B", None)]
    assert ops.ask("env.list", name=app, reveal=True)["env"][0]["value"] == "1"
    assert ops.ask("env.unset", name=app, names=["A", "X"])["changed"] == ["A"]
    assert "A" not in server.engine.specs[ops.daemon.live(app).container].env


def test_env_that_breaks_the_app(server: Server, ops: Operations) -> None:
    """The old container serves on, and what was set stays set: it is the owner's to put right."""
    app = server.add("shop")
    ops.push(app, ONE)
    before = ops.daemon.live(app)
    server.engine.behaviours[before.image] = Behaviour(exits=1)
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"]["status"] == "failed"
    assert ops.daemon.live(app) == before


def hosts(server: Server) -> list[str]:
    return list(server.table.routes["shop-web"].hosts)


def test_domains(server: Server, ops: Operations) -> None:
    app, other = server.add("shop"), server.add("blog")
    ops.push(app, ONE)
    container = ops.daemon.live(app).container
    result = ops.ask("domains.add", name=app, domains=["shop.example.com"])
    assert (result["domains"], result["changed"]) == (["shop.example.com"], ["shop.example.com"])
    assert hosts(server) == ["shop.localhost", "shop.example.com"]
    assert ops.daemon.live(app).container == container, "the same container"
    with pytest.raises(Conflict):
        ops.ask("domains.add", name=other, domains=["shop.example.com"])
    assert ops.ask("domains.remove", name=app, domains=["shop.example.com"])["domains"] == []
    assert hosts(server) == ["shop.localhost"]
    assert ops.ask("domains.list", name=app) == {"app": "shop", "url": "http://shop.localhost:8000", "domains": []}


def test_domains_before_the_first_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.ask("domains.add", name=app, domains=["shop.example.com"])
    assert server.table.routes == {}
    ops.push(app, ONE)
    assert "shop.example.com" in hosts(server)


def test_storage(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    path = str(server.paths.storage(app))
    result = ops.ask("storage.enable", name=app)
    assert (result["path"], result["mounted_at"], result["changed"]) == (path, "/storage", True)
    assert server.engine.specs[ops.daemon.live(app).container].binds == (f"{path}:/storage",)
    (server.paths.storage(app) / "data").touch()
    assert ops.ask("storage.enable", name=app)["deploy"] is None
    result = ops.ask("storage.disable", name=app)
    assert (result["enabled"], result["path"], result["mounted_at"]) == (False, path, None)
    assert (server.paths.storage(app) / "data").exists()
    assert ops.ask("storage.show", name=app)["path"] == path


def test_states(server: Server, ops: Operations) -> None:
    app = server.add("shop")

    def state() -> tuple[str, str]:
        (view,) = ops.ask("app.status", name=app)["apps"]
        return view["state"], view["note"]

    server.behaviours[ONE] = Behaviour(exits=1)
    ops.push(app, ONE)
    assert state() == ("failed", "")
    ops.push(app, TWO)
    assert state() == ("live", "")
    server.behaviours[THREE] = Behaviour(exits=1)
    ops.push(app, THREE)
    assert state() == ("live", f"the newest push {THREE.short} failed; {TWO.short} keeps serving")
    server.engine.end(ops.daemon.live(app).container)
    status, said = state()
    assert status == "down"
    assert said.endswith(f"the newest push {THREE.short} failed")  # nothing serves
    ops.daemon.accept(app, ONE)
    assert state()[0] == "deploying"


def test_states_of_what_ended(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    containers, live = server.engine.containers, ops.daemon.live(app).container
    mend = "; to start it again: deployhost restart shop"

    def state(**now: Any) -> tuple[str, str]:
        if now:
            containers[live] = replace(containers[live], **now)
        (view,) = ops.ask("app.list")["apps"]
        return view["state"], view["note"]

    assert state(restart_count=1) == ("live", "it ended and was started again 1 time since it went live")
    again = "it ended and was started again 4 times since it went live (last exit code 9)"
    assert state(restart_count=4, exit_code=9, status="restarting") == ("down", again + mend)
    assert state(restart_count=0, status="exited") == ("down", f"it ended with exit code 9{mend}")
    unfreeze = f"docker unpause shop-web-{ONE}"
    assert state(status="paused") == ("down", f"it is frozen (docker pause); to let it go on: {unfreeze}")
    del containers[live]
    assert state() == ("down", f"its container is gone{mend}")

    def no_engine(_: object) -> None:
        raise DockerUnavailable("the Docker engine does not answer")

    monkeypatch.setattr(ops.daemon.impatient_docker, "listed", no_engine)
    assert state() == ("down", "the Docker engine does not answer")
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert view["live"]["sha"] == ONE


def test_status_of_the_server(server: Server, ops: Operations) -> None:
    server.add("shop")
    status = ops.ask("app.status")
    assert status["server"]["docker"] == "20.10.24"
    assert status["server"]["proxy"] == "running"
    server.engine.proxy = None
    assert ops.ask("app.status")["server"]["proxy"] == "missing"
    assert [app["name"] for app in status["apps"]] == ["shop"]
    assert [app["name"] for app in ops.ask("app.list")["apps"]] == ["shop"]
    with pytest.raises(AppNotFound):
        ops.ask("app.status", name="nope")


def test_a_mistake_in_apps_yml_hides_no_app(server: Server, ops: Operations) -> None:
    """What runs does so whatever the file says: who looks at it sees it, who changes something is told."""
    app, waits = server.add("shop", text="domains: [shop.example.com]\n    storage: true"), AppName("waits")
    ops.push(app, ONE)
    (server.paths.repo(waits)).mkdir(parents=True)
    before = ops.ask("app.status")["apps"][0]
    server.paths.apps_yml.write_text(server.paths.apps_yml.read_text() + "  shop: [\n")
    status = ops.ask("app.status")
    assert (status["problem"]["code"], status["problem"]["exit_code"]) == ("invalid_config", 2)
    assert "line" in status["problem"]["details"][0]
    shop, other = status["apps"]
    assert {**before, "branch": None, "storage": None, "strategy": None, "engine": None} == shop
    assert shop["urls"] == ["http://shop.localhost:8000", "http://shop.example.com:8000"], "those of its route"
    assert (other["name"], other["state"], other["live"]) == (waits, "empty", None)
    assert ops.ask("app.list") == {key: status[key] for key in ("apps", "problem")}
    assert [one["name"] for one in ops.ask("app.status", name=app)["apps"]] == [app]
    assert [one["sha"] for one in ops.ask("releases.list", name=app)["releases"]] == [ONE]
    assert ops.ask("logs", name=app) == {}
    with pytest.raises(AppNotFound):
        ops.ask("app.status", name="nope")
    for change in ("app.remove", "app.restart", "app.rollback", "storage.disable"):
        with pytest.raises(InvalidConfig, match=r"apps\.yml"):
            ops.ask(change, name=app)
    with pytest.raises(Conflict, match="shop has no queued or running deploy"):
        ops.ask("deploy.cancel", name=app)


def test_a_mistake_in_one_apps_entry_is_in_nobody_elses_way(server: Server, ops: Operations) -> None:
    app = server.add("shop", branch=None)
    own = server.add("own", text="domains: [own.example.com]")
    ops.push(own, ONE)
    server.paths.apps_yml.write_text(server.paths.apps_yml.read_text() + "    prot: 1\n")
    assert ops.push(app, ONE)["outcome"] == "ok", "the first push also notes its branch"
    assert ops.push(app, TWO)["outcome"] == "ok"
    assert ops.ask("app.rollback", name=app)["deploy"]["status"] == "live"
    for going in ("app.restart", "deploy.start"):
        assert ops.ask(going, name=app)["status"] == "live"
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"]["status"] == "live"
    assert ops.ask("storage.enable", name=app)["deploy"]["status"] == "live"
    status = ops.ask("app.status")
    shop, broken = status["apps"]
    assert (shop["storage"], shop["branch"]) == (str(server.paths.storage(app)), "main")
    assert (broken["live"]["sha"], broken["storage"], broken["urls"][1:]) == (
        ONE,
        None,
        ["http://own.example.com:8000"],
    )
    assert status["problem"]["details"][0].startswith("apps.yml: apps/own/prot: unknown key; did you mean port?")
    for change in ("app.remove", "app.restart", "app.rollback", "storage.disable"):
        with pytest.raises(InvalidConfig, match=r"apps\.yml has a mistake") as caught:
            ops.ask(change, name=own)
        assert caught.value.hint == f"editor {server.paths.apps_yml}"
    with pytest.raises(InvalidConfig):
        ops.ask("domains.add", name=app, domains=["own.example.com"])
    waiting = ops.daemon.deploys.accept(own, TWO, trigger=Trigger.PUSH)
    assert [one["id"] for one in ops.ask("deploy.cancel", name=own)["deploys"]] == [waiting.id]
    assert ops.ask("app.remove", name=app, dry_run=True)["applied"] is False
    ops.ask("app.remove", name=app)
    assert "shop" not in server.paths.apps_yml.read_text()
    ops.daemon.converge.run()
    assert ops.daemon.live(own).sha == ONE, "an app with a mistake is not taken for one that was removed"
    assert "own.example.com" in server.table.routes["own-web"].hosts


def test_logs(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    with pytest.raises(NotFound, match="has not run yet"):
        ops.ask("logs", name=app)
    server.behaviours[ONE] = Behaviour(says=("one", "two"))
    server.behaviours[TWO] = Behaviour(says=("no module",), exits=1)
    ops.push(app, ONE)
    failed = ops.push(app, TWO)["deploy"]["id"]
    ops.ask("logs", name=app, lines=1)
    assert [event["line"] for event in ops.events] == ["two"]
    ops.ask("logs", name=app, deploy=failed)
    assert [event["line"] for event in ops.events] == ["no module"], "of a container that failed, too"
    with pytest.raises(NotFound):
        ops.ask("logs", name=server.add("blog"), deploy=failed)
    server.behaviours[THREE] = Behaviour(build_error="RUN pip install failed")
    unbuilt = ops.push(app, THREE)["deploy"]["id"]
    ops.daemon.events.append(unbuilt, {"event": "output", "stage": "build", "line": "no matching distribution"})
    ops.ask("logs", name=app, deploy=unbuilt)
    assert [event["line"] for event in ops.events] == ["no matching distribution"], (
        "of what was never started: the build"
    )


def full(server: Server, ops: Operations) -> None:
    app = server.add("shop", text="storage: true")
    ops.daemon.env.set(app, {EnvName("A"): "1"}, datetime.now(UTC))
    ops.push(app, ONE)
    ops.push(app, TWO)
    (server.paths.storage(app) / "data").touch()
    (server.paths.repo(app)).mkdir(parents=True)


def test_remove(server: Server, ops: Operations) -> None:
    other = server.add("shop-2")
    ops.push(other, THREE)
    full(server, ops)
    ops.ask("domains.add", name="shop", domains=["shop.example.com"])
    pushed = server.paths.registry / "docker/registry/v2/repositories"
    projects = (server.paths.kamal_projects / name for name in ("shop", "shop.deploy"))
    for directory in (*projects, pushed / "shop", pushed / "shop-2"):
        directory.mkdir(parents=True)
    server.paths.kamal_building(AppName("shop")).touch()
    shown = ops.ask("app.remove", name="shop", dry_run=True)
    assert shown["applied"] is False
    assert shown["steps"][0]["what"] == "stop answering at http://shop.localhost:8000, http://shop.example.com:8000"
    assert len(server.engine.containers) == 3, "nothing happened"
    done = ops.ask("app.remove", name="shop")
    assert done["applied"]
    assert done["steps"] == shown["steps"]
    assert list(server.table.routes) == ["shop-2-web"]
    assert {container.labels["service"] for container in server.engine.containers.values()} == {"shop-2"}
    assert [image.tags for image in server.engine.images.values()] == [
        (f"127.0.0.1:5555/shop-2:{THREE}", "127.0.0.1:5555/shop-2:latest")
    ]
    left = [path.name for path in server.paths.root.rglob("*shop*") if "shop-2" not in path.name]
    assert left == ["shop"], "the storage, and nothing else"
    assert (server.paths.storage(AppName("shop")) / "data").exists()
    with pytest.raises(AppNotFound):
        ops.ask("app.remove", name="shop")
    assert ops.daemon.live(other).sha == THREE


def test_remove_with_storage(server: Server, ops: Operations) -> None:
    full(server, ops)
    ops.ask("app.remove", name="shop", storage=True)
    assert not server.paths.storage(AppName("shop")).exists()


def test_added_again(server: Server, ops: Operations) -> None:
    full(server, ops)
    ops.ask("app.remove", name="shop")
    app = server.add("shop")
    assert ops.push(app, ONE)["outcome"] == "ok"
    assert ops.daemon.live(app).version.sha == ONE


def test_interrupted_removal_can_be_run_again(server: Server, ops: Operations) -> None:
    full(server, ops)
    server.table.down = True
    with pytest.raises(SwitchFailed):
        ops.ask("app.remove", name="shop")
    server.table.down = False
    ops.daemon.life._break_at = len(ops.daemon.life.effects) + 3
    ops.daemon.life._error = lambda _: NotFound("broken off")
    with pytest.raises(NotFound, match="broken off"):
        ops.ask("app.remove", name="shop")
    ops.daemon.life._break_at = 0
    # Run again by a person, or by the next start of the daemon: the same.
    ops.daemon.remover.resume()
    assert "shop" not in server.paths.apps_yml.read_text()
    assert server.engine.containers == {}
    assert server.engine.images == {}
    assert ops.daemon.remover.removals.open() == {}


def test_a_removal_that_cannot_be_finished_is_in_nobodys_way(server: Server, ops: Operations) -> None:
    full(server, ops)
    server.table.down = True
    with pytest.raises(SwitchFailed):
        ops.ask("app.remove", name="shop")
    ops.daemon.remover.resume()
    assert list(ops.daemon.remover.removals.open()) == ["shop"]


def test_removed_while_it_builds(server: Server, ops: Operations) -> None:
    """Who pushed is told; nothing of the app is left, and nothing of it comes up."""
    app = server.add("shop")

    def meanwhile() -> None:
        ops.handlers["app.remove"]({"name": app}, lambda _: None)

    ops.daemon.fake_builder.during = meanwhile
    result = ops.push(app, ONE)
    assert (result["outcome"], result["message"]) == ("ng", "shop was removed")
    ops.rest()
    assert (server.engine.containers, server.engine.images, server.table.routes) == ({}, {}, {})
    assert ops.daemon.deploys.open() == []


def test_queued_deploys_of_a_removed_app(server: Server, ops: Operations) -> None:
    app, release = server.add("shop"), threading.Event()
    ops.daemon.fake_builder.during = lambda: wait_for(release)
    ops.accept(app, ONE)
    wait_until(lambda: ops.daemon.deploys.open()[0].status is DeployStatus.RUNNING)
    ops.accept(app, TWO)
    ops.handlers["app.remove"]({"name": app}, lambda _: None)
    release.set()
    ops.rest()
    assert server.engine.containers == {}
    assert ops.daemon.deploys.open() == []


# Requests

BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "no name": ("app.status", {"name": 7}),
    "a number for a text": ("push", {"app": "shop", "ref": 1}),
    "no values": ("env.set", {"name": "shop"}),
    "a value that is no text": ("env.set", {"name": "shop", "values": {"A": 1}}),
    "a text for a list": ("domains.add", {"name": "shop", "domains": "x.example.com"}),
    "a truth for a number": ("deploys.list", {"name": "shop", "limit": True}),
    "a number that no database takes": ("logs", {"name": "shop", "deploy": 10**20}),
    "a negative number": ("logs", {"name": "shop", "lines": -1}),
    "a bad variable": ("env.set", {"name": "shop", "values": {"A-B": "1"}}),
    "a reserved variable": ("env.set", {"name": "shop", "values": {"KAMAL_X": "1"}}),
    "a bad domain": ("domains.add", {"name": "shop", "domains": ["UPPER.example.com"]}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests(server: Server, ops: Operations, case: str) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    op, arguments = BAD[case]
    with pytest.raises((InvalidRequest, InvalidName)) as failed:
        ops.ask(op, **arguments)
    assert isinstance(failed.value, DeployhostError)
    assert failed.value.exit_code == 2
