"""The daemon dies at each of its effects, one after the other; the next one brings everything together again."""

import contextlib
import json
from dataclasses import replace

import pytest

from deployhost.config import apps
from deployhost.deploy.going_live import Unrecorded
from deployhost.errors import BuildFailed, CommandFailed, DeployhostError, DockerUnavailable, FileProblem, SwitchFailed
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, DeployStatus, Domain, Sha
from tests.fakes.assembled import Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.life import Crash, Life
from tests.fakes.recovering import check, restart

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def refusal(effect: str) -> DeployhostError:
    """Given an effect, return the error that its tool raises."""
    tool = effect.partition(" ")[0]
    if tool == "journal":
        return FileProblem("the journal can't be written: database or disk is full")
    return {
        "docker": DockerUnavailable("the Docker engine does not answer"),
        "proxy": SwitchFailed("kamal-proxy is not running"),
        "git": CommandFailed("git failed with exit code 128", status=128),
        "build": BuildFailed("the build failed"),
    }[tool]


def test_error_at_every_effect(server: Server) -> None:
    """Any one call of any tool fails: the deploy is live or has failed, and what serves is what the journal says."""
    app = server.add("shop")
    server.start().deploy(app, ONE)
    restore = server.remember()
    outcomes = set()
    at = 0
    while True:
        at += 1
        restore()
        life = Life(break_at=at, error=refusal)
        daemon = server.start(life)
        try:
            deploy = daemon.accept(app, TWO)
        except FileProblem:
            continue  # refused before it was taken
        try:
            daemon.pipeline.run(deploy)
        except (FileProblem, Unrecorded):
            daemon.converge.mend(deploy)  # as the worker does
            daemon.work_off()
        settle()
        served = daemon.live(app)
        ended = daemon.deploys.get(deploy.id)
        if ended.status is DeployStatus.LIVE or served.deploy == deploy.id:
            assert served.sha == TWO
        else:
            assert (ended.status, served.sha) == (DeployStatus.FAILED, ONE)
            assert (ended.error or {})["message"]
        outcomes.add(ended.status)
        daemon = restart(server)
        assert daemon.live(app).sha == served.sha
        assert [container.id for container in server.engine.running] == [served.container]
        assert daemon.deploys.open() == []
        if not life.broke:
            break
    assert outcomes == {DeployStatus.LIVE, DeployStatus.FAILED}
    assert at > 20


@pytest.mark.parametrize(
    ("text", "effect"), [("", "git move_branch"), ("strategy: handover", "docker start"), ("", "docker start")]
)
def test_error_at_every_effect_of_converging(server: Server, text: str, effect: str) -> None:
    """Any one call of any tool fails while things are brought together: the next look, of the same daemon, goes on."""
    app = server.add("shop", text=text)
    server.start().deploy(app, ONE)
    crash(server, app, TWO, effect)
    restore = server.remember()
    at = 0
    while True:
        at += 1
        restore()
        life = Life(break_at=at, error=refusal)
        daemon = server.start(life)
        with contextlib.suppress(DeployhostError):
            daemon.converge.run(hurry=True)
        for _ in range(2):
            server.now += 100
            daemon.converge.run()
            settle()
        if not life.broke:
            break
        if life.effects[at - 1] in ("git move_branch", "docker tag"):
            continue  # it is live; what could not be told to git or Kamal is told to the person
        daemon.work_off()
        server.now += 100
        daemon.converge.run()
        check(server, daemon, app, TWO)
    assert at >= 3, "there was something to bring together"


def crash(server: Server, app: AppName, commit: Sha, at: str) -> None:
    """Given an app and a commit, deploy it with a daemon that dies when it is about to do this for the first time."""

    class Until(Life):
        def effect(self, name: str) -> None:
            if name == at:
                self.over = True
            super().effect(name)

    daemon = server.start(Until())
    daemon.accept(app, commit)
    with pytest.raises(Crash):
        daemon.work_off()
    settle()


def test_not_for_ever(server: Server) -> None:
    """A deploy that takes the daemon down each time fails at last, and the old release serves."""
    app = server.add("shop")
    number = server.start().deploy(app, ONE).id + 1
    crash(server, app, TWO, "docker start")
    for _ in range(2):
        daemon = server.start(DiesAtStart())
        daemon.converge.run()
        with pytest.raises(Crash):
            daemon.work_off()
        settle()
    daemon = restart(server)
    deploy = daemon.deploys.get(number)
    assert (deploy.status, deploy.attempt) == (DeployStatus.FAILED, 3)
    assert "ended 3 times during this deploy" in (deploy.error or {})["message"]
    check(server, daemon, app, ONE)


class DiesAtStart(Life):
    """A life that ends where a container is about to be started."""

    def effect(self, name: str) -> None:
        if name == "docker start":
            self.over = True
        super().effect(name)


def test_interrupted_and_overtaken(server: Server) -> None:
    """While it was built a newer commit came: the older one is not begun again."""
    app = server.add("shop")
    crash(server, app, ONE, "docker start")
    daemon = server.start()
    newer = daemon.accept(app, TWO)
    daemon.converge.run()
    older = daemon.deploys.of_app(app)[1]
    assert (older.status, older.superseded_by) == (DeployStatus.SUPERSEDED, newer.id)
    daemon.work_off()
    check(server, daemon, app, TWO)
    assert server.engine.stopped == []


def test_requeued_deploy_says_so(server: Server) -> None:
    app = server.add("shop")
    crash(server, app, ONE, "docker start")
    daemon = restart(server)
    assert server.engine.containers == {}, "what the broken attempt made is gone"
    daemon.work_off()
    deploy = daemon.deploys.of_app(app)[0]
    assert "deployhostd was restarted" in json.dumps(daemon.told(deploy))
    assert (deploy.status, deploy.attempt, deploy.version) == (DeployStatus.LIVE, 2, f"{ONE}-2")


def test_switched_but_not_written_down(server: Server) -> None:
    app = server.add("shop")
    server.start().deploy(app, ONE)
    crash(server, app, TWO, "git move_branch")
    daemon = restart(server)
    deploy = daemon.deploys.of_app(app)[0]
    assert (deploy.status, deploy.attempt) == (DeployStatus.LIVE, 1), "it is not built again"
    check(server, daemon, app, TWO)


def test_app_removed_meanwhile(server: Server) -> None:
    app = server.add("shop")
    crash(server, app, ONE, "docker start")
    apps.remove_app(server.paths.apps_yml, app)
    daemon = restart(server)
    assert daemon.deploys.of_app(app)[0].status is DeployStatus.CANCELLED
    assert server.engine.containers == {}


def test_failed_container_is_stopped_after_all(server: Server) -> None:
    """The daemon died between noting the failure and stopping the container; the app has never been live."""
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(listens=False)
    daemon.life.effect = lambda name: (_ for _ in ()).throw(Crash) if name == "docker stop" else None  # type: ignore[method-assign]
    daemon.accept(app, ONE)
    daemon.work_off()
    assert len(server.engine.running) == 1
    daemon = restart(server)
    assert server.engine.running == []
    assert len(server.engine.containers) == 1, "its output can still be read"


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


def test_lost_route_is_restored(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.routes.clear()
    check(server, restart(server), app, ONE)


def test_route_of_before_is_set_right(server: Server) -> None:
    """The proxy came back with an older state: requests would go to a container that is stopped, or about to be."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    before = dict(server.table.routes)
    daemon.deploy(app, TWO)
    server.table.routes.update(before)
    check(server, restart(server), app, TWO)


def test_routes_are_kept(server: Server) -> None:
    """While the daemon runs: the proxy lost its routes, or apps.yml was given another domain by hand."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.routes.clear()
    daemon.converge.run()
    assert server.table.routes["shop-web"].hosts == ("shop.localhost",)
    apps.add_domains(server.paths.apps_yml, app, [Domain("shop.example.com")])
    daemon.converge.run()
    assert set(server.table.routes["shop-web"].hosts) == {"shop.localhost", "shop.example.com"}
    settle()
    effects = len(daemon.life.effects)
    daemon.converge.run()
    assert len(daemon.life.effects) == effects, "what is right is left alone"
    check(server, daemon, app, ONE)


def test_a_route_is_left_alone_while_somebody_deploys(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    version = daemon.live(app).version
    server.table.routes.clear()
    with daemon.locks.held(app, version, patience=0, waiting=lambda _: None):
        daemon.converge.run()
    assert server.table.routes == {}


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


def test_what_kamal_stopped_stays_stopped(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.engine.end(daemon.live(app).container)
    server.table.routes.clear()
    restart(server)
    assert server.engine.running == []
    assert server.table.routes == {}


def test_locks_of_the_dead(server: Server) -> None:
    app = server.add("shop")
    crash(server, app, ONE, "proxy deploy")
    theirs = server.paths.kamal / "lock-blog"
    theirs.mkdir()
    assert (server.paths.kamal / "lock-shop").exists()
    restart(server)
    assert [path.name for path in server.paths.kamal.glob("lock-*")] == ["lock-blog"]


@pytest.mark.parametrize("part", ["proxy", "engine"])
def test_waits_for_the_tools(server: Server, part: str) -> None:
    app = server.add("shop")
    server.start().deploy(app, ONE)
    crash(server, app, TWO, "docker start")
    thing = server.table if part == "proxy" else server.engine
    thing.down = True
    daemon = server.start()
    with pytest.raises(DeployhostError):
        daemon.converge.run()
    thing.down = False
    daemon.converge.run()
    daemon.converge.run()
    daemon.work_off()
    check(server, daemon, app, TWO)
