"""Deploys in the journal: accepted, begun, ended, forgotten."""

from dataclasses import replace

import pytest

from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys, Push
from deployhost.model import AppName, Branch, DeployStatus, Phase, Sha, Trigger, Version

SHOP, BLOG = AppName("shop"), AppName("blog")
ONE, TWO = Sha("1" * 40), Sha("2" * 40)
V1, V2 = Version(ONE), Version(TWO)


def test_accepted(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.MANUAL, subject="it", branch=Branch("main"), rebuild=True)
    assert deploy == deploys.get(deploy.id)
    assert (deploy.app, deploy.sha, deploy.subject, deploy.branch) == (SHOP, ONE, "it", "main")
    assert (deploy.trigger, deploy.rebuild, deploy.status) == (Trigger.MANUAL, True, DeployStatus.QUEUED)
    assert (deploy.version, deploy.error, deploy.phases, deploy.attempt) == (None, None, (), 0)


def test_overtaking(deploys: Deploys) -> None:
    """Only queued deploys of the same app, and only those that are overtaken."""
    other = deploys.accept(BLOG, ONE, trigger=Trigger.PUSH)
    running = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(running, V1)
    spared = deploys.accept(SHOP, ONE, trigger=Trigger.SETTINGS)
    overtaken = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    new = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH, overtakes=lambda one: one.trigger is Trigger.PUSH)
    now = {deploy.id: deploys.get(deploy.id) for deploy in (other, running, spared, overtaken, new)}
    assert [deploy.status for deploy in now.values()] == ["queued", "running", "queued", "superseded", "queued"]
    assert now[overtaken.id].superseded_by == new.id
    assert now[overtaken.id].finished_at is not None
    assert [deploy.id for deploy in deploys.open()] == [other.id, running.id, spared.id, new.id]


def test_begin_is_for_queued_ones(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    begun = deploys.begin(deploy, V1)
    assert begun is not None
    assert (begun.status, begun.version, begun.attempt) == (DeployStatus.RUNNING, V1, 1)
    assert deploys.begin(deploy, V2) is None
    deploys.end(deploy.id, DeployStatus.FAILED)
    assert deploys.begin(deploy, V2) is None
    assert deploys.get(deploy.id).version == V1


def test_begin_takes_what_it_is_given(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.SETTINGS)
    begun = deploys.begin(replace(deploy, sha=TWO, subject="newer"), V2)
    assert begun is not None
    assert (begun.sha, begun.subject) == (TWO, "newer")


def test_stages(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(deploy, V1)
    deploys.enter(deploy.id, "start", container="c1")
    deploys.enter(deploy.id, "switch", port=8000)
    deploys.timed(deploy.id, Phase("start", 3.5))
    deploys.timed(deploy.id, Phase("switch", 1.5))
    now = deploys.get(deploy.id)
    assert (now.stage, now.container, now.port) == ("switch", "c1", 8000)
    assert now.phases == (Phase("start", 3.5), Phase("switch", 1.5))


def test_requeued(deploys: Deploys) -> None:
    """The next attempt begins with nothing of the one before but its number."""
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(deploy, V1)
    deploys.enter(deploy.id, "start", container="c1", port=1)
    deploys.timed(deploy.id, Phase("build", 1.0))
    deploys.requeue(deploy.id)
    assert [one.status for one in deploys.open()] == [DeployStatus.QUEUED]
    again = deploys.begin(deploy, V2)
    assert again is not None
    assert (again.attempt, again.version, again.container, again.port, again.phases) == (2, V2, None, None, ())


def test_an_end_is_final(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    error = {"code": "build_failed", "message": "no ü"}
    assert deploys.end(deploy.id, DeployStatus.FAILED, error)
    assert not deploys.end(deploy.id, DeployStatus.CANCELLED)
    deploys.requeue(deploy.id)
    now = deploys.get(deploy.id)
    assert (now.status, now.error) == (DeployStatus.FAILED, error)
    assert not deploys.is_open(deploy.id)
    assert deploys.open() == []


def test_superseded_by(deploys: Deploys) -> None:
    old, new = (deploys.accept(SHOP, sha, trigger=Trigger.PUSH) for sha in (ONE, TWO))
    deploys.end(old.id, DeployStatus.SUPERSEDED, by=new.id)
    assert deploys.get(old.id).superseded_by == new.id


def test_newest(deploys: Deploys) -> None:
    assert deploys.newest(SHOP) is None
    pushed = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    restarted = deploys.accept(SHOP, ONE, trigger=Trigger.RESTART)
    deploys.accept(BLOG, TWO, trigger=Trigger.PUSH)
    assert deploys.newest(SHOP) == restarted
    assert deploys.newest(SHOP, by=Trigger.PUSH) == pushed
    assert deploys.of_app(SHOP, 1) == [restarted]
    assert deploys.apps() == [BLOG, SHOP]


def test_versions_of_a_commit(deploys: Deploys) -> None:
    for sha, version in ((ONE, V1), (ONE, Version(f"{ONE}-2")), (TWO, V2)):
        deploys.begin(deploys.accept(SHOP, sha, trigger=Trigger.PUSH), version)
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    assert deploys.version_numbers(SHOP, ONE) == {ONE, f"{ONE}-2"}
    assert deploys.version_numbers(BLOG, ONE) == set()


def test_the_same_push_again(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40, "token"))
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40))
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40))
    assert deploys.of_push(SHOP, "token") == deploy
    assert deploys.of_push(BLOG, "token") is None
    assert deploys.of_push(SHOP, "other") is None


def test_unknown_deploy(deploys: Deploys) -> None:
    with pytest.raises(NotFound, match="there is no deploy 7"):
        deploys.get(7)
    deploys.timed(7, Phase("build", 1.0))
    deploys.enter(7, "build")
    assert not deploys.end(7, DeployStatus.FAILED)


def test_forgotten(deploys: Deploys) -> None:
    """What runs is cancelled and stays, for whoever runs or follows it; everything else of the app goes."""
    ended = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40, "a"))
    deploys.end(ended.id, DeployStatus.FAILED)
    running = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40, "b"))
    deploys.begin(running, V1)
    deploys.timed(running.id, Phase("build", 1.0))
    queued = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH)
    other = deploys.accept(BLOG, ONE, trigger=Trigger.PUSH)
    assert sorted(deploys.forget(SHOP)) == [ended.id, queued.id]
    assert deploys.forget(SHOP) == []
    assert (deploys.is_forgotten(running.id), deploys.is_forgotten(ended.id)) == (True, True)
    assert not deploys.is_forgotten(other.id)
    assert deploys.of_app(SHOP) == [], "it is not what an app of that name, added now, is shown"
    assert (deploys.newest(SHOP), deploys.newest(SHOP, by=Trigger.PUSH), deploys.chosen(SHOP)) == (None, None, None)
    assert deploys.apps() == [BLOG]
    cancelled = deploys.get(running.id)
    assert cancelled.status is DeployStatus.CANCELLED
    assert (cancelled.error or {})["message"] == "shop was removed"
    assert deploys.open() == [other]
    assert deploys.of_push(SHOP, "b") is None
    assert deploys.version_numbers(SHOP, ONE) == {V1}, "its version is taken: its image may be there yet"
    added_again = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    assert added_again.id == other.id + 1, "numbers are never used again"
    assert [(one.id, one.version) for one in deploys.forgotten()] == [(running.id, V1)]
    deploys.sweep(added_again.id)  # that one is not forgotten
    deploys.sweep(running.id)
    assert deploys.of_app(SHOP) == [added_again]
    with pytest.raises(NotFound):
        deploys.get(running.id)
    assert deploys.forgotten() == []
