"""A deploy that broke off is finished if it had switched, else begun again where that makes sense."""

import json

import pytest

from deployhost.config import apps
from deployhost.model import AppName, DeployStatus, Sha, Version
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.life import Crash, Life
from tests.fakes.recovering import check, restart

ONE, TWO = sha(1), sha(2)


def crash(server: Server, app: AppName, commit: Sha, at: str) -> None:
    """Given an app and a commit, deploy it with a daemon that dies when it is about to do this for the first time."""

    class Until(Life):
        def effect(self, name: str) -> None:
            if name == at:
                self.over = True
            super().effect(name)

    daemon = server.start(Until())
    daemon.accept(app, commit)
    with pytest.raises(Crash):
        daemon.work_off()
    settle()


class DiesAtStart(Life):
    """A life that ends where a container is about to be started."""

    def effect(self, name: str) -> None:
        if name == "docker start":
            self.over = True
        super().effect(name)


def test_cancelled_before_the_restart(server: Server, app: AppName, daemon: Assembled) -> None:
    queued = daemon.accept(app, TWO)
    daemon.deploys.begin(queued, Version(TWO))
    daemon.deploys.ask_to_cancel(queued.id, {"message": "cancelled by Ann"})
    daemon = restart(server)
    ended = daemon.deploys.get(queued.id)
    assert (ended.status, ended.error) == (DeployStatus.CANCELLED, {"message": "cancelled by Ann"})
    check(server, daemon, app, ONE)


def test_not_for_ever(server: Server) -> None:
    """A deploy that takes the daemon down each time fails at last, and the old release serves."""
    app = server.add("shop")
    number = server.start().deploy(app, ONE).id + 1
    crash(server, app, TWO, "docker start")
    for _ in range(2):
        daemon = server.start(DiesAtStart())
        daemon.converge.run()
        with pytest.raises(Crash):
            daemon.work_off()
        settle()
    daemon = restart(server)
    deploy = daemon.deploys.get(number)
    assert (deploy.status, deploy.attempt) == (DeployStatus.FAILED, 3)
    assert "ended 3 times during this deploy" in (deploy.error or {})["message"]
    check(server, daemon, app, ONE)


def test_interrupted_and_overtaken(server: Server) -> None:
    """While it was built a newer commit came: the older one is not begun again."""
    app = server.add("shop")
    crash(server, app, ONE, "docker start")
    daemon = server.start()
    newer = daemon.accept(app, TWO)
    daemon.converge.run()
    older = daemon.deploys.of_app(app)[1]
    assert (older.status, older.superseded_by) == (DeployStatus.SUPERSEDED, newer.id)
    daemon.work_off()
    check(server, daemon, app, TWO)
    assert server.engine.stopped == []


def test_requeued_deploy_says_so(server: Server) -> None:
    app = server.add("shop")
    crash(server, app, ONE, "docker start")
    daemon = restart(server)
    assert server.engine.containers == {}, "what the broken attempt made is gone"
    daemon.work_off()
    deploy = daemon.deploys.of_app(app)[0]
    assert "deployhostd was restarted" in json.dumps(daemon.told(deploy))
    assert (deploy.status, deploy.attempt, deploy.version) == (DeployStatus.LIVE, 2, f"{ONE}-2")


def test_switched_but_not_written_down(server: Server) -> None:
    app = server.add("shop")
    server.start().deploy(app, ONE)
    crash(server, app, TWO, "git move_branch")
    daemon = restart(server)
    deploy = daemon.deploys.of_app(app)[0]
    assert (deploy.status, deploy.attempt) == (DeployStatus.LIVE, 1), "it is not built again"
    check(server, daemon, app, TWO)


def test_app_removed_meanwhile(server: Server) -> None:
    app = server.add("shop")
    crash(server, app, ONE, "docker start")
    apps.remove_app(server.paths.apps_yml, app)
    daemon = restart(server)
    assert daemon.deploys.of_app(app)[0].status is DeployStatus.CANCELLED
    assert server.engine.containers == {}
