"""A handover that fails: what ran before runs again, and what was held goes there."""

import pytest

from deployhost.kamal import contract
from deployhost.model import WEB, DeployStatus
from tests.fakes.asking import is_let_go, running
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(exits=3), Behaviour(start_error="no such command"), Behaviour(status=500), Behaviour(listens=False)],
    ids=["ends", "does not start", "broken", "silent"],
)
def test_handover_that_fails_goes_back(server: Server, behaviour: Behaviour) -> None:
    server.behaviours[TWO] = behaviour
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    daemon.life.effects.clear()
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert daemon.live(app) == before
    assert running(server) == [f"shop-web-{ONE}"]
    assert is_let_go(server, daemon)
    told = [effect for effect in daemon.life.effects if effect.startswith("proxy")]
    assert told == ["proxy pause", "proxy deploy", "proxy resume"], "no connection to what ended is used again"
    assert any("old release was started again" in event.get("text", "") for event in daemon.told(deploy))


@pytest.mark.parametrize("lost", [True, False], ids=["no route", "maintenance"])
def test_what_ran_runs_again_though_nothing_was_held(server: Server, lost: bool) -> None:
    server.behaviours[TWO] = Behaviour(exits=3)
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    service = contract.service_name(app, WEB)
    if lost:
        del server.table.routes[service]
    else:
        server.stop_route(service)
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert running(server) == [f"shop-web-{ONE}"]
    assert server.table.routes[service].state == (contract.RUNNING if lost else contract.STOPPED)
    assert daemon.holds.all() == []
