"""What comes after the switch: nothing of it makes a deploy fail."""

import pytest

from deployhost.deploy.going_live import Unrecorded
from deployhost.errors import DockerRefused, DockerUnavailable, FileProblem
from deployhost.kamal import contract, patience
from deployhost.model import DeployStatus
from tests.fakes.assembled import Server, sha
from tests.fakes.life import Life

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_switch_that_cannot_be_written_down(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the moment of the switch: what serves serves on, and is live once the journal can be told."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)

    def full(*_: object) -> None:
        raise FileProblem("the journal can't be written: database or disk is full")

    deploy = daemon.accept(app, TWO)
    with monkeypatch.context() as patch:
        patch.setattr(daemon.releases, "went_live", full)
        with pytest.raises(Unrecorded):
            daemon.pipeline.run(deploy)
        with pytest.raises(Unrecorded):
            daemon.converge.mend(deploy)
    daemon.converge.mend(deploy)
    assert daemon.deploys.get(deploy.id).status is DeployStatus.LIVE
    assert daemon.live(app).sha == TWO


def test_it_restarts_by_itself_once_it_is_live(server: Server) -> None:
    """Not before: an app that ends at boot must not begin again. Visitors do not wait for it."""
    app, life = server.add("shop"), Life()
    deploy = server.start(life).deploy(app, ONE)
    assert deploy.status is DeployStatus.LIVE
    effects = life.effects
    assert effects.index("docker set_restart") > effects.index("proxy deploy"), effects
    assert "docker set_restart" in effects[: len(effects) - 1 - effects[::-1].index("journal")], effects
    assert server.engine.containers[server.start().live(app).container].restart == contract.RESTART


def test_an_engine_that_refuses_the_restart_policy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it refuses once it refuses for ever: the release is live, and no deploy runs on because of that."""
    app, daemon = server.add("shop"), server.start()

    def refuse(*_: object) -> None:
        raise DockerRefused("Docker refused: no")

    monkeypatch.setattr(daemon.docker, "set_restart", refuse)
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE


def test_an_engine_that_is_away_after_the_switch(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deploy is live once its containers are kept running, not before, and nothing is undone."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)

    def away(*_: object) -> None:
        raise DockerUnavailable("the Docker engine does not answer")

    deploy = daemon.accept(app, TWO)
    with monkeypatch.context() as patch:
        patch.setattr(patience, "PATIENCE", 0.0)
        patch.setattr(daemon.docker, "set_restart", away)
        with pytest.raises(Unrecorded):
            daemon.pipeline.run(deploy)
    daemon.converge.mend(deploy)
    assert daemon.deploys.get(deploy.id).status is DeployStatus.LIVE
    assert server.engine.containers[daemon.live(app).container].restart == contract.RESTART


@pytest.mark.parametrize("part", ["docker tag", "git move_branch"])
def test_what_comes_after_the_switch_fails_nothing(server: Server, part: str) -> None:
    app = server.add("shop")
    first = server.start()
    first.deploy(app, ONE)
    at = [*first.life.effects].index(part) + 1
    other = server.start()
    other.life._break_at, other.life._error = at, lambda _: FileProblem("a full disk")
    deploy = other.deploy(app, TWO)
    assert other.life.effects[at - 1] == part
    assert deploy.status is DeployStatus.LIVE
    assert other.live(app).sha == TWO
    assert "it is live, but: a full disk" in [event.get("text") for event in other.told(deploy)]
