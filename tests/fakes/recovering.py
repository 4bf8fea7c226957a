"""A daemon that died and the next one: how it begins, and what must be true once it has."""

from deployhost.kamal import contract
from deployhost.model import AppName, Sha
from tests.fakes.assembled import Assembled, Server, settle
from tests.fakes.life import Life


def restart(server: Server, life: Life | None = None) -> Assembled:
    """Start the next daemon, as its main() does, and wait until what drains has drained; then nothing is left to do."""
    daemon = server.start(life)
    daemon.converge.run(hurry=True)
    settle()
    server.now += 100
    daemon.converge.run()
    settle()
    assert not daemon.converge.plan(), "a second run has nothing to do"
    return daemon


def check(server: Server, daemon: Assembled, app: AppName, live: Sha, branch: Sha | None = None) -> None:
    """The invariant: one live release, of that commit; its processes run, requests go there, and nothing else runs or is open.

    `branch` is where the branch stands, if not there.
    """
    release = daemon.live(app)
    assert release.sha == live
    assert daemon.deploys.open() == []
    running = server.engine.running
    assert [one.id for one in running if one.labels["role"] == "web"] == [release.container]
    assert {one.labels["deployhost.deploy"] for one in running} == {str(release.deploy)}
    assert {one.restart for one in running} == {contract.RESTART}, "they restart by themselves"
    processes = server.engine.behaviours[release.image].processes
    assert sorted(one.labels["role"] for one in running) == sorted({"web", *processes} - {"release"})
    assert not [one for one in server.engine.containers.values() if one.status == "created" or "role" not in one.labels]
    assert daemon.releases.drains() == []
    assert daemon.holds.all() == []
    assert {route.state for route in server.table.routes.values()} == {contract.RUNNING}
    assert server.refs.branches == {"main": branch or live}
    latest = server.engine.look_up(contract.latest_image(app))
    assert latest is not None
    assert latest.id == release.image
    assert not list(server.paths.kamal.glob("lock-*"))


def did(daemon: Assembled) -> list[str]:
    """Converge, and return the words of the steps that were done; then nothing is left to do."""
    steps = [step.word for step in daemon.converge.run()]
    settle()
    assert not daemon.converge.plan(), "a second run has nothing to do"
    return steps
