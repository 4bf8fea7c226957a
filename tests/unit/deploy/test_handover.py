"""The strategy handover: requests are held from before the old release ends until the new one is ready."""

from deployhost.kamal import contract
from deployhost.model import WEB, DeployStatus
from tests.fakes.asking import is_let_go, running, stages
from tests.fakes.assembled import Server, sha

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_storage_is_handed_over(server: Server) -> None:
    """Never are both there at once, and requests are held from before the one ends until the other is ready."""
    app, daemon = server.add("shop", text="storage: true"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    first = daemon.live(app)
    daemon.life.effects.clear()
    deploy = daemon.deploy(app, TWO)
    assert stages(daemon, deploy) == ["fetch", "plan", "build", "create", "hold", "stop", "start", "health", "switch"]
    effects = [
        e
        for e in daemon.life.effects
        if e in ("proxy pause", "docker stop", "docker start", "proxy deploy", "proxy resume")
    ]
    assert effects == ["proxy pause", "docker stop", "docker start", "proxy deploy", "proxy resume"]
    assert daemon.live(app).sha == TWO
    assert server.engine.stopped == [first.container]
    assert is_let_go(server, daemon)
    assert daemon.releases.drains() == []


def test_maintenance_is_kept(server: Server) -> None:
    """What `kamal app maintenance` stopped is not held and not let go: a deploy goes on behind it."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    service = contract.service_name(app, WEB)
    server.stop_route(service)
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.LIVE
    assert server.table.routes[service].state == contract.STOPPED
    assert running(server) == [f"shop-web-{TWO}"]
