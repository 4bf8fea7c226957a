"""Kamal's network that was removed, and containers that were taken off it."""

from dataclasses import replace

import pytest

from deployhost.errors import DockerRefused, SwitchFailed
from deployhost.kamal.contract import NETWORK
from deployhost.model import WEB, AppName
from deployhost.steps import Step
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.recovering import check

ONE, TWO = sha(1), sha(2)


def did(daemon: Assembled) -> list[str]:
    return [step.word for step in daemon.converge.run()]


def later(server: Server, daemon: Assembled) -> None:
    server.now += 100
    daemon.converge.run()
    settle()


def lose_network(server: Server) -> None:
    """Do what takes everybody off the network, and remove it."""
    for one in list(server.engine.running):
        server.engine.disconnect(one.id)
    assert server.engine.proxy is not None
    server.engine.proxy = replace(server.engine.proxy, networks=(), ips={})
    server.engine.networks.clear()


def test_live_containers_off_the_network(server: Server, app: AppName, daemon: Assembled) -> None:
    live = daemon.live(app)
    for one in list(server.engine.running):
        server.engine.disconnect(one.id)
    steps: list[Step] = list(daemon.converge.plan())
    assert [step.why for step in steps if "connect shop-web" in step.what] == [
        "it was disconnected, and nobody reaches it"
    ]
    assert did(daemon) == ["Connect", "Connect", "Reroute"], (
        "and the proxy begins with connections that are none of before"
    )
    settle()
    found = {one.labels["role"]: one for one in server.engine.running}
    assert found[WEB].id == live.container
    assert found[WEB].aliases == {NETWORK: ("shop", "web.shop")}
    assert found["worker"].aliases == {NETWORK: ("worker.shop",)}
    assert found[WEB].aliases == {NETWORK: server.engine.specs[live.container].aliases}, "as at its creation"
    check(server, daemon, app, ONE)
    assert did(daemon) == []


def test_others_containers_off_the_network(server: Server, app: AppName, daemon: Assembled) -> None:
    """Kamal's own may be on another network as its owner wants it; on none at all nobody reaches it."""
    theirs = KamalByHand(server).deploy(app, TWO)
    later(server, daemon)
    later(server, daemon)
    server.engine.disconnect(theirs)
    alone = server.engine.containers[theirs]
    server.engine.containers[theirs] = replace(alone, networks=("own",), ips={"own": "172.20.0.2"})
    assert did(daemon) == []
    server.engine.containers[theirs] = alone
    assert did(daemon) == ["Connect", "Reroute"]


@pytest.mark.parametrize("restarted", [False, True])
def test_network_removed(server: Server, app: AppName, daemon: Assembled, restarted: bool) -> None:
    lose_network(server)
    daemon = server.start() if restarted else daemon
    assert daemon.converge.plan().steps[0].what == "make the network kamal anew"
    assert did(daemon) == ["MakeNetwork", "ConnectProxy", "Connect", "Connect", "Reroute"]
    settle()
    check(server, daemon, app, ONE)
    assert did(daemon) == []


def test_network_that_can_not_be_made(
    server: Server, daemon: Assembled, monkeypatch: pytest.MonkeyPatch, app: AppName
) -> None:
    """It is told with a command, as what stops everything else."""

    def refuse(_name: str) -> None:
        raise DockerRefused("Docker refused: all predefined address pools have been fully subnetted")

    lose_network(server)
    monkeypatch.setattr(daemon.docker, "create_network", refuse)
    with pytest.raises(SwitchFailed, match="make the network kamal anew: Docker refused: all predefined") as told:
        daemon.converge.run()
    assert told.value.hint == "deployhost setup --local"
    monkeypatch.undo()
    assert did(daemon)[:2] == ["MakeNetwork", "ConnectProxy"]
    assert daemon.live(app)
