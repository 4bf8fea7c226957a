"""Removals that break off anywhere, that two people ask for, and that an addition or a push comes between."""

import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.apps import remove
from deployhost.apps.repositories import Repositories
from deployhost.config import apps
from deployhost.errors import AppNotFound, Conflict
from deployhost.model import AppName, Deploy, EnvName, Secret
from tests.fakes.assembled import Server, settle, sha, wait_until
from tests.fakes.life import Crash, Life
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)
SHOP = AppName("shop")
ALIVE: list[Life] = []  # the daemon that lives


def full(server: Server, ops: Operations) -> None:
    """Have the app shop with everything that an app may have, beside blog."""
    server.add("blog")
    ops.ask("app.add", name=SHOP, branch="main")
    assert ops.push(SHOP, ONE)["outcome"] == "ok"
    server.set_env(ops.daemon, SHOP, KEY="value")
    ops.daemon.repositories.refresh()
    for directory in (server.paths.build_tree(SHOP), server.paths.build_work(SHOP)):
        directory.mkdir(parents=True, exist_ok=True)


def left(server: Server, ops: Operations) -> list[str]:
    """Return what there is of shop: nothing, once it is removed."""
    found = [f"file {path.relative_to(server.paths.root)}" for path in server.paths.root.rglob("*shop*")]
    found += [f"container {one.name}" for one in server.engine.containers.values() if one.labels["service"] == SHOP]
    found += [f"image {tag}" for image in server.engine.images.values() for tag in image.tags if "/shop:" in tag]
    found += [f"route {name}" for name in server.table.routes if name.startswith("shop")]
    found += [f"release {release.version}" for release in ops.daemon.releases.of_app(SHOP)]
    found += [f"deploy {deploy.id}" for deploy in ops.daemon.deploys.of_app(SHOP)]
    found += [f"removal of {app}" for app in ops.daemon.remover.removals.open()]
    return found + (["listed"] if SHOP in apps.load(server.paths.apps_yml).known else [])


@pytest.fixture
def count_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have effects on files count too: before and after each."""

    def count(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def counting(*arguments: object, **more: object) -> object:
            [life] = ALIVE
            life.effect(f"before {name}")
            result = real(*arguments, **more)
            life.effect(f"after {name}")
            return result

        monkeypatch.setattr(owner, name, counting)

    count(Repositories, "delete")
    count(remove, "remove_build_files")
    count(apps, "remove_app")


def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Yield servers, each with the app shop, whose daemon has died one effect later in removing it than that of the one before."""
    for effect in itertools.count(1):
        with tempfile.TemporaryDirectory(prefix="dh") as directory:
            server = Server(Path(directory), monkeypatch)
            ops = Operations(server)
            life = ops.daemon.life
            ALIVE[:] = [life]
            full(server, ops)
            life._break_at = len(life.effects) + effect
            try:
                ops.at_once("app.remove", name=SHOP)
            except Crash:
                ops.daemon.database.close()
                yield server
            else:
                assert left(server, ops) == []
                assert effect > 15, life.effects
                return


def begun_again(server: Server) -> Operations:
    """Start the next daemon, as `main` does, up to where it answers."""
    ops = Operations(server)
    ALIVE[:] = [ops.daemon.life]
    ops.daemon.repositories.sweep()
    ops.daemon.repositories.refresh()
    return ops


def tended(ops: Operations) -> None:
    ops.daemon.converge.run(hurry=True)
    ops.daemon.remover.resume()
    ops.daemon.converge.run()


def test_killed_anywhere(monkeypatch: pytest.MonkeyPatch, count_files: None) -> None:
    for server in killed(monkeypatch):
        ops = begun_again(server)
        began = ops.daemon.remover.removals.open() != {} or SHOP not in apps.load(server.paths.apps_yml).known
        tended(ops)
        if began:
            assert left(server, ops) == []
        else:
            assert ops.daemon.live(SHOP).sha == ONE, "it had not begun yet"
        ops.close()


@pytest.mark.parametrize("by_hand", [False, True])
def test_added_again_before_it_is_finished(
    monkeypatch: pytest.MonkeyPatch, count_files: None, *, by_hand: bool
) -> None:
    """The next app of that name is whole, whatever of the removal of the first is still to be done."""
    times = 0
    for server in killed(monkeypatch):
        if SHOP in apps.load(server.paths.apps_yml).known:
            continue  # it is an app yet
        times += 1
        if by_hand:
            apps.add_app(server.paths.apps_yml, SHOP)
        ops = begun_again(server)
        if not by_hand:
            ops.at_once("app.add", name=SHOP)
        tended(ops)
        ops.daemon.repositories.refresh()
        assert ops.daemon.remover.removals.open() == {}
        assert SHOP in apps.load(server.paths.apps_yml).known
        assert server.paths.repo(SHOP).exists()
        [shown] = ops.at_once("app.status", name=SHOP)["apps"]
        assert (shown["state"], shown["last_deploy"]) == ("empty", None)
        assert ops.push(SHOP, TWO)["outcome"] == "ok"
        tended(ops)
        assert ops.daemon.live(SHOP).sha == TWO
        ops.close()
    assert times > 5


def test_a_repository_that_came_back(server: Server, ops: Operations) -> None:
    """The entry is gone and the removal is not done: the next start deletes what somebody brought back."""
    ops.ask("app.add", name=SHOP)
    ops.daemon.remover.removals.begin(SHOP, with_storage=False)
    server.paths.apps_yml.write_text("apps:\n")
    assert server.paths.repo(SHOP).exists()
    assert ops.daemon.converge.run().steps == (), "that is the removal's"
    ops.daemon.remover.resume()
    assert left(server, ops) == []


def during(server: Server, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Have something happen when a removal has just taken the app out of apps.yml."""
    real = remove.Remover._finish

    def finish(self: remove.Remover, app: AppName) -> None:
        happens()
        real(self, app)

    monkeypatch.setattr(remove.Remover, "_finish", finish)


def test_hooks_are_refreshed_in_between(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    full(server, ops)
    stale = apps.load(server.paths.apps_yml)
    monkeypatch.setattr(ops.daemon.repositories.apps, "now", lambda: stale)
    during(server, monkeypatch, ops.daemon.repositories.refresh)
    ops.ask("app.remove", name=SHOP)
    assert left(server, ops) == []


def test_variables_are_set_in_between(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    full(server, ops)
    during(server, monkeypatch, lambda: server.set_env(ops.daemon, SHOP, KEY="value"))
    ops.ask("app.remove", name=SHOP)
    assert left(server, ops) == []


def test_added_by_hand_in_between(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its repository once the removal has ended, by the next refresh."""
    full(server, ops)

    def by_hand() -> None:
        apps.add_app(server.paths.apps_yml, SHOP)
        ops.daemon.repositories.refresh()

    during(server, monkeypatch, by_hand)
    ops.ask("app.remove", name=SHOP)
    assert not server.paths.repo(SHOP).exists()
    ops.daemon.repositories.refresh()
    assert server.paths.repo(SHOP).exists()
    [shown] = ops.ask("app.status", name=SHOP)["apps"]
    assert (shown["state"], shown["last_deploy"]) == ("empty", None)


def test_pushed_in_between(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that read apps.yml before: nothing of it comes up."""
    full(server, ops)
    pushed: list[Deploy] = []
    during(server, monkeypatch, lambda: pushed.append(ops.accept(SHOP, TWO)))

    ops.ask("app.remove", name=SHOP)
    assert [one for one in left(server, ops) if not one.startswith("file var/lib/deployhost/deploys")] == []


def test_added_while_it_is_removed(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addition waits for the removal's end: nothing of the new app is deleted."""
    full(server, ops)
    results: list[object] = []

    def add() -> None:
        try:
            results.append(ops.at_once("app.add", name=SHOP)["state"])
        except Conflict as error:
            results.append(error)

    adding = threading.Thread(target=add)

    def begin() -> None:
        adding.start()
        adding.join(0.2)
        assert results == []

    during(server, monkeypatch, begin)
    ops.ask("app.remove", name=SHOP)
    adding.join(10)
    assert results == ["empty"]
    assert server.paths.repo(SHOP).exists()
    assert ops.daemon.env.read(SHOP) == {}


def test_two_removals_and_an_addition(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has nothing to remove, and does not take the app that was added in between for the first."""
    full(server, ops)
    ended, second = threading.Event(), list[object]()

    def remove_too() -> None:
        try:
            second.append(ops.at_once("app.remove", name=SHOP))
        except AppNotFound as error:
            second.append(error.message)

    removing = threading.Thread(target=remove_too)
    real = ops.daemon.locks._take

    def waits(directory: object, version: object) -> bool:
        if threading.current_thread() is removing:
            assert ended.wait(10)
        return real(directory, version)  # type: ignore[arg-type]

    monkeypatch.setattr(ops.daemon.locks, "_take", waits)
    removing.start()
    ops.ask("app.remove", name=SHOP)
    ops.ask("app.add", name=SHOP)
    server.set_env(ops.daemon, SHOP, KEY="new")
    ended.set()
    removing.join(10)
    assert second == ["there is no app shop any more"]
    assert SHOP in apps.load(server.paths.apps_yml).known
    assert ops.daemon.env.read(SHOP) == {EnvName("KEY"): Secret("new")}
    assert ops.daemon.remover.removals.open() == {}


def test_two_removals_at_once(server: Server, ops: Operations) -> None:
    full(server, ops)
    ends: list[str] = []

    def remove_it() -> None:
        try:
            ops.at_once("app.remove", name=SHOP)
            ends.append("removed")
        except AppNotFound:
            ends.append("not there")

    threads = [threading.Thread(target=remove_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ends) == ["not there", "not there", "removed"]
    assert left(server, ops) == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_build_that_outlasts_its_app(server: Server, ops: Operations, *, fails: bool) -> None:
    """What it wrote since the removal goes with its end, its tree as well."""
    ops.ask("app.add", name=SHOP, branch="main")

    def writes() -> None:
        server.paths.build_tree(SHOP).mkdir(parents=True, exist_ok=True)
        if fails:
            raise Conflict("the build failed")

    running, ended = ops.building(SHOP, ONE, writes)
    ops.at_once("app.remove", name=SHOP)
    ended.set()
    wait_until(lambda: not ops.daemon.workers.works_on(running))
    settle()
    assert [one for one in left(server, ops) if "/deploys/" not in one] == []


def test_a_build_that_outlasts_its_app_and_the_daemon(server: Server, ops: Operations) -> None:
    ops.ask("app.add", name=SHOP, branch="main")
    _, ended = ops.building(SHOP, ONE)
    ops.at_once("app.remove", name=SHOP)
    server.paths.build_tree(SHOP).mkdir(parents=True, exist_ok=True)
    ops.daemon.life.over = True
    ended.set()
    settle()
    ops.daemon.workers._busy.clear()
    following = begun_again(server)
    tended(following)
    assert left(server, following) == []
