"""Removals that broke off: finished whatever else was changed since, never at the cost of a new app, and shown until then."""

import threading
from collections.abc import Callable

import pytest

from deployhost.apps import remove
from deployhost.apps.repositories import Repositories
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.daemon.operations.apps import unfinished
from deployhost.errors import Conflict, DeployhostError, DockerUnavailable
from deployhost.journal.removals import TAKEN_OUT
from deployhost.kamal import contract
from deployhost.model import AppName, EnvName, Secret
from tests.fakes.assembled import Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.life import Crash
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)
SHOP, BLOG = AppName("shop"), AppName("blog")


def listed(server: Server) -> set[AppName]:
    return set(apps.load(server.paths.apps_yml).known)


def add(ops: Operations, *names: AppName) -> None:
    for name in names:
        ops.at_once("app.add", name=name, branch="main")
        assert ops.push(name, ONE)["outcome"] == "ok"


def killed_with_the_entry_there(server: Server, ops: Operations, app: AppName) -> None:
    """Begin to remove an app, and die when its entry is about to go."""

    def dies(path: object, name: AppName, *, ready: Callable[[AppConfig], None], then: Callable[[], None]) -> None:
        ready(apps.load(server.paths.apps_yml).get(name))
        ops.daemon.life.over = True
        raise Crash

    with server.monkeypatch.context() as patch:
        patch.setattr(apps, "remove_app", dies)
        with pytest.raises(Crash):
            ops.at_once("app.remove", name=app)
    ops.daemon.database.close()


def killed_without_the_entry(server: Server, ops: Operations, app: AppName) -> None:
    """Begin to remove an app, and die when its entry has just gone."""

    def dies(_self: remove.Remover, _app: AppName) -> None:
        ops.daemon.life.over = True
        raise Crash

    with server.monkeypatch.context() as patch:
        patch.setattr(remove.Remover, "_finish", dies)
        with pytest.raises(Crash):
            ops.at_once("app.remove", name=app)
    ops.daemon.database.close()


def begun_again(server: Server) -> Operations:
    ops = Operations(server)
    ops.daemon.repositories.sweep()
    ops.daemon.repositories.refresh()
    ops.daemon.converge.run(hurry=True)
    ops.daemon.remover.resume()
    ops.daemon.converge.run()
    return ops


# Finished, whatever else was changed


def test_two_are_open_at_a_kill(server: Server, ops: Operations) -> None:
    """The first that is finished changes apps.yml: that makes the second's app no new one."""
    add(ops, BLOG, SHOP)
    ops.daemon.remover.removals.begin(BLOG, with_storage=False)
    killed_with_the_entry_there(server, ops, SHOP)
    ops = begun_again(server)
    assert ops.daemon.remover.removals.open() == {}
    assert listed(server) == set()


def test_another_app_is_changed_after_a_kill(server: Server, ops: Operations) -> None:
    add(ops, BLOG, SHOP)
    killed_with_the_entry_there(server, ops, SHOP)
    apps.set_storage(server.paths.apps_yml, BLOG, True)
    begun_again(server)
    assert listed(server) == {BLOG}


def test_the_app_that_it_may_reach_is_removed_after_a_kill(server: Server, ops: Operations) -> None:
    add(ops, BLOG)
    server.add("shop", text="may_reach: [blog]")
    assert ops.push(SHOP, ONE)["outcome"] == "ok"
    ops.daemon.remover.removals.begin(BLOG, with_storage=False)
    killed_with_the_entry_there(server, ops, SHOP)
    begun_again(server)
    assert listed(server) == set()


# Never at the cost of a new app


def test_its_own_entry_is_changed_after_a_kill(server: Server, ops: Operations) -> None:
    add(ops, SHOP)
    killed_with_the_entry_there(server, ops, SHOP)
    apps.set_storage(server.paths.apps_yml, SHOP, True)
    ops = begun_again(server)
    assert listed(server) == {SHOP}
    assert ops.daemon.remover.removals.open() == {}


def test_the_same_text_is_put_back(server: Server, ops: Operations) -> None:
    """As an editor's undo does, or a checkout of /etc."""
    add(ops, SHOP)
    text = server.paths.apps_yml.read_text()
    killed_without_the_entry(server, ops, SHOP)
    server.paths.apps_yml.write_text(text)
    ops = begun_again(server)
    assert listed(server) == {SHOP}
    assert ops.daemon.remover.removals.open() == {}


def test_what_was_taken_out_stays_noted(server: Server, ops: Operations) -> None:
    """An attempt to finish it breaks off as well, and only then the entry is put back."""
    add(ops, SHOP)
    text = server.paths.apps_yml.read_text()
    killed_without_the_entry(server, ops, SHOP)
    server.paths.repo(SHOP).mkdir()  # somebody brought something back
    ops = Operations(server)
    with server.monkeypatch.context() as patch:
        patch.setattr(ops.daemon.proxy, "remove", refuse)
        ops.daemon.remover.resume()
    assert ops.daemon.remover.removals.taken_out(SHOP) == TAKEN_OUT
    ops.close()
    server.paths.apps_yml.write_text(text)
    begun_again(server)
    assert listed(server) == {SHOP}


def test_a_lost_app_is_put_back_by_hand_during_its_removal(server: Server, ops: Operations) -> None:
    add(ops, SHOP)
    server.paths.apps_yml.write_text("apps:\n")
    real = remove.Remover._remove_files

    def put_back(self: remove.Remover, app: AppName) -> None:
        server.paths.apps_yml.write_text("apps:\n  shop:\n    domains: [a.example.com]\n")
        real(self, app)

    server.monkeypatch.setattr(remove.Remover, "_remove_files", put_back)
    ops.ask("app.remove", name=SHOP)
    assert listed(server) == {SHOP}
    ops.daemon.repositories.refresh()
    assert server.paths.repo(SHOP).exists()


def test_who_finishes_it_comes_too_late(server: Server, ops: Operations) -> None:
    """An addition waits in `finish` while the removal ends and somebody else adds the app: that one stays, with its data."""
    ops.ask("app.add", name=SHOP, branch="main")
    waits, go = threading.Event(), threading.Event()
    real_open, real_finish = ops.daemon.remover.removals.open, remove.Remover._finish
    ends: list[object] = []

    def add_too() -> None:
        try:
            ends.append(ops.at_once("app.add", name=SHOP, branch="main"))
        except Conflict as error:
            ends.append(error.message)

    adding = threading.Thread(target=add_too)

    def opened() -> dict[AppName, bool]:
        found = real_open()
        if threading.current_thread() is adding and not waits.is_set():
            waits.set()
            assert go.wait(10)
        return found

    def finish(self: remove.Remover, app: AppName) -> None:
        if adding.ident is None:
            adding.start()
            assert waits.wait(5)
        real_finish(self, app)

    server.monkeypatch.setattr(ops.daemon.remover.removals, "open", opened)
    server.monkeypatch.setattr(remove.Remover, "_finish", finish)
    server.paths.storage(SHOP).mkdir(parents=True)
    ops.at_once("app.remove", name=SHOP, storage=True)
    ops.at_once("app.add", name=SHOP, branch="main")
    server.set_env(ops.daemon, SHOP, KEY="new")
    server.paths.storage(SHOP).mkdir(parents=True)
    assert ops.push(SHOP, TWO)["outcome"] == "ok"
    go.set()
    adding.join(20)
    assert ends == ["there is an app shop already"]
    assert ops.daemon.env.read(SHOP) == {EnvName("KEY"): Secret("new")}
    assert server.paths.storage(SHOP).is_dir()
    assert ops.daemon.live(SHOP).sha == TWO


# Shown, and tried again


def refuse(*_: object) -> None:
    raise DeployhostError("the proxy refused")


def fails_late(server: Server, ops: Operations) -> None:
    """Have a removal fail once its entry is gone."""
    real, calls = Repositories.delete, list[AppName]()

    def delete(self: Repositories, app: AppName) -> None:
        calls.append(app)
        if len(calls) == 2:
            raise Conflict("another process has held apps.yml.lock for more than 10 s")
        real(self, app)

    with server.monkeypatch.context() as patch:
        patch.setattr(Repositories, "delete", delete)
        with pytest.raises(Conflict):
            ops.ask("app.remove", name=SHOP)


def test_one_that_failed_is_shown_until_it_is_finished(server: Server, ops: Operations) -> None:
    ops.ask("app.add", name=SHOP)
    fails_late(server, ops)
    expected = {
        "message": "the removal of shop can't be finished: another process has held apps.yml.lock for more than 10 s",
        "hint": "deployhost remove shop",
    }
    assert unfinished(ops.daemon.remover) == [expected]
    ops.daemon.remover.retry()
    assert ops.daemon.remover.removals.open() == {}
    assert unfinished(ops.daemon.remover) == []


def test_one_that_failed_late_can_be_asked_for_again(server: Server, ops: Operations) -> None:
    ops.ask("app.add", name=SHOP)
    fails_late(server, ops)
    assert listed(server) == set()
    ops.ask("app.remove", name=SHOP)
    assert ops.daemon.remover.removals.open() == {}
    assert unfinished(ops.daemon.remover) == []


def test_one_that_failed_late_leaves_room_for_a_new_app(server: Server, ops: Operations) -> None:
    ops.ask("app.add", name=SHOP)
    fails_late(server, ops)
    apps.add_app(server.paths.apps_yml, SHOP)
    ops.daemon.remover.retry()
    ops.daemon.repositories.refresh()
    assert listed(server) == {SHOP}
    assert server.paths.repo(SHOP).exists()
    assert unfinished(ops.daemon.remover) == []


def test_it_is_tried_again_and_logged_once(server: Server, ops: Operations, caplog: pytest.LogCaptureFixture) -> None:
    add(ops, SHOP)
    with server.monkeypatch.context() as patch:
        patch.setattr(ops.daemon.proxy, "remove", refuse)
        with pytest.raises(DeployhostError, match="the proxy refused"):
            ops.ask("app.remove", name=SHOP)
        for _ in range(3):
            ops.daemon.remover.retry()
        assert listed(server) == {SHOP}
        assert [one["message"] for one in unfinished(ops.daemon.remover)] == [
            "the removal of shop can't be finished: the proxy refused"
        ]
    assert len([text for text in caplog.messages if "the proxy refused" in text]) <= 1
    ops.daemon.remover.retry()
    assert listed(server) == set()
    assert unfinished(ops.daemon.remover) == []


def test_what_is_being_worked_on_is_not_waited_for(server: Server, ops: Operations) -> None:
    add(ops, SHOP)
    ops.daemon.remover.removals.begin(SHOP, with_storage=False)
    with ops.daemon.locks.held(SHOP, remove.NO_VERSION, patience=0, waiting=lambda _: None):
        ops.daemon.remover.retry()
        assert unfinished(ops.daemon.remover) == [], "it is under way"
    (server.paths.kamal / "lock-shop").mkdir(parents=True)
    ops.daemon.remover.retry()
    [warning] = unfinished(ops.daemon.remover)
    assert "Kamal's lock on shop is held" in warning["message"]
    (server.paths.kamal / "lock-shop").rmdir()
    ops.daemon.remover.retry()
    assert listed(server) == set()


def test_one_that_cannot_be_looked_at_has_not_begun(server: Server, ops: Operations) -> None:
    add(ops, SHOP)

    def away(*_: object) -> None:
        raise DockerUnavailable("no docker")

    with server.monkeypatch.context() as patch:
        patch.setattr(ops.daemon.docker, "containers", away)
        with pytest.raises(DockerUnavailable):
            ops.ask("app.remove", name=SHOP)
    assert ops.daemon.remover.removals.open() == {}
    assert ops.push(SHOP, TWO)["outcome"] == "ok"


# What a deploy left that ran while its app was removed


@pytest.mark.parametrize("dies", [False, True])
def test_sweeping_breaks_off(server: Server, ops: Operations, *, dies: bool) -> None:
    ops.ask("app.add", name=SHOP, branch="main")
    running, ended = ops.building(SHOP, ONE)
    ops.at_once("app.remove", name=SHOP)
    version = ops.daemon.deploys.get(running).version
    assert version is not None
    ops.daemon.life.over = True
    ended.set()
    settle()
    ops.daemon.workers._busy.clear()
    ops.daemon.database.close()
    server.engine.add_image(Behaviour(), contract.image(SHOP, version), labels={"service": "shop"})
    server.paths.build_tree(SHOP).mkdir(parents=True, exist_ok=True)

    def fails(*_: object) -> None:
        raise Crash if dies else DockerUnavailable("it is being restarted")

    ops = Operations(server)
    with server.monkeypatch.context() as patch:
        patch.setattr(remove, "remove_build_files", fails) if dies else patch.setattr(
            ops.daemon.docker, "remove_image", fails
        )
        with pytest.raises(Crash if dies else DockerUnavailable):
            ops.daemon.remover.resume()
    ops.daemon.remover.resume()
    assert [tag for image in server.engine.images.values() for tag in image.tags] == []
    assert not server.paths.build_tree(SHOP).exists()
    assert ops.daemon.deploys.forgotten() == []
    ops.close()
