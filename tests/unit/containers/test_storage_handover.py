"""Storage changes hands between the old release's end and the new one's start, and back where that does not become live.

FakeOwners fails a change of hands while a container runs that has the storage.
"""

import pytest

from deployhost.converge.findings.broken_off_plan import ATTEMPTS
from deployhost.errors import FileProblem
from deployhost.model import DeployStatus, Trigger
from deployhost.system.owners import Owner
from tests.fakes.asking import is_let_go, running
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.git import RepositoryOfPages
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.life import Crash, Until
from tests.fakes.recovering import restart

ONE, TWO, THREE = sha(1), sha(2), sha(3)
OLD, NEW = Owner(10001, 10001), Owner(2**20, 2**20)
TEXTS = {
    "overlap": "storage: true\n    strategy: overlap",
    "handover": "storage: true",
    "kamal": "engine: kamal\n    storage: true\n    strategy: overlap",
}


def prepared(server: Server, text: str) -> Assembled:
    """Have a release of before the upgrade live, whose user is the one that all apps had."""
    server.repository = RepositoryOfPages
    server.behaviours[ONE] = Behaviour(user="10001:10001")
    app, daemon = server.add("shop", text=text), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    assert held_by(server) == (OLD, OLD)
    daemon.life.effects.clear()
    return daemon


def held_by(server: Server) -> tuple[Owner, Owner]:
    """Return the owners of the storage and of what lies in it."""
    directory = next(server.paths.storage_root.iterdir())
    return server.possession.directories[directory], server.possession.files[directory]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_release_of_another_user_gets_it_between_stop_and_start(server: Server, text: str) -> None:
    daemon = prepared(server, text)
    (app,) = daemon.apps.known
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert daemon.live(app).sha == TWO
    assert held_by(server) == (NEW, NEW)
    done = [
        one
        for one in daemon.life.effects
        if one in ("proxy pause", "docker stop", "chown files", "docker start", "proxy resume")
    ]
    assert done[:4] == ["proxy pause", "docker stop", "chown files", "docker start"]
    assert is_let_go(server, daemon)
    assert not daemon.storage.is_lent(app)
    daemon.life.effects.clear()
    assert daemon.deploy(app, THREE).status is DeployStatus.LIVE
    assert "chown files" not in daemon.life.effects
    assert ("proxy pause" in daemon.life.effects) is (text == "storage: true"), "a deploy like any other again"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_rollback_brings_it_back(server: Server, text: str) -> None:
    daemon = prepared(server, text)
    (app,) = daemon.apps.known
    daemon.deploy(app, TWO)
    first = daemon.releases.of_app(app)[-1]
    daemon.deploys.accept(app, ONE, trigger=Trigger.ROLLBACK, target=first.version)
    daemon.work_off()
    assert daemon.live(app).sha == ONE
    assert held_by(server) == (OLD, OLD)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("behaviour", [Behaviour(exits=3), Behaviour(status=500)], ids=["ends", "broken"])
def test_what_fails_gives_it_back(server: Server, text: str, behaviour: Behaviour) -> None:
    server.behaviours[TWO] = behaviour
    daemon = prepared(server, text)
    (app,) = daemon.apps.known
    if "kamal" in text:
        daemon.fake_kamal.fails = "before" if behaviour.exits else "after"
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert daemon.live(app).sha == ONE
    assert running(server) == [f"shop-web-{ONE}"]
    assert held_by(server) == (OLD, OLD)
    assert not daemon.storage.is_lent(app)
    assert is_let_go(server, daemon)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_fails_gives_it_back_though_nothing_ran(server: Server, text: str) -> None:
    server.behaviours[TWO] = Behaviour(exits=3)
    daemon = prepared(server, text)
    (app,) = daemon.apps.known
    if "kamal" in text:
        daemon.fake_kamal.fails = "before"
    daemon.docker.stop(daemon.live(app).container)
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert held_by(server) == (OLD, OLD)
    assert not daemon.storage.is_lent(app)


def test_files_that_can_not_change_hands(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = prepared(server, TEXTS["overlap"])
    (app,) = daemon.apps.known
    give = type(daemon.owners).give

    def fails(self: object, directory: object, before: object, owner: Owner) -> None:
        if owner == NEW:
            server.possession.files[server.paths.storage(app)] = NEW  # the first one, and then no further
            raise FileProblem("can't change the owner of files")
        give(self, directory, before, owner)  # type: ignore[arg-type]

    monkeypatch.setattr(type(daemon.owners), "give", fails)
    deploy = daemon.deploy(app, TWO)
    assert (deploy.error or {})["message"] == "can't change the owner of files"
    assert daemon.live(app).sha == ONE
    assert held_by(server) == (OLD, OLD)


def test_a_person_that_boots_an_older_release_with_kamal(server: Server) -> None:
    """Kamal knows nothing of it, and starts a container that can't write: a restart of what it left hands it over."""
    daemon = prepared(server, TEXTS["handover"])
    (app,) = daemon.apps.known
    daemon.deploy(app, TWO)
    first = daemon.releases.of_app(app)[-1]
    server.engine.starting = lambda _container, _image: None
    KamalByHand(server).boot(app, first.version, binds=(f"{server.paths.storage(app)}:/storage",))
    daemon.converge.run()
    daemon.work_off()
    assert daemon.live(app).sha == ONE
    assert held_by(server) == (OLD, OLD)


def test_what_breaks_off_again_and_again_gives_it_back(server: Server) -> None:
    """Nothing ran before, so nothing is started again either: only the end of the deploy brings it back."""
    daemon = prepared(server, TEXTS["handover"])
    (app,) = daemon.apps.known
    daemon.docker.stop(daemon.live(app).container)
    daemon.accept(app, TWO)
    for _ in range(ATTEMPTS):
        with pytest.raises(Crash):
            restart(server, Until("docker start")).work_off()
        settle()
        assert held_by(server) == (NEW, NEW)
    daemon = restart(server)
    assert daemon.deploys.of_app(app)[0].status is DeployStatus.FAILED
    assert held_by(server) == (OLD, OLD)
    assert not daemon.storage.is_lent(app)


def test_the_old_release_that_starts_by_itself_has_it_back(server: Server) -> None:
    """The machine went down: the old release had ended with it, and the deploy that came next broke off."""
    daemon = prepared(server, TEXTS["handover"])
    (app,) = daemon.apps.known
    server.engine.end(daemon.live(app).container, 255)
    server.remember()()
    daemon = server.start(Until("docker start"))
    daemon.accept(app, TWO)
    with pytest.raises(Crash):
        daemon.work_off()
    settle()
    assert held_by(server) == (NEW, NEW)
    daemon = restart(server)
    assert running(server) == [f"shop-web-{ONE}"]
    assert held_by(server) == (OLD, OLD)
    daemon.work_off()
    assert daemon.live(app).sha == TWO
    assert held_by(server) == (NEW, NEW)
