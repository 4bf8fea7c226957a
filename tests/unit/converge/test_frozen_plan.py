"""A container that somebody froze (`docker pause`) is reported with the command that lets it go on, and left as it is."""

from dataclasses import replace

import pytest

from deployhost.errors import SwitchFailed
from deployhost.model import WEB, AppName, DeployStatus, Sha
from deployhost.steps import Severity
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import WITH_WORKER, FakeDocker
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.operations import Operations
from tests.fakes.recovering import check

ONE, TWO = sha(1), sha(2)


def freeze(server: Server, role: str) -> str:
    """Do `docker pause` with what runs of that role, and return its id."""
    (found,) = [one.id for one in server.engine.running if one.labels["role"] == role]
    server.engine.freeze(found)
    return found


def later(server: Server, daemon: Assembled) -> None:
    server.now += 100
    daemon.converge.run()
    settle()


def name(role: str, commit: Sha = ONE) -> str:
    return f"shop-{role}-{commit}"


def test_the_whole_way(server: Server) -> None:
    """Frozen, reported by converge and status, and let go on."""
    app, ops = server.add("shop"), Operations(server)
    ops.push(app, ONE)
    converge, web = ops.daemon.converge, freeze(server, WEB)
    effects = len(ops.daemon.life.effects)
    for plan in (converge.plan(), converge.run()):
        assert plan.steps == ()
        assert plan.notes == (
            f"{name(WEB)} is frozen (docker pause); shop answers no request until it goes on: docker unpause {name(WEB)}",
        )
    assert len(ops.daemon.life.effects) == effects, "who froze it meant to"
    [found] = converge.findings()
    assert (found.severity, found.fix) == (Severity.ERROR, f"docker unpause {name(WEB)}")
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert view["state"] == "down"
    assert view["note"] == f"it is frozen (docker pause); to let it go on: docker unpause {name(WEB)}"
    server.engine.thaw(web)
    assert converge.run().notes == ()
    assert converge.findings() == ()
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert (view["state"], view["note"]) == ("live", "")


@pytest.mark.parametrize("strategy", ["overlap", "handover"])
@pytest.mark.parametrize("roles", [(WEB,), ("worker",), (WEB, "worker")])
def test_a_deploy_replaces_it(server: Server, strategy: str, roles: tuple[str, ...]) -> None:
    """The engine lets a frozen container go on when it is stopped, so that it gets the signal."""
    server.behaviours[ONE] = server.behaviours[TWO] = WITH_WORKER
    app = server.add("shop", text=f"strategy: {strategy}")
    daemon = server.start()
    daemon.deploy(app, ONE)
    frozen = [freeze(server, role) for role in roles]
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    later(server, daemon)
    check(server, daemon, app, TWO)
    assert {server.engine.containers[one].status for one in frozen} == {"exited"}
    assert daemon.converge.findings() == ()


def test_a_frozen_worker(server: Server) -> None:
    server.behaviours[ONE] = WITH_WORKER
    app, ops = server.add("shop"), Operations(server)
    ops.push(app, ONE)
    freeze(server, "worker")
    [note] = ops.daemon.converge.run().notes
    assert note.startswith(f"{name('worker')} is frozen (docker pause); the process worker of shop does nothing until")
    assert note.endswith(f": docker unpause {name('worker')}")
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert view["state"] == "live"
    assert view["note"] == f"worker: it is frozen (docker pause); to let it go on: docker unpause {name('worker')}"


def test_what_was_removed_beside_it_waits(server: Server, app: AppName, daemon: Assembled) -> None:
    """To make the worker anew would replace the web container that somebody froze."""
    web = freeze(server, WEB)
    (worker,) = [one.id for one in server.engine.running if one.labels["role"] == "worker"]
    FakeDocker(server.engine).remove(worker, force=True)
    assert not daemon.converge.run()
    server.engine.thaw(web)
    assert [step.word for step in daemon.converge.run()] == ["MakeAgain"]


def test_what_a_person_stopped_and_froze_does_not_run_again(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    FakeDocker(server.engine).stop(web)
    assert [step.word for step in daemon.converge.run()] == ["NoteStopped"]
    FakeDocker(server.engine).start(web)
    server.engine.freeze(web)
    assert not daemon.converge.run()
    server.engine.thaw(web)
    assert [step.word for step in daemon.converge.run()] == ["NoteStopped"]
    assert daemon.live(app).stopped == ""


def test_one_that_nobody_needs_is_left(server: Server, app: AppName, daemon: Assembled) -> None:
    """It would be stopped as a stray; it is, once it goes on."""
    old = daemon.live(app).container
    daemon.deploy(app, TWO)
    later(server, daemon)
    FakeDocker(server.engine).start(old)
    server.engine.freeze(old)
    plan = daemon.converge.run()
    assert not plan
    assert plan.notes == (
        f"{name(WEB)} is frozen (docker pause); it is left as it is until it goes on: docker unpause {name(WEB)}",
    )
    assert [found.severity for found in daemon.converge.findings()] == [Severity.WARNING]
    server.engine.thaw(old)
    assert [step.word for step in daemon.converge.run()] == ["StopContainer"]


def test_what_kamal_deployed_and_somebody_froze_is_live(server: Server, app: AppName, daemon: Assembled) -> None:
    """Freezing it is no wish to go back: it is adopted, and reported."""
    theirs = KamalByHand(server).deploy(app, TWO, stop_old=False)
    server.engine.freeze(theirs)
    assert "Adopt" in [step.word for step in daemon.converge.run()]
    live = daemon.releases.live(app)
    assert live is not None
    assert live.container == theirs
    assert f"docker unpause {server.engine.containers[theirs].name}" in daemon.converge.notes(app)[0]


def test_what_runs_is_adopted_rather_than_what_is_frozen(server: Server, app: AppName, daemon: Assembled) -> None:
    """Neither the journal nor the proxy knows what was live: what can serve does."""
    old = daemon.live(app).container
    daemon.deploy(app, TWO)
    newer = daemon.live(app).container
    FakeDocker(server.engine).start(old)
    server.engine.freeze(newer)
    daemon.database.close()
    for left in server.paths.state.glob("journal.db*"):
        left.unlink()
    server.table.routes.clear()
    following = server.start()
    following.converge.run()
    settle()
    assert following.live(app).container == old
    assert server.engine.containers[newer].status == "paused"


def test_an_app_that_apps_yml_has_lost_is_not_reported(server: Server, app: AppName, daemon: Assembled) -> None:
    freeze(server, WEB)
    server.paths.apps_yml.write_text("apps: {}\n")
    daemon.converge.run()
    assert daemon.converge.findings() == ()


def test_a_frozen_proxy(server: Server, app: AppName, daemon: Assembled) -> None:
    """Nothing can be asked of it: that is reported at once, with the command, and not after a time-out."""
    assert server.engine.proxy is not None
    server.engine.proxy = replace(server.engine.proxy, status="paused")
    server.table.down = True
    told = "kamal-proxy is frozen (docker pause); no app can be reached until it goes on"
    for _ in range(2):
        with pytest.raises(SwitchFailed) as error:
            daemon.converge.run()
        assert (error.value.message, error.value.hint) == (told, "docker unpause kamal-proxy")
    assert daemon.converge.plan().notes == (
        f"{told}: docker unpause kamal-proxy",
        "the apps' routes are looked at once kamal-proxy answers",
    )
    assert [found.fix for found in daemon.converge.findings()] == ["docker unpause kamal-proxy"]
    assert daemon.converge.warnings() == (), "status has it as what the run failed with"
    server.engine.proxy, server.table.down = replace(server.engine.proxy, status="running"), False
    daemon.converge.run()
    assert daemon.converge.findings() == ()
