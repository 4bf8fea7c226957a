"""The image of a deploy: built, known already, or that of the release that is run again."""

from datetime import UTC, datetime

import pytest

from deployhost.model import DeployStatus, EnvName, Trigger
from tests.fakes.asking import stages
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_rollback_builds_nothing(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    for commit in (ONE, TWO):
        daemon.deploy(app, commit)
    first = daemon.releases.of_app(app)[-1]
    accepted = daemon.deploys.accept(app, ONE, trigger=Trigger.ROLLBACK, target=first.version)
    daemon.life.effects.clear()
    daemon.work_off()
    assert daemon.deploys.get(accepted.id).status is DeployStatus.LIVE
    assert "build" not in daemon.life.effects
    live = daemon.live(app)
    assert (live.sha, live.image, live.version) == (ONE, first.image, f"{ONE}-2")
    assert server.refs.branches == {"main": TWO}, "the next push goes on from what was pushed last"


def test_the_same_files_are_not_built_twice(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    daemon.deploy(app, TWO)
    first = daemon.releases.of_app(app)[-1]
    daemon.life.effects.clear()
    daemon.deploy(app, ONE, Trigger.MANUAL)
    assert "build" not in daemon.life.effects
    assert daemon.live(app).image == first.image
    accepted = daemon.deploys.accept(app, ONE, trigger=Trigger.MANUAL, rebuild=True)
    daemon.work_off()
    assert "build" in daemon.life.effects
    assert daemon.deploys.get(accepted.id).status is DeployStatus.LIVE


def test_what_never_went_live_is_built_again(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(status=500)
    app, daemon = server.add("shop"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.FAILED
    server.behaviours[ONE] = Behaviour()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE


@pytest.mark.parametrize("trigger", [Trigger.RESTART, Trigger.SETTINGS])
def test_same_image_again(server: Server, trigger: Trigger) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    daemon.env.set(app, {EnvName("MODE"): "dark"}, datetime.now(UTC))
    deploy = daemon.deploy(app, ONE, trigger)
    after = daemon.live(app)
    assert stages(daemon, deploy) == ["create", "start", "health", "switch"]
    assert (after.image, after.version) == (before.image, f"{ONE}-2")
    assert server.engine.specs[after.container].env["MODE"] == "dark"
    assert server.engine.stopped == [before.container]


def test_image_of_the_live_release_is_gone(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.engine.images.clear()
    deploy = daemon.deploy(app, ONE, Trigger.RESTART)
    assert deploy.error is not None
    assert (deploy.error["code"], deploy.error["hint"]) == ("not_found", "deployhost deploy shop")
