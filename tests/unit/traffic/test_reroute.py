"""New hosts for the container that is live: nothing is started or stopped for them."""

import pytest

from deployhost.config import apps
from deployhost.errors import Conflict
from deployhost.model import Domain
from deployhost.traffic.reroute import Rerouter
from tests.fakes.assembled import Assembled, Server, settle, sha


def rerouter(daemon: Assembled) -> Rerouter:
    return Rerouter(
        docker=daemon.docker,
        switch=daemon.switch,
        drainer=daemon.drainer,
        releases=daemon.releases,
        locks=daemon.locks,
        apps=daemon.apps,
    )


def test_the_live_container_answers_at_them(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, sha(1))
    target = server.table.routes["shop-web"].target
    apps.add_domains(server.paths.apps_yml, app, [Domain("shop.example.com")])
    daemon.life.effects.clear()
    rerouter(daemon).reroute(app)
    settle()
    route = server.table.routes["shop-web"]
    assert (set(route.hosts), route.target) == ({"shop.localhost", "shop.example.com"}, target)
    assert daemon.life.effects == ["proxy deploy"]


def test_an_app_that_is_down_is_told(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, sha(1))
    server.engine.end(daemon.live(app).container)
    with pytest.raises(Conflict, match="is down") as told:
        rerouter(daemon).reroute(app)
    assert told.value.hint == "deployhost restart shop"


def test_an_app_that_was_never_live(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    rerouter(daemon).reroute(app)
    assert server.table.routes == {}
