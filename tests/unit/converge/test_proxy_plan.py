"""kamal-proxy's container that was removed, stopped or taken off the network comes back."""

from dataclasses import replace

import pytest

from deployhost.converge.act_server import MAKE_AGAIN
from deployhost.converge.facts import MachineFacts
from deployhost.converge.findings.network_plan import MakeNetwork
from deployhost.converge.findings.proxy_plan import ConnectProxy, MakeProxy, StartStoppedProxy
from deployhost.converge.plan import plan_server
from deployhost.errors import SetupFailed, SwitchFailed
from deployhost.kamal import contract
from deployhost.kamal.contract import NETWORK, PROXY_CONTAINER, PROXY_MAC
from deployhost.model import AppName
from deployhost.steps import Step
from deployhost.system.docker_model import ContainerSpec
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour, FakeDocker, proxy_container
from tests.fakes.recovering import check, did, restart

ONE, TWO = sha(1), sha(2)
PROXY = MachineFacts(proxy="running", youngest_lock=1e4, highest_label=0, highest_number=0)


def that_can_end(server: Server) -> str:
    """Have kamal-proxy's container among those whose ends the engine tells, and return its id."""
    server.engine.proxy = None
    server.engine.add_image(Behaviour(), contract.PROXY_IMAGE)
    docker = FakeDocker(server.engine)
    docker.create(
        ContainerSpec(name=PROXY_CONTAINER, image=contract.PROXY_IMAGE, labels={"role": "proxy"}, network=NETWORK)
    )
    docker.start(PROXY_CONTAINER)
    return docker.inspect(PROXY_CONTAINER).id


def lose_proxy(server: Server) -> None:
    server.engine.proxy, server.table.down = None, True


def test_proxy_that_does_not_run(server: Server, app: AppName, daemon: Assembled) -> None:
    proxy = that_can_end(server)
    assert did(daemon) == []
    server.engine.end(proxy)
    server.table.down = True
    start = daemon.docker.start

    def starts(container: str) -> None:
        start(container)
        server.table.down = False

    daemon.docker.start = starts  # type: ignore[method-assign]
    assert [step.what for step in daemon.converge.plan()] == ["start kamal-proxy"]
    assert did(daemon) == ["StartProxy"]


def test_proxy_that_somebody_reboots() -> None:
    facts = MachineFacts(proxy="exited", youngest_lock=3, highest_label=0, highest_number=0)
    assert not plan_server(facts)
    assert plan_server(replace(facts, youngest_lock=1e4))
    assert not plan_server(replace(facts, proxy=None))
    assert plan_server(replace(facts, proxy=None)).notes


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (PROXY, []),
        (replace(PROXY, proxy=None), [MakeProxy]),
        (replace(PROXY, proxy=None, youngest_lock=3), []),
        (replace(PROXY, proxy_connected=False), [ConnectProxy]),
        (replace(PROXY, proxy_connected=False, youngest_lock=3), [ConnectProxy]),
        (replace(PROXY, proxy="restarting", proxy_connected=False), []),
        (replace(PROXY, network=False), [MakeNetwork]),
        (replace(PROXY, network=False, proxy_connected=False), [MakeNetwork, ConnectProxy]),
        (replace(PROXY, network=False, proxy=None), [MakeNetwork, MakeProxy]),
        (replace(PROXY, network=False, proxy="exited"), [MakeNetwork, StartStoppedProxy]),
    ],
)
def test_the_proxy(facts: MachineFacts, kinds: list[type[Step]]) -> None:
    plan = plan_server(facts)
    assert [type(step) for step in plan] == kinds
    assert bool(plan.notes) is (facts.proxy is None and not kinds)


def test_proxy_removed(server: Server, app: AppName, daemon: Assembled) -> None:
    """It is made anew, before anything else is looked at; a route that it lost is led to what is live again."""

    def make() -> None:
        server.engine.proxy, server.table.down = proxy_container(), False
        server.table.routes.clear()

    lose_proxy(server)
    daemon.make_proxy = make
    plan = daemon.converge.plan()
    assert [step.what for step in plan] == ["make kamal-proxy anew"]
    assert "looked at once kamal-proxy answers" in " ".join(plan.notes)
    assert did(daemon) == ["MakeProxy", "Reroute"]
    settle()
    check(server, daemon, app, ONE)


def test_proxy_removed_and_the_daemon_restarted(server: Server, app: AppName, daemon: Assembled) -> None:
    def make() -> None:
        server.engine.proxy, server.table.down = proxy_container(), False

    lose_proxy(server)
    following = server.start()
    following.make_proxy = make
    assert did(following) == ["MakeProxy"]
    check(server, restart(server), app, ONE)


def test_proxy_that_can_not_be_made(server: Server, app: AppName, daemon: Assembled) -> None:
    """It is told with the command; the costly attempt is not made again at once."""
    attempts: list[float] = []

    def refuse() -> None:
        attempts.append(server.now)
        raise SetupFailed("the image can't be had", hint="deployhost setup --local --proxy-image FILE")

    lose_proxy(server)
    daemon.make_proxy = refuse
    for _ in range(3):
        with pytest.raises(SwitchFailed, match="was removed, and can't be made anew: the image can't be had") as told:
            daemon.converge.run()
        assert told.value.hint == "deployhost setup --local --proxy-image FILE"
    assert len(attempts) == 1
    server.now += MAKE_AGAIN
    with pytest.raises(SwitchFailed):
        daemon.converge.run()
    assert len(attempts) == 2


def test_proxy_off_the_network(server: Server, daemon: Assembled) -> None:
    assert server.engine.proxy is not None
    server.engine.proxy = replace(server.engine.proxy, networks=(), ips={})
    assert did(daemon) == ["ConnectProxy"]
    assert server.engine.proxy.networks == (NETWORK,)
    assert server.engine.proxy.macs == {NETWORK: PROXY_MAC}
    assert did(daemon) == []
