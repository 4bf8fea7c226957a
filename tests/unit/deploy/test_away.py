"""kamal-proxy or the engine ends in the middle of a deploy, at each call in turn; it is back soon, and the deploy lives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployhost.errors import (
    DockerUnavailable,
    ProxyUnavailable,
    SwitchFailed,
)
from deployhost.kamal import contract
from deployhost.model import DeployStatus, Domain, Strategy
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.proxy import FakeProcess
from tests.fakes.recovering import check
from tests.fakes.sweep import effects

ONE, TWO = sha(1), sha(2)
CALLS = ("routes", "remove", "pause", "resume", "health_path", "identity", "begin_deploy")
AWAY = 4  # calls that find nothing before it is there again


class Ends:
    """Given a daemon and a number, have kamal-proxy end at that call of its: before it did anything, or when it had done it all.

    With `lost` its table is empty when it comes back.
    """

    def __init__(self, server: Server, daemon: Assembled, at: int, *, after: bool, lost: bool) -> None:
        self._server, self._at, self._after, self._lost = server, at, after, lost
        self.calls: list[str] = []
        for name in CALLS:
            setattr(daemon.proxy, name, self._wrapped(name, getattr(daemon.proxy, name)))

    @property
    def ended(self) -> bool:
        return len(self.calls) >= self._at

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) != self._at:
                return call(*arguments, **named)
            if self._after:
                call(*arguments, **named)
            self._end()
            if name == "begin_deploy":
                arguments[1].write_text("Error: unexpected EOF\n", encoding="utf-8")
                return FakeProcess(1)
            raise ProxyUnavailable(f"kamal-proxy {name}: unexpected EOF")

        return wrapped

    def _end(self) -> None:
        table = self._server.table
        table.restart()
        table.away = AWAY
        if self._lost:
            table.routes.clear()


@pytest.mark.parametrize("lost", [False, True], ids=["", "table lost"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("strategy", Strategy)
def test_proxy_ends_at_every_call(server: Server, strategy: Strategy, after: bool, lost: bool) -> None:
    app = server.add("shop", text=f"strategy: {strategy}")
    server.start().deploy(app, ONE)
    restore = server.remember()
    for at in effects():
        restore()
        daemon = server.start()
        ends = Ends(server, daemon, at, after=after, lost=lost)
        deploy = daemon.deploy(app, TWO)
        assert deploy.status is DeployStatus.LIVE, (at, ends.calls, deploy.error)
        if not ends.ended:
            break
        assert server.table.starts == 2, "it is never resumed once it was restarted: it would end again"
        check(server, daemon, app, TWO)
    assert at > (6 if strategy is Strategy.HANDOVER else 1)


@pytest.mark.parametrize("lost", [False, True], ids=["", "table lost"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(2, 6))
def test_requests_are_held_after_all(server: Server, at: int, after: bool, lost: bool) -> None:
    """The proxy ends while it is to hold them: nothing is stopped before the next one holds them, and can let them go."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    ends = Ends(server, daemon, at, after=after, lost=lost)
    stop = daemon.docker.stop
    held: list[bool] = []

    def stop_and_look(container: str, timeout: int | None = None) -> None:
        route, table = server.table.routes.get("shop-web"), server.table
        held.append(
            route is not None and route.state == contract.PAUSED and table.paused_in["shop-web"] == table.starts
        )
        stop(container, timeout)

    daemon.docker.stop = stop_and_look  # type: ignore[method-assign]
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    # A table that was lost before anything was written down is a route less, as at any other time.
    assert held == [not lost or "pause" in ends.calls[:at]]
    check(server, daemon, app, TWO)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_proxy_ends_at_every_call_of_going_back(server: Server, after: bool) -> None:
    server.behaviours[TWO] = Behaviour(exits=3)
    app = server.add("shop", text="strategy: handover")
    server.start().deploy(app, ONE)
    restore = server.remember()
    for at in effects():
        restore()
        daemon = server.start()
        ends = Ends(server, daemon, at, after=after, lost=False)
        deploy = daemon.deploy(app, TWO)
        assert deploy.status is DeployStatus.FAILED
        assert "exit code 3" in (deploy.error or {})["message"], "the proxy is not what it failed for"
        assert daemon.live(app).sha == ONE
        assert daemon.holds.all() == []
        assert {route.state for route in server.table.routes.values()} == {contract.RUNNING}
        assert [one.name for one in server.engine.running] == [f"shop-web-{ONE}"]
        if not ends.ended:
            break
    assert at > 8


@pytest.mark.parametrize("strategy", Strategy)
def test_proxy_that_does_not_come_back(server: Server, strategy: Strategy) -> None:
    """Patience has an end; converge goes on once the proxy is there."""
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    start = daemon.docker.start

    def start_and_end(container: str) -> None:
        start(container)
        server.table.down = True

    daemon.docker.start = start_and_end  # type: ignore[method-assign]
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert "kamal-proxy is not running" in (deploy.error or {})["message"]
    server.table.restart()
    server.table.down = False
    daemon.docker.start = start  # type: ignore[method-assign]
    for _ in range(2):
        server.now += 100
        daemon.converge.run()
        settle()
    check(server, daemon, app, ONE)


def test_what_the_proxy_refuses_is_not_tried_again(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.refuses = "host settings conflict with another service"
    server.table.calls.clear()
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert len(server.table.calls) == 1
    check(server, daemon, app, ONE)


def test_other_hosts_for_the_same_container_may_be_refused(server: Server) -> None:
    """Its route leads to that container already; that does not make it the route that was asked for."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    live, config = daemon.live(app), daemon.apps.get(app)
    container = daemon.docker.inspect(live.container)
    server.table.refuses = "host settings conflict with another service"
    with pytest.raises(SwitchFailed, match="host settings conflict"):
        daemon.switch.to(container, live.port, replace(config, domains=(Domain("taken.example.com"),)))


def test_cancelled_while_the_proxy_is_waited_for(server: Server) -> None:
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    queued = daemon.accept(app, TWO)
    create = daemon.docker.create

    def create_and_end(spec: Any) -> str:
        server.table.down = True
        return create(spec)

    def cancel(_seconds: float) -> None:
        daemon.cancellations.ask(queued.id, "somebody")

    daemon.docker.create = create_and_end  # type: ignore[method-assign]
    server.monkeypatch.setattr(daemon.clock, "sleep", cancel)
    daemon.work_off()
    assert daemon.deploys.get(queued.id).status is DeployStatus.CANCELLED
    server.table.down = False
    assert daemon.live(app).sha == ONE
    assert daemon.holds.all() == []


@pytest.mark.parametrize("effect", ["docker create", "docker start", "docker stop", "docker inspect"])
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
def test_engine_ends_while_it_is_asked(server: Server, effect: str, done: bool) -> None:
    """Whether it did it is not known then; what was started once is not started again."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    name = effect.removeprefix("docker ")
    original: Callable[..., Any] = getattr(daemon.docker, name)
    told: list[str] = []

    def broken(*arguments: Any, **named: Any) -> Any:
        told.append(name)
        if len(told) > 1 or name == "inspect":
            return original(*arguments, **named)
        if done:
            original(*arguments, **named)
        raise DockerUnavailable("the Docker engine does not answer")

    setattr(daemon.docker, name, broken)
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.LIVE, deploy.error
    server.now += 100
    daemon.converge.run()
    settle()
    check(server, daemon, app, TWO)
    starts = daemon.life.effects.count("docker start")
    assert starts == 2, "one for each release"


def test_the_old_one_is_started_for_certain(server: Server) -> None:
    """The engine ends in the middle of starting it again: it is not taken for gone."""
    server.behaviours[TWO] = Behaviour(exits=3)
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    old = daemon.live(app).container
    start = daemon.docker.start
    told: list[str] = []

    def broken(container: str) -> None:
        told.append(container)
        if told.count(old) == 1 and container == old:
            raise DockerUnavailable("the Docker engine does not answer")
        start(container)

    daemon.docker.start = broken  # type: ignore[method-assign]
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert daemon.live(app).container == old
    assert daemon.holds.all() == []


def test_the_same_proxy_is_asked_again(server: Server) -> None:
    """It could not be reached for a moment: those that wait there would never be let go by taking their route away."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    resume = daemon.proxy.resume
    told: list[str] = []

    def broken(service: str) -> None:
        told.append(service)
        if len(told) == 1:
            raise ProxyUnavailable("kamal-proxy resume: dial unix: connection refused")
        resume(service)

    daemon.proxy.resume = broken  # type: ignore[method-assign]
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert len(told) == 2
    assert "proxy remove" not in daemon.life.effects
    check(server, daemon, app, TWO)


def test_maintenance_is_told(server: Server) -> None:
    for strategy in Strategy:
        app = server.add(f"shop-{strategy}", text=f"strategy: {strategy}")
        daemon = server.start()
        daemon.deploy(app, ONE)
        server.stop_route(f"{app}-web")
        notes = [event.get("text", "") for event in daemon.told(daemon.deploy(app, TWO))]
        assert f"{app} is in maintenance: visitors get 503 until `deployhost kamal {app} -- app live`" in notes
        assert daemon.deploys.newest(app).status is DeployStatus.LIVE  # type: ignore[union-attr]


@pytest.mark.parametrize("strategy", Strategy)
def test_no_maintenance_no_word(server: Server, strategy: Strategy) -> None:
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    assert "maintenance" not in str(daemon.told(daemon.deploy(app, TWO)))


def test_a_switch_costs_no_call_more(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    ends = Ends(server, daemon, 1000, after=False, lost=False)
    daemon.deploy(app, TWO)
    assert ends.calls == ["begin_deploy"]
