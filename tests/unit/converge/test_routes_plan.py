"""Routes that were lost, lead elsewhere, hold requests for ever or have other hosts than apps.yml are led to what is live."""

from deployhost.config import apps
from deployhost.kamal.contract import PAUSED
from deployhost.model import AppName, Domain
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.recovering import check, did, restart

ONE, TWO = sha(1), sha(2)

SERVICE = "shop-web"


def test_held_without_a_hold(server: Server, app: AppName, daemon: Assembled) -> None:
    """The proxy was restarted while it held requests: `resume` would kill it, so its route is made anew."""
    daemon.proxy.pause(SERVICE, drain=0, max_pause=60)
    server.table.restart()
    assert server.table.routes[SERVICE].state == PAUSED
    daemon.life.effects.clear()
    assert did(daemon) == ["Reroute"]
    assert daemon.life.effects[:2] == ["proxy remove", "proxy deploy"]
    check(server, daemon, app, ONE)


def test_lost_route_is_restored(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.routes.clear()
    check(server, restart(server), app, ONE)


def test_route_of_before_is_set_right(server: Server) -> None:
    """The proxy came back with an older state: requests would go to a container that is stopped, or about to be."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    before = dict(server.table.routes)
    daemon.deploy(app, TWO)
    server.table.routes.update(before)
    check(server, restart(server), app, TWO)


def test_routes_are_kept(server: Server) -> None:
    """While the daemon runs: the proxy lost its routes, or apps.yml was given another domain by hand."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.routes.clear()
    daemon.converge.run()
    assert server.table.routes["shop-web"].hosts == ("shop.localhost",)
    apps.add_domains(server.paths.apps_yml, app, [Domain("shop.example.com")])
    daemon.converge.run()
    assert set(server.table.routes["shop-web"].hosts) == {"shop.localhost", "shop.example.com"}
    settle()
    effects = len(daemon.life.effects)
    daemon.converge.run()
    assert len(daemon.life.effects) == effects, "what is right is left alone"
    check(server, daemon, app, ONE)


def test_a_route_is_left_alone_while_somebody_deploys(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    version = daemon.live(app).version
    server.table.routes.clear()
    with daemon.locks.held(app, version, patience=0, waiting=lambda _: None):
        daemon.converge.run()
    assert server.table.routes == {}
