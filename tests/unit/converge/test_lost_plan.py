"""A process whose container somebody removed is made anew, by one restart."""

from dataclasses import replace

import pytest

from deployhost.apps.notes import workers
from deployhost.build.labels import WORKERS_LABEL
from deployhost.converge.findings.lost_plan import REMOVED_AGAIN, lost
from deployhost.model import AppName, Deploy, DeployStatus, Trigger
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import WITH_WORKER, FakeDocker
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.recovering import check
from tests.unit.converge.seen import BROUGHT, FACTS, WEB_SEEN, deploy

ONE, TWO = sha(1), sha(2)

SERVICE = "shop-web"
REASON = "the container of the process mailer and the process worker was removed"


def remove(server: Server, role: str) -> None:
    """Do `docker rm -f` with what runs of that role."""
    for one in list(server.engine.running):
        if one.labels.get("role") == role:
            FakeDocker(server.engine).remove(one.id, force=True)


def did(daemon: Assembled) -> list[str]:
    return [step.word for step in daemon.converge.run()]


def later(server: Server, daemon: Assembled) -> None:
    server.now += 100
    daemon.converge.run()
    settle()


@pytest.mark.parametrize("role", ["worker", "web"])
@pytest.mark.parametrize("strategy", ["overlap", "handover"])
def test_removed(server: Server, role: str, strategy: str) -> None:
    server.behaviours[ONE] = WITH_WORKER
    app = server.add("blog", text=f"strategy: {strategy}")
    daemon = server.start()
    daemon.deploy(app, ONE)
    remove(server, role)
    assert [step.what for step in daemon.converge.plan()] == [f"restart blog, which makes the process {role} anew"]
    woken: list[AppName] = []
    server.monkeypatch.setattr(daemon.workers, "wake", woken.append)
    assert did(daemon) == ["MakeAgain"]
    assert woken == [app]
    assert did(daemon) == [], "it is under way"
    [queued] = daemon.deploys.open()
    assert (queued.trigger, queued.sha) == (Trigger.RESTART, ONE)
    assert queued.reason == f"the container of the process {role} was removed"
    daemon.work_off()
    later(server, daemon)
    assert not daemon.converge.plan()
    assert daemon.live(app).deploy == queued.id
    check(server, daemon, app, ONE)


def test_removed_while_no_daemon_ran(server: Server, app: AppName, daemon: Assembled) -> None:
    remove(server, "worker")
    daemon = server.start()
    assert [type(step).__name__ for step in daemon.converge.run(hurry=True)] == ["MakeAgain"]
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, ONE)


def test_a_restart_that_fails_is_not_tried_again(server: Server, app: AppName, daemon: Assembled) -> None:
    remove(server, "worker")
    image = daemon.live(app).image
    server.engine.behaviours[image] = replace(WITH_WORKER, ends={"python worker.py": 3})
    assert did(daemon) == ["MakeAgain"]
    daemon.work_off()
    before = daemon.live(app)
    for _ in range(3):
        later(server, daemon)
    assert [one.status for one in daemon.deploys.of_app(app)] == ["failed", "live"]
    assert daemon.converge.notes(app) == (
        "the container of the process worker of shop is gone: deployhost restart shop",
    )
    assert daemon.live(app) == before, "what serves goes on"
    assert workers([server.engine.containers[before.container]]) == (
        "worker: its container is gone; to start it again: deployhost restart shop"
    ), "in status, too"
    server.engine.behaviours[image] = WITH_WORKER
    daemon.deploy(app, ONE, Trigger.RESTART)
    later(server, daemon)
    check(server, daemon, app, ONE)


@pytest.mark.parametrize("how", [DeployStatus.CANCELLED, DeployStatus.FAILED])
def test_what_came_to_nothing_before_the_removal(
    server: Server, app: AppName, daemon: Assembled, how: DeployStatus
) -> None:
    """Changed settings that were cancelled or failed say nothing of a restart with what is wanted now."""
    settings = daemon.accept(app, ONE, Trigger.SETTINGS)
    daemon.deploys.end(settings.id, how)
    remove(server, "web")
    assert did(daemon) == ["MakeAgain"]
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, ONE)


def test_what_is_removed_again_and_again(server: Server, app: AppName, daemon: Assembled) -> None:
    """Somebody's script is not fought with as fast as it runs; a person who does that twice has it back twice."""
    remove(server, "worker")
    assert did(daemon) == ["MakeAgain"]
    daemon.work_off()
    daemon.converge.run()
    remove(server, "worker")
    assert did(daemon) == []
    assert "is gone" in daemon.converge.notes(app)[0]
    server.now += REMOVED_AGAIN
    assert did(daemon) == ["MakeAgain"]


def test_what_is_under_way_makes_it_anew(server: Server, app: AppName, daemon: Assembled) -> None:
    remove(server, "worker")
    daemon.accept(app, TWO)
    assert did(daemon) == []
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, TWO)


def test_a_worker_that_apps_yml_has_by_now(server: Server, app: AppName, daemon: Assembled) -> None:
    """What is changed by hand counts from the next deploy on."""
    server.paths.apps_yml.write_text("apps:\n  shop:\n    processes:\n      mailer: python mail.py\n")
    assert did(daemon) == []
    daemon.deploy(app, ONE, Trigger.RESTART)
    later(server, daemon)
    web = server.engine.containers[daemon.live(app).container]
    assert web.labels[WORKERS_LABEL] == "mailer worker"
    remove(server, "mailer")
    assert did(daemon) == ["MakeAgain"]
    server.paths.apps_yml.write_text("apps:\n  shop: {}\n")
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, ONE)


def test_web_removed_by_kamal(server: Server, app: AppName, daemon: Assembled) -> None:
    """`kamal app remove` takes the route away as well."""
    del server.table.routes[SERVICE]
    remove(server, "web")
    assert did(daemon) == []
    assert daemon.converge.notes(app) == ("the container of shop is gone: deployhost restart shop",)


def test_web_stopped_and_then_removed(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    FakeDocker(server.engine).stop(web)
    assert did(daemon) == ["NoteStopped"]
    FakeDocker(server.engine).remove(web)
    assert did(daemon) == []


def test_kamals_own_container_removed(server: Server, app: AppName, daemon: Assembled) -> None:
    KamalByHand(server).deploy(app, TWO)
    later(server, daemon)
    later(server, daemon)
    remove(server, "web")
    assert "MakeAgain" not in did(daemon)
    assert "is gone" in daemon.converge.notes(app)[0]


def test_by_kamals_engine(server: Server, app: AppName, daemon: Assembled) -> None:
    server.paths.apps_yml.write_text("apps:\n  shop:\n    engine: kamal\n")
    remove(server, "web")
    assert did(daemon) == []
    assert "is gone" in daemon.converge.notes(app)[0]


def test_broken_apps_yml(server: Server, app: AppName, daemon: Assembled) -> None:
    """Nobody knows what it would be made with: it waits until that can be read."""
    good = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text("apps: [\n")
    remove(server, "web")
    assert did(daemon) == []
    server.paths.apps_yml.write_text(good)
    assert did(daemon) == ["MakeAgain"]


@pytest.mark.parametrize(
    ("since", "again"),
    [
        ((BROUGHT,), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.PUSH), BROUGHT), True),
        ((deploy(6, DeployStatus.SUPERSEDED, Trigger.RESTART), BROUGHT), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.RESTART), BROUGHT), True),
        ((deploy(6, DeployStatus.CANCELLED, Trigger.SETTINGS), BROUGHT), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.SETTINGS), BROUGHT), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.RESTART, REASON), BROUGHT), False),
        ((deploy(6, DeployStatus.CANCELLED, Trigger.RESTART, REASON), BROUGHT), True),
        ((replace(deploy(6, DeployStatus.CANCELLED, Trigger.RESTART, REASON), finished_at=1999.0), BROUGHT), False),
        (
            (deploy(7, DeployStatus.FAILED, Trigger.PUSH), deploy(6, DeployStatus.FAILED, Trigger.RESTART, REASON)),
            False,
        ),
        ((deploy(5, DeployStatus.LIVE, Trigger.RESTART, "it was removed"),), True),
        ((deploy(5, DeployStatus.LIVE, Trigger.KAMAL),), True),
    ],
)
def test_once(since: tuple[Deploy, ...], again: bool) -> None:
    plan = lost(replace(FACTS, since_live=since, containers=(WEB_SEEN,)))
    assert bool(plan.steps) is again
    assert bool(plan.notes) is not again
    assert "the process mailer and the process worker" in " ".join((*plan.notes, *(step.what for step in plan)))
