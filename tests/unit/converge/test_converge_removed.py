"""What somebody removed or unplugged with Docker comes back, once; what a person or Kamal wanted away does not."""

from dataclasses import replace

import pytest

from deployhost.apps.notes import workers
from deployhost.containers.belongs import DEPLOY_LABEL, WORKERS_LABEL
from deployhost.converge.act_server import MAKE_AGAIN
from deployhost.converge.facts import AppContainer, AppFacts, MachineFacts
from deployhost.converge.findings.lost_plan import REMOVED_AGAIN, lost
from deployhost.converge.findings.network_plan import MakeNetwork
from deployhost.converge.findings.presence_plan import presence
from deployhost.converge.findings.proxy_plan import ConnectProxy, MakeProxy, StartStoppedProxy
from deployhost.converge.plan import plan_server
from deployhost.errors import DockerRefused, SetupFailed, SwitchFailed
from deployhost.kamal import contract
from deployhost.kamal.contract import NETWORK, PROXY_MAC, Route
from deployhost.model import WEB, AppName, Deploy, DeployStatus, Release, Trigger, Version
from deployhost.steps import Step
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import WITH_WORKER, FakeDocker, proxy_container
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.recovering import check, restart

ONE, TWO = sha(1), sha(2)
SHOP = AppName("shop")
SERVICE = "shop-web"


def remove(server: Server, role: str) -> None:
    """Do `docker rm -f` with what runs of that role."""
    for one in list(server.engine.running):
        if one.labels.get("role") == role:
            FakeDocker(server.engine).remove(one.id, force=True)


def did(daemon: Assembled) -> list[str]:
    return [step.word for step in daemon.converge.run()]


def later(server: Server, daemon: Assembled) -> None:
    server.now += 100
    daemon.converge.run()
    settle()


# A process whose container was removed


@pytest.mark.parametrize("role", ["worker", "web"])
@pytest.mark.parametrize("strategy", ["overlap", "handover"])
def test_removed(server: Server, role: str, strategy: str) -> None:
    server.behaviours[ONE] = WITH_WORKER
    app = server.add("blog", text=f"strategy: {strategy}")
    daemon = server.start()
    daemon.deploy(app, ONE)
    remove(server, role)
    assert [step.what for step in daemon.converge.plan()] == [f"restart blog, which makes the process {role} anew"]
    woken: list[AppName] = []
    server.monkeypatch.setattr(daemon.workers, "wake", woken.append)
    assert did(daemon) == ["MakeAgain"]
    assert woken == [app]
    assert did(daemon) == [], "it is under way"
    [queued] = daemon.deploys.open()
    assert (queued.trigger, queued.sha) == (Trigger.RESTART, ONE)
    assert queued.reason == f"the container of the process {role} was removed"
    daemon.work_off()
    later(server, daemon)
    assert not daemon.converge.plan()
    assert daemon.live(app).deploy == queued.id
    check(server, daemon, app, ONE)


def test_removed_while_no_daemon_ran(server: Server, app: AppName, daemon: Assembled) -> None:
    remove(server, "worker")
    daemon = server.start()
    assert [type(step).__name__ for step in daemon.converge.run(hurry=True)] == ["MakeAgain"]
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, ONE)


def test_a_restart_that_fails_is_not_tried_again(server: Server, app: AppName, daemon: Assembled) -> None:
    remove(server, "worker")
    image = daemon.live(app).image
    server.engine.behaviours[image] = replace(WITH_WORKER, ends={"python worker.py": 3})
    assert did(daemon) == ["MakeAgain"]
    daemon.work_off()
    before = daemon.live(app)
    for _ in range(3):
        later(server, daemon)
    assert [one.status for one in daemon.deploys.of_app(app)] == ["failed", "live"]
    assert daemon.converge.notes(app) == (
        "the container of the process worker of shop is gone: deployhost restart shop",
    )
    assert daemon.live(app) == before, "what serves goes on"
    assert workers([server.engine.containers[before.container]]) == (
        "worker: its container is gone; to start it again: deployhost restart shop"
    ), "in status, too"
    server.engine.behaviours[image] = WITH_WORKER
    daemon.deploy(app, ONE, Trigger.RESTART)
    later(server, daemon)
    check(server, daemon, app, ONE)


@pytest.mark.parametrize("how", [DeployStatus.CANCELLED, DeployStatus.FAILED])
def test_what_came_to_nothing_before_the_removal(
    server: Server, app: AppName, daemon: Assembled, how: DeployStatus
) -> None:
    """Changed settings that were cancelled or failed say nothing of a restart with what is wanted now."""
    settings = daemon.accept(app, ONE, Trigger.SETTINGS)
    daemon.deploys.end(settings.id, how)
    remove(server, "web")
    assert did(daemon) == ["MakeAgain"]
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, ONE)


def test_what_is_removed_again_and_again(server: Server, app: AppName, daemon: Assembled) -> None:
    """Somebody's script is not fought with as fast as it runs; a person who does that twice has it back twice."""
    remove(server, "worker")
    assert did(daemon) == ["MakeAgain"]
    daemon.work_off()
    daemon.converge.run()
    remove(server, "worker")
    assert did(daemon) == []
    assert "is gone" in daemon.converge.notes(app)[0]
    server.now += REMOVED_AGAIN
    assert did(daemon) == ["MakeAgain"]


def test_what_is_under_way_makes_it_anew(server: Server, app: AppName, daemon: Assembled) -> None:
    remove(server, "worker")
    daemon.accept(app, TWO)
    assert did(daemon) == []
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, TWO)


def test_a_worker_that_apps_yml_has_by_now(server: Server, app: AppName, daemon: Assembled) -> None:
    """What is changed by hand counts from the next deploy on."""
    server.paths.apps_yml.write_text("apps:\n  shop:\n    processes:\n      mailer: python mail.py\n")
    assert did(daemon) == []
    daemon.deploy(app, ONE, Trigger.RESTART)
    later(server, daemon)
    web = server.engine.containers[daemon.live(app).container]
    assert web.labels[WORKERS_LABEL] == "mailer worker"
    remove(server, "mailer")
    assert did(daemon) == ["MakeAgain"]
    server.paths.apps_yml.write_text("apps:\n  shop: {}\n")
    daemon.work_off()
    later(server, daemon)
    check(server, daemon, app, ONE)


def test_web_removed_by_kamal(server: Server, app: AppName, daemon: Assembled) -> None:
    """`kamal app remove` takes the route away as well."""
    del server.table.routes[SERVICE]
    remove(server, "web")
    assert did(daemon) == []
    assert daemon.converge.notes(app) == ("the container of shop is gone: deployhost restart shop",)


def test_web_stopped_and_then_removed(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    FakeDocker(server.engine).stop(web)
    assert did(daemon) == ["NoteStopped"]
    FakeDocker(server.engine).remove(web)
    assert did(daemon) == []


def test_kamals_own_container_removed(server: Server, app: AppName, daemon: Assembled) -> None:
    KamalByHand(server).deploy(app, TWO)
    later(server, daemon)
    later(server, daemon)
    remove(server, "web")
    assert "MakeAgain" not in did(daemon)
    assert "is gone" in daemon.converge.notes(app)[0]


def test_by_kamals_engine(server: Server, app: AppName, daemon: Assembled) -> None:
    server.paths.apps_yml.write_text("apps:\n  shop:\n    engine: kamal\n")
    remove(server, "web")
    assert did(daemon) == []
    assert "is gone" in daemon.converge.notes(app)[0]


def test_broken_apps_yml(server: Server, app: AppName, daemon: Assembled) -> None:
    """Nobody knows what it would be made with: it waits until that can be read."""
    good = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text("apps: [\n")
    remove(server, "web")
    assert did(daemon) == []
    server.paths.apps_yml.write_text(good)
    assert did(daemon) == ["MakeAgain"]


def seen(role: str, *, status: str = "running", workers: tuple[str, ...] = ()) -> AppContainer:
    labels = {"service": "shop", "role": role, DEPLOY_LABEL: "5", WORKERS_LABEL: " ".join(workers)}
    return AppContainer(id=f"{role:0<64}", name=f"shop-{role}-{ONE}", status=status, image="image", labels=labels)


def deploy(number: int, status: DeployStatus, trigger: Trigger, reason: str = "") -> Deploy:
    return Deploy(
        number, SHOP, ONE, "", None, trigger, False, status, "", 1, Version(ONE), None, None, 0, 0, 0, 0, None, None,
        reason=reason,
    )  # fmt: skip


WEB_SEEN = seen("web", workers=("mailer", "worker"))
LIVE = Release(SHOP, Version(ONE), ONE, "", "image", WEB_SEEN.id, 8080, 5, 1000.0, True)
BROUGHT = deploy(5, DeployStatus.LIVE, Trigger.PUSH)
REASON = "the container of the process mailer and the process worker was removed"
ROUTE = Route(SERVICE, ("shop.localhost",), "/", f"{WEB_SEEN.id[:12]}:8080", contract.RUNNING)
FACTS = AppFacts(
    app=SHOP,
    at=2000.0,
    hosts=frozenset({"shop.localhost"}),
    direct=True,
    removed=False,
    known=True,
    live=LIVE,
    since_live=(BROUGHT,),
    route=ROUTE,
    containers=(WEB_SEEN,),
)


@pytest.mark.parametrize(
    ("since", "again"),
    [
        ((BROUGHT,), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.PUSH), BROUGHT), True),
        ((deploy(6, DeployStatus.SUPERSEDED, Trigger.RESTART), BROUGHT), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.RESTART), BROUGHT), True),
        ((deploy(6, DeployStatus.CANCELLED, Trigger.SETTINGS), BROUGHT), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.SETTINGS), BROUGHT), True),
        ((deploy(6, DeployStatus.FAILED, Trigger.RESTART, REASON), BROUGHT), False),
        ((deploy(6, DeployStatus.CANCELLED, Trigger.RESTART, REASON), BROUGHT), True),
        ((replace(deploy(6, DeployStatus.CANCELLED, Trigger.RESTART, REASON), finished_at=1999.0), BROUGHT), False),
        (
            (deploy(7, DeployStatus.FAILED, Trigger.PUSH), deploy(6, DeployStatus.FAILED, Trigger.RESTART, REASON)),
            False,
        ),
        ((deploy(5, DeployStatus.LIVE, Trigger.RESTART, "it was removed"),), True),
        ((deploy(5, DeployStatus.LIVE, Trigger.KAMAL),), True),
    ],
)
def test_once(since: tuple[Deploy, ...], again: bool) -> None:
    plan = lost(replace(FACTS, since_live=since))
    assert bool(plan.steps) is again
    assert bool(plan.notes) is not again
    assert "the process mailer and the process worker" in " ".join((*plan.notes, *(step.what for step in plan)))


def test_all_there() -> None:
    there = replace(FACTS, containers=(WEB_SEEN, seen("mailer"), seen("worker", status="exited")))
    assert [type(step).__name__ for step in presence(there)] == ["StartContainer"]
    assert there.lost == ()
    assert replace(FACTS, live=None).lost == ()


# What is off the network


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


def lose_network(server: Server) -> None:
    """Do what takes everybody off the network, and remove it."""
    for one in list(server.engine.running):
        server.engine.disconnect(one.id)
    assert server.engine.proxy is not None
    server.engine.proxy = replace(server.engine.proxy, networks=(), ips={})
    server.engine.networks.clear()


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


# kamal-proxy

PROXY = MachineFacts(proxy="running", youngest_lock=1e4, highest_label=0, highest_number=0)


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


def lose_proxy(server: Server) -> None:
    server.engine.proxy, server.table.down = None, True


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
