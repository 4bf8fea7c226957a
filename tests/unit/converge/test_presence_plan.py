"""What ended with the engine or the machine is started again; what a person stopped stays stopped."""

from dataclasses import replace

import pytest

from deployhost.converge.findings.presence_plan import presence
from deployhost.model import AppName
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import FakeDocker
from tests.fakes.recovering import check, did, restart
from tests.unit.converge.seen import FACTS, WEB_SEEN, seen

ONE, TWO = sha(1), sha(2)
SERVICE = "shop-web"


def ids(server: Server, role: str) -> list[str]:
    return [one.id for one in server.engine.running if one.labels.get("role") == role]


@pytest.mark.parametrize("code", [0, 1, 137, 255])
def test_ended_with_the_engine(server: Server, app: AppName, daemon: Assembled, code: int) -> None:
    """The engine starts it again itself, whatever the code; where it did not, nobody stopped it."""
    for one in list(server.engine.running):
        server.engine.end(one.id, code)
    assert did(daemon) == ["StartContainer", "StartContainer"]
    check(server, daemon, app, ONE)


def test_ended_with_the_machine_and_the_table(server: Server, app: AppName, daemon: Assembled) -> None:
    """The engine could not start it, and the proxy lost its routes: that is no `kamal app stop`."""
    for one in list(server.engine.running):
        server.engine.end(one.id, 128)
        server.engine.trouble[one.id] = "network kamal not found"
    server.table.routes.clear()
    assert did(daemon) == ["StartContainer", "StartContainer", "Reroute"]
    check(server, daemon, app, ONE)


def test_stopped_with_docker(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    by_hand = FakeDocker(server.engine)
    by_hand.stop(web)
    assert did(daemon) == ["NoteStopped"]
    assert server.engine.by_hand == {web}
    server.engine.by_hand.clear()  # the engine was restarted, and remembers nothing
    assert did(restart(server)) == []
    assert ids(server, "web") == []
    by_hand.start(web)
    assert did(server.start()) == ["NoteStopped"]
    check(server, server.daemons[-1], app, ONE)


def test_worker_that_ended(server: Server, app: AppName, daemon: Assembled) -> None:
    (worker,) = ids(server, "worker")
    server.engine.end(worker, 1)
    assert did(daemon) == ["StartContainer"]
    FakeDocker(server.engine).stop(worker)
    assert did(daemon) == []
    assert ids(server, "worker") == [], "a person wanted that"


def test_what_the_engine_restarts_is_its_business(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    server.engine.containers[web] = replace(server.engine.containers[web], status="restarting", pid=0)
    assert did(daemon) == []


def test_all_there() -> None:
    there = replace(FACTS, containers=(WEB_SEEN, seen("mailer"), seen("worker", status="exited")))
    assert [type(step).__name__ for step in presence(there)] == ["StartContainer"]
    assert there.lost == ()
    assert replace(FACTS, live=None).lost == ()


def test_what_kamal_stopped_stays_stopped(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.engine.end(daemon.live(app).container)
    server.table.routes.clear()
    restart(server)
    assert server.engine.running == []
    assert server.table.routes == {}
