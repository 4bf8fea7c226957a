"""What a person did with Kamal is adopted into the journal, and never reverted; so is what runs when the journal was lost."""

from dataclasses import replace

import pytest

from deployhost.config import apps
from deployhost.kamal import contract
from deployhost.kamal.contract import STOPPED
from deployhost.model import WEB, AppName, Domain, Trigger, Version
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import WITH_WORKER
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.recovering import restart

ONE, TWO, THREE = sha(1), sha(2), sha(3)

SERVICE = "shop-web"


@pytest.fixture
def app(server: Server) -> AppName:
    return server.add("shop")


@pytest.fixture
def daemon(server: Server, app: AppName) -> Assembled:
    daemon = server.start()
    daemon.deploy(app, ONE)
    return daemon


@pytest.fixture
def kamal(server: Server) -> KamalByHand:
    return KamalByHand(server)


def later(server: Server, daemon: Assembled) -> None:
    """Let the time pass in which what was replaced drains, and look again."""
    daemon.converge.run()
    server.now += 100
    daemon.converge.run()
    settle()
    assert not daemon.converge.plan()


def running(server: Server) -> list[str]:
    return [one.id for one in server.engine.running]


def test_what_kamal_deployed_is_left_alone(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    ours = daemon.live(app).container
    spec = replace(server.engine.specs[ours], name=f"shop-web-{TWO}", labels=contract.role_labels(app, WEB))
    theirs = daemon.docker.create(spec)
    daemon.docker.start(theirs)
    route = server.table.routes["shop-web"]
    server.table.routes["shop-web"] = replace(route, target=f"{theirs[:12]}:8080")
    restart(server)
    assert server.table.routes["shop-web"].target == f"{theirs[:12]}:8080"
    assert server.engine.containers[theirs].running


@pytest.mark.parametrize("stop_old", [True, False], ids=["", "its last step did not happen"])
def test_deployed(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand, stop_old: bool) -> None:
    theirs = kamal.deploy(app, TWO, stop_old=stop_old)
    later(server, daemon)
    live = daemon.live(app)
    assert (live.container, live.sha, live.version, live.port) == (theirs, TWO, Version(TWO), 8080)
    deploy = daemon.deploys.get(live.deploy)
    assert (deploy.trigger, deploy.status, deploy.subject) == (Trigger.KAMAL, "live", f"subject of {TWO.short}")
    assert running(server) == [theirs]
    assert live.proven_at is not None, "what Kamal deployed is not rolled back by us"
    assert daemon.deploys.chosen(app) == deploy


def test_then_pushed(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    kamal.deploy(app, TWO)
    later(server, daemon)
    daemon.deploy(app, THREE)
    later(server, daemon)
    assert daemon.live(app).sha == THREE
    assert running(server) == [daemon.live(app).container]


def test_rolled_back(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    """Kamal makes a new container of the old image, under the name of the old one."""
    image = daemon.live(app).image
    daemon.deploy(app, TWO)
    theirs = kamal.boot(app, ONE)
    later(server, daemon)
    live = daemon.live(app)
    assert (live.version, live.container, live.image) == (Version(ONE), theirs, image)
    assert [release.version for release in daemon.releases.of_app(app)].count(Version(ONE)) == 1
    kept = [one.name for one in server.engine.containers.values()]
    assert any("_replaced_" in name for name in kept), "what Kamal keeps is kept"
    daemon.deploy(app, ONE, Trigger.RESTART)
    assert daemon.live(app).version == f"{ONE}-2", "a version is never used twice"


@pytest.mark.parametrize("tagged", [True, False], ids=["by the image's own tag", "by the release's image"])
def test_booted_as_latest(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand, tagged: bool) -> None:
    if not tagged:
        image = server.engine.look_up(contract.latest_image(app))
        assert image is not None
        server.engine.images[image.id] = type(image)(image.id, (contract.latest_image(app),), image.labels, "", (), "")
    theirs = kamal.boot(app, "latest")
    later(server, daemon)
    assert (daemon.live(app).version, daemon.live(app).container) == (Version(ONE), theirs)


def test_with_changes_that_are_in_no_commit(
    server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand
) -> None:
    theirs = kamal.deploy(app, f"{ONE}_uncommitted_0123456789abcdef")
    later(server, daemon)
    live = daemon.live(app)
    assert (live.version, live.container) == (f"{ONE}-2", theirs)
    image = server.engine.look_up(contract.image(app, live.version))
    assert image is not None, "so that it is kept, and can be rolled back to"
    assert image.id == live.image


def test_with_a_version_of_its_own(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    """No commit to name: it serves, it is told, and nothing of it is touched."""
    theirs = kamal.deploy(app, "v1.2.3")
    route = server.table.routes[SERVICE]
    later(server, daemon)
    assert server.table.routes[SERVICE] == route
    assert running(server) == [theirs]
    assert "whose version names no commit" in daemon.converge.left_alone(app)
    daemon.deploy(app, TWO)
    later(server, daemon)
    assert running(server) == [daemon.live(app).container]
    assert daemon.converge.left_alone(app) == ""


def test_stopped_and_started(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    container = daemon.live(app).container
    kamal.stop(app)
    later(server, daemon)
    assert running(server) == []
    assert server.table.routes == {}
    live = daemon.releases.live(app)
    assert live is not None
    assert live.stopped == "by Kamal"
    assert "was stopped by Kamal" in daemon.converge.notes(app)[0]
    server.engine.by_hand.clear()
    daemon = restart(server)
    assert running(server) == [], "also when the engine has forgotten who it was"
    kamal.start(app, container)
    later(server, daemon)
    assert daemon.live(app).stopped == ""
    assert daemon.converge.notes(app) == ()


def test_stopped_and_pushed(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    kamal.stop(app)
    later(server, daemon)
    daemon.deploy(app, TWO)
    later(server, daemon)
    assert daemon.live(app).sha == TWO
    assert daemon.live(app).stopped == ""


def test_maintenance(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    kamal.maintenance(app)
    effects = len(daemon.life.effects)
    later(server, daemon)
    assert server.table.routes[SERVICE].state == STOPPED
    assert len(daemon.life.effects) == effects
    apps.add_domains(server.paths.apps_yml, app, [Domain("shop.example.com")])
    daemon.converge.run()
    assert server.table.routes[SERVICE].state == STOPPED


def test_another_app_than_ours(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    theirs = kamal.deploy(AppName("blog"), TWO)
    later(server, daemon)
    assert theirs in running(server)
    assert daemon.deploys.apps() == [app]


def test_a_journal_that_was_lost(server: Server, app: AppName, daemon: Assembled) -> None:
    """What runs is adopted; numbers go on above those that containers carry."""
    daemon.deploy(app, TWO)
    daemon.deploy(app, THREE)
    live, before = daemon.live(app), running(server)
    daemon.database.close()
    for left in server.paths.state.glob("journal.db*"):
        left.unlink()
    daemon = restart(server)
    assert running(server) == before
    assert (daemon.live(app).container, daemon.live(app).sha) == (live.container, THREE)
    assert daemon.live(app).deploy > live.deploy
    again = daemon.deploy(app, THREE)
    later(server, daemon)
    assert (again.status, again.version) == ("live", f"{THREE}-2")
    assert running(server) == [daemon.live(app).container]


@pytest.mark.parametrize("routes", [True, False], ids=["", "and the proxy's routes too"])
def test_a_journal_that_was_lost_with_workers(server: Server, app: AppName, routes: bool) -> None:
    server.behaviours[ONE] = WITH_WORKER
    daemon = server.start()
    daemon.deploy(app, ONE)
    before, port = running(server), daemon.live(app).port
    daemon.database.close()
    for left in server.paths.state.glob("journal.db*"):
        left.unlink()
    if not routes:
        server.table.routes.clear()
    daemon = restart(server)
    assert running(server) == before
    assert daemon.live(app).port == port


def test_workers_of_ours_stay_beside_a_web_process_of_kamals(server: Server, app: AppName, kamal: KamalByHand) -> None:
    """Its configuration may know of no worker; who ends the one that works decides a person, or the next deploy of ours."""
    server.behaviours[ONE] = WITH_WORKER
    daemon = server.start()
    daemon.deploy(app, ONE)
    worker = next(one.id for one in server.engine.running if one.labels["role"] == "worker")
    theirs = kamal.deploy(app, TWO)
    later(server, daemon)
    assert sorted(running(server)) == sorted([worker, theirs])
    daemon.deploy(app, THREE)
    later(server, daemon)
    assert running(server) == [daemon.live(app).container]


def test_somebody_elses_lock(server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand) -> None:
    """While Kamal is at it, the app is left alone; that is told with the lock's age."""
    lock = server.paths.kamal / f"lock-{app}"
    lock.mkdir(parents=True)
    (lock / "details").write_bytes(
        b"TG9ja2VkIGJ5OiBBbm4gYXQgMjAyNS0wNi0xNVQxNDo1MDowMFoKVmVyc2lvbjogeApNZXNzYWdlOiB4\n"
    )
    kamal.deploy(app, TWO)
    plan = daemon.converge.run()
    assert not plan.steps
    assert "Kamal's lock is held by Ann since" in " ".join(plan.notes)
    assert [release.sha for release in daemon.releases.all_live()] == [ONE]
    (lock / "details").unlink()
    lock.rmdir()
    later(server, daemon)
    assert daemon.live(app).sha == TWO


def test_a_route_to_something_else_altogether(
    server: Server, app: AppName, daemon: Assembled, kamal: KamalByHand
) -> None:
    other = kamal.deploy(AppName("blog"), TWO)
    kamal.route(app, other)
    later(server, daemon)
    assert server.table.routes[contract.service_name(app, WEB)].target.startswith(other[:12])
    assert "not its own" in " ".join(daemon.converge.notes(app))
