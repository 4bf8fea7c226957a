"""Replaced containers whose time to drain is over are stopped, whatever interrupted that."""

from deployhost.errors import DockerUnavailable
from deployhost.model import AppName, Drain
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.recovering import check, did, restart

ONE, TWO = sha(1), sha(2)


def test_drain_whose_stop_failed(server: Server, app: AppName, daemon: Assembled) -> None:
    """It is stopped at the next look, as soon as the engine answers."""
    old = daemon.live(app).container
    stop = daemon.docker.stop
    refused: list[str] = []

    def refuse(container: str, timeout: int | None = None) -> None:
        if not refused:
            refused.append(container)
            raise DockerUnavailable("not now")
        stop(container, timeout)

    daemon.docker.stop = refuse  # type: ignore[method-assign]
    daemon.deploy(app, TWO)
    assert daemon.releases.drains()
    server.now += 100
    assert set(did(daemon)) == {"EndDrain"}
    assert refused
    assert not server.engine.containers[old].running
    check(server, daemon, app, TWO)


def test_drain_of_what_serves_again_is_struck_off(server: Server, app: AppName, daemon: Assembled) -> None:
    live = daemon.live(app)
    daemon.releases.went_live(live, [], 0)
    with daemon.database.transaction() as db:
        db.execute("INSERT INTO drains VALUES (?,?,?)", (live.container, app, 0.0))
    assert daemon.releases.drains() == [Drain(live.container, app, 0.0)]
    assert did(daemon) == ["EndDrain"]
    check(server, daemon, app, ONE)


def test_interrupted_drain_goes_on(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    old = daemon.live(app).container
    server.table.drains = True
    daemon.pipeline.run(daemon.accept(app, TWO))
    daemon.life.over = True
    server.table.calls[-1].ended.set()
    settle()
    assert server.engine.containers[old].running
    check(server, restart(server), app, TWO)
    assert server.engine.stopped == [old]
