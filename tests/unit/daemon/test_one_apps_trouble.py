"""Whatever one app raises where the daemon goes through all apps is that app's trouble alone, and `status` shows it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployhost.apps.remove import Remover
from deployhost.apps.repositories import Repositories
from deployhost.apps.running import RunningReader
from deployhost.apps.view import Views
from deployhost.converge import rounds
from deployhost.converge.read import FactsReader
from deployhost.daemon import jobs, main, worker
from deployhost.daemon.schedule import Schedule
from deployhost.daemon.schedule_plan import Lane
from deployhost.deploy import queue
from deployhost.deploy.watch import Watch
from deployhost.model import AppName, Deploy, DeployStatus
from deployhost.upkeep.prune import Pruner
from tests.fakes.assembled import Assembled, Server, settle, sha, wait_until
from tests.fakes.on_github import OnGitHub
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)
BAD, GOOD = AppName("bad"), AppName("good")

errors = pytest.mark.parametrize(
    "error",
    [Exception("x" * 100_000), RecursionError("too deep"), MemoryError()],
    ids=lambda error: type(error).__name__,
)


def names(*arguments: object) -> bool:
    """Return whether one of the arguments is the bad app, or of it."""
    return any(BAD in (one, getattr(one, "app", None), getattr(one, "name", None)) for one in arguments)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have a function raise an error for the bad app."""

    def broken(owner: object, name: str, error: Exception) -> None:
        original = getattr(owner, name)

        def instead(*arguments: Any, **options: Any) -> Any:
            if names(*arguments):
                raise error
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, instead)

    return broken


@pytest.fixture
def apps(server: Server, ops: Operations) -> Assembled:
    """Return a daemon of two apps, the bad one first, whose first commits are live."""
    for app in (BAD, GOOD):
        server.add(app)
        ops.push(app, ONE)
    return ops.daemon


def shown(ops: Operations) -> list[str]:
    """Return what `status` shows of the bad app."""
    found = [one["what"] for one in ops.ask("app.status")["server"]["findings"]]
    assert all(len(one) < 1000 for one in found)
    return [one for one in found if BAD in one]


def the_good_one_deploys(ops: Operations) -> None:
    ops.push(GOOD, TWO)
    assert ops.daemon.live(GOOD).sha == TWO


@errors
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (FactsReader, "_app"),
        (rounds, "plan_app"),
        (rounds, "adoption"),
        (rounds.Converge, "_held"),
        (rounds.Converge, "_rounds"),
    ],
)
def test_at_the_start_and_while_converging(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception, owner: object, name: str
) -> None:  # fmt: skip
    for app in (BAD, GOOD):  # so that there is something to be done for both
        live = server.engine.containers[apps.live(app).container]
        server.engine.containers[live.id] = replace(live, status="exited", pid=0, exit_code=255)
    broken(owner, name, error)
    main._begin(apps)
    for _ in range(2):
        jobs.converge(apps)
    assert server.engine.containers[apps.live(GOOD).container].running
    the_good_one_deploys(ops)
    if name != "adoption":  # which is part of the app's plan too, and told there
        assert shown(ops)


@errors
def test_a_defect_of_converging_itself(
    ops: Operations, apps: Assembled, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing opens the queue but the daemon's beginning: it must not wait for a defect to go away."""

    def run(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(apps.converge, "run", run)
    monkeypatch.setattr(Remover, "resume", run)
    apps.workers._opened = False
    main._begin(apps)
    the_good_one_deploys(ops)
    assert "a defect of deployhost" in apps.troubles.lasting("converging")


@errors
def test_a_repository(ops: Operations, apps: Assembled, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[AppName] = []

    def mended(_self: Repositories, app: AppName) -> bool:
        seen.append(app)
        if app == BAD:
            raise error
        return True

    monkeypatch.setattr(Repositories, "_mended", mended)
    main._prepare(apps)
    assert seen == [BAD, GOOD]
    assert shown(ops)
    the_good_one_deploys(ops)


@errors
def test_a_removal(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception
) -> None:
    for app in (BAD, GOOD):
        apps.removals.begin(app, with_storage=False, listed=True)
    broken(Remover, "_remove", error)
    main._begin(apps)
    apps.remover.retry()
    assert list(apps.removals.open()) == [BAD]
    assert shown(ops)


@errors
def test_what_a_removed_app_left(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception
) -> None:
    seen: list[int] = []
    broken(Remover, "_sweep", error)
    left = [replace(apps.deploys.of_app(app)[0], id=number) for number, app in ((1, BAD), (2, GOOD))]
    apps.deploys.forgotten = lambda: left  # type: ignore[method-assign]
    apps.deploys.sweep = seen.append  # type: ignore[method-assign,assignment]
    main._begin(apps)
    assert seen == [2]


@errors
def test_a_worker(
    ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(apps.workers, "run", error)
    broken(rounds.Converge, "mend", error)
    deploy = ops.accept(BAD, TWO)
    what = f"bringing deploy {deploy.id} of bad in order"
    wait_until(lambda: bool(apps.troubles.lasting(what)))
    assert apps.deploys.get(deploy.id).status is DeployStatus.QUEUED
    accepted = ops.accept(GOOD, TWO)
    wait_until(lambda: apps.deploys.get(accepted.id).status is DeployStatus.LIVE)
    assert shown_now(apps)
    monkeypatch.undo()
    ops.rest()
    assert apps.deploys.get(deploy.id).status is DeployStatus.LIVE
    assert not shown_now(apps)


@errors
def test_a_queue(ops: Operations, apps: Assembled, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker ends, and another is started at the next look."""
    next_of = queue.next_of

    def instead(deploys: Any) -> Deploy | None:
        found = next_of(deploys)
        if found is not None and found.app == BAD:
            raise error
        return found

    monkeypatch.setattr(worker, "next_of", instead)
    deploy = ops.accept(BAD, TWO)
    ops.rest()
    assert shown_now(apps)
    the_good_one_deploys(ops)
    monkeypatch.undo()
    apps.workers.open()
    ops.rest()
    assert apps.deploys.get(deploy.id).status is DeployStatus.LIVE
    assert not shown_now(apps)


@errors
def test_the_watch(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    broken(Watch, "_look", error)
    server.now += 200
    apps.watch.tick()
    assert [release.app for release in apps.releases.on_probation()] == [BAD]
    assert shown(ops)
    monkeypatch.undo()
    apps.watch.tick()
    assert not shown(ops)


@errors
def test_a_job(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Of an app's own, and one that goes through all of them."""
    asked: list[AppName] = []
    there = OnGitHub(server, ONE)
    for app in ("bad2", "good2"):
        there.add(app)
    monkeypatch.setattr(apps.look_queue, "ask", asked.append)
    broken(apps.look_queue, "ask", error)
    monkeypatch.setattr("tests.unit.daemon.test_one_apps_trouble.BAD", AppName("bad2"))
    schedule = Schedule(jobs=jobs.jobs(apps), troubles=apps.troubles, runs=apps.runs, clock=apps.clock)
    schedule.round(Lane.QUICK)
    assert asked == ["good2"]
    assert shown(ops)
    monkeypatch.setattr(Schedule, "_next", lambda *_: (_ for _ in ()).throw(error))
    assert not apps.troubles.went_well("doing quick jobs", lambda: schedule.round(Lane.QUICK))


@errors
def test_a_look_at_a_repository(
    ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception
) -> None:
    broken(apps.look_queue, "look", error)
    for app in (BAD, GOOD):
        apps.look_queue.ask(app)
    wait_until(lambda: apps.look_queue.idle)
    settle()
    assert shown(ops)


@errors
def test_making_room(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception
) -> None:
    """One app's trouble does not keep what others left on a disk that is full."""
    removed: list[object] = []
    broken(Pruner, "surplus", error)
    apps.pruner.remove = removed.append  # type: ignore[method-assign,assignment]
    assert len(apps.disk_guard._make_room()) == 1
    assert len(removed) == 1


@errors
@pytest.mark.parametrize("owner", [Views, RunningReader])
def test_what_is_shown(
    ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception, owner: type
) -> None:
    broken(owner, "app" if owner is Views else "_of", error)
    for op in ("app.list", "app.status"):
        bad, good = ops.ask(op)["apps"]
        assert (bad["name"], bad["state"]) == (BAD, "unknown")
        assert bad["note"].startswith("it can't be shown: a defect of deployhost")
        assert len(bad["note"]) < 1000
        assert (good["name"], good["state"]) == (GOOD, "live")
    assert ops.ask("app.status", name=BAD)["apps"][0]["state"] == "unknown"


@errors
def test_what_nobody_can_read_of_an_app_that_is_not_listed(
    server: Server, ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception
) -> None:
    server.paths.apps_yml.write_text(f"apps:\n  {GOOD}: {{branch: main}}\n")
    broken(Views, "unread", error)
    assert [one["state"] for one in ops.ask("app.list")["apps"]] == ["live", "unknown"]


@errors
def test_pruning_by_hand(ops: Operations, apps: Assembled, broken: Callable[..., None], error: Exception) -> None:
    removed: list[object] = []
    broken(Pruner, "surplus", error)
    apps.pruner.remove = removed.append  # type: ignore[method-assign,assignment]
    with pytest.raises(type(error)):
        ops.ask("prune")
    assert len(removed) == 1


def shown_now(daemon: Assembled) -> list[str]:
    """Return what `status` will show of the bad app while a worker is at it."""
    return [one["message"] for one in daemon.troubles.now() if BAD in one["message"]]
