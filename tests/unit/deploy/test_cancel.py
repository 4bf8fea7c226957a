"""The wish that a deploy ends, across threads and restarts."""

from pathlib import Path

import pytest

from deployhost.build.plan import BuildPlan
from deployhost.deploy.cancel import Cancellations
from deployhost.errors import CommandStopped, DeployCancelled
from deployhost.model import AppName, DeployStatus, Trigger, Version
from deployhost.system.stop import Stop
from tests.fakes.assembled import Server, sha
from tests.fakes.builder import PlannerHere


def test_running(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    deploy = daemon.accept(app, sha(1))
    daemon.deploys.begin(deploy, deploy.version or sha(1))  # type: ignore[arg-type]
    cancellations = Cancellations(deploys=daemon.deploys)
    stop = cancellations.event(deploy.id)
    cancellations.check(deploy.id)
    assert not stop.is_set()
    assert cancellations.ask(deploy.id, "alice")
    assert stop.is_set()
    with pytest.raises(DeployCancelled, match="cancelled by alice") as cancelled:
        cancellations.check(deploy.id)
    assert cancelled.value.hint == "deployhost deploy shop"
    assert daemon.deploys.get(deploy.id).status is DeployStatus.RUNNING, "whoever runs it ends it"


def test_after_a_restart(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    deploy = daemon.accept(app, sha(1))
    daemon.deploys.begin(deploy, deploy.version or sha(1))  # type: ignore[arg-type]
    Cancellations(deploys=daemon.deploys).ask(deploy.id, "alice")
    anew = Cancellations(deploys=daemon.deploys)
    assert anew.event(deploy.id).is_set()
    with pytest.raises(DeployCancelled, match="cancelled by alice"):
        anew.check(deploy.id)


def test_queued_and_ended(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    cancellations = Cancellations(deploys=daemon.deploys)
    queued = daemon.accept(app, sha(1), Trigger.MANUAL)
    assert cancellations.ask(queued.id, "alice")
    ended = daemon.deploys.get(queued.id)
    assert (ended.status, (ended.error or {})["message"]) == (DeployStatus.CANCELLED, "cancelled by alice")
    assert not cancellations.ask(queued.id, "bob"), "it has ended"
    assert not cancellations.ask(12345, "bob"), "its app was removed"
    assert daemon.deploys.get(queued.id) == ended


@pytest.mark.parametrize(
    ("trigger", "again"),
    [
        (Trigger.PUSH, "deployhost deploy shop"),
        (Trigger.MANUAL, f"deployhost deploy shop {sha(1).short}"),
        (Trigger.RESTART, "deployhost restart shop"),
        (Trigger.SETTINGS, "deployhost restart shop"),
        (Trigger.ROLLBACK, f"deployhost rollback shop {sha(1).short}-2"),
    ],
)
def test_the_hint_asks_for_the_same_once_more(server: Server, trigger: Trigger, again: str) -> None:
    app, daemon = server.add("shop"), server.start()
    target = Version(f"{sha(1)}-2") if trigger is Trigger.ROLLBACK else None
    queued = daemon.deploys.accept(app, sha(1), trigger=trigger, target=target)
    assert Cancellations(deploys=daemon.deploys).ask(queued.id, "alice")
    assert (daemon.deploys.get(queued.id).error or {})["hint"] == again


def test_while_it_is_planned(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files take long to understand: that wait ends, and the deploy is cancelled, not failed."""
    app, daemon = server.add("shop"), server.start()

    def plan(_self: PlannerHere, _directory: Path, _app: AppName, *, stop: Stop, **_more: object) -> BuildPlan:
        assert not stop.is_set()
        daemon.cancellations.ask(queued.id, "alice")
        assert stop.is_set()
        raise CommandStopped("planning was stopped")

    monkeypatch.setattr(PlannerHere, "plan", plan)
    queued = daemon.accept(app, sha(1))
    daemon.work_off()
    ended = daemon.deploys.get(queued.id)
    assert (ended.status, (ended.error or {})["message"]) == (DeployStatus.CANCELLED, "cancelled by alice")
