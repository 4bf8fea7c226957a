"""The daemon's jobs on production's wiring, with git as it is."""

from deployhost.daemon.jobs import jobs
from deployhost.daemon.schedule import Schedule
from deployhost.daemon.schedule_plan import Lane
from tests.fakes.assembled import Server, sha


def test_a_daemon_does_them_all(server: Server) -> None:
    """On production's wiring: nothing is wrong, and nothing has changed."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, sha(1))
    live = daemon.live(app)
    schedule = Schedule(jobs=jobs(daemon), troubles=daemon.troubles, runs=daemon.runs, clock=daemon.clock)
    for lane in Lane:
        schedule.round(lane)
    assert daemon.troubles.now() == []
    assert daemon.live(app) == live
