"""Releases are watched in their first minute: looked at, asked from outside, taken back, settled; all of it after a restart too."""

from dataclasses import replace

import pytest

from deployhost.deploy.watch import Watch
from deployhost.errors import DockerUnavailable
from deployhost.model import AppName, Trigger
from deployhost.system.clock import Clock
from deployhost.system.http import Answer
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import WITH_WORKER, Behaviour
from tests.fakes.kamal_by_hand import KamalByHand

ONE, TWO, THREE = sha(1), sha(2), sha(3)


class ServersTime(Clock):
    """Time that passes when the test says so."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def time(self) -> float:
        return self._server.now

    def monotonic(self) -> float:
        return self._server.now


class Watching:
    """A daemon's watch, with time that passes when told, and an outside that answers as told."""

    def __init__(self, server: Server, daemon: Assembled) -> None:
        self.server, self.daemon = server, daemon
        self.answer = Answer(200)
        self.asked: list[tuple[int, str, str]] = []
        server.paths.server_yml.write_text("http_port: 8000\n")
        self.watch = Watch(
            docker=daemon.docker,
            proxy=daemon.proxy,
            releases=daemon.releases,
            deploys=daemon.deploys,
            events=daemon.events,
            intake=daemon.intake,
            apps=daemon.apps,
            env=daemon.env,
            settings=daemon.settings,
            get=self.get,
            clock=ServersTime(server),
            went_wrong=daemon.troubles.went_wrong,
            forget=daemon.troubles.forget,
        )

    def get(self, ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
        self.asked.append((port, path, host))
        return self.answer

    def pass_(self, seconds: int) -> None:
        """Let so many seconds pass, looking each second, and work off what that leads to."""
        for _ in range(seconds):
            self.server.now += 1
            self.watch.tick()
            self.daemon.work_off()

    def restarts(self, times: int, role: str = "web") -> None:
        """The process ended that often, and was started again by the engine."""
        live = [one for one in self.server.engine.running if one.labels.get("role") == role]
        for one in live:
            self.server.engine.containers[one.id] = replace(one, restart_count=times)

    def waits(self, times: int, code: int) -> None:
        """The web process ended that often, now with this code, and the engine is about to start it again."""
        self.restarts(times)
        for one in self.server.engine.running:
            self.server.engine.containers[one.id] = replace(one, status="restarting", pid=0, exit_code=code)


@pytest.fixture
def app(server: Server) -> AppName:
    return server.add("shop")


@pytest.fixture
def watching(server: Server, app: AppName) -> Watching:
    daemon = server.start()
    daemon.deploy(app, ONE)
    server.now += 200
    watching = Watching(server, daemon)
    watching.watch.tick()
    daemon.deploy(app, TWO)
    return watching


def test_a_good_minute(app: AppName, watching: Watching) -> None:
    watching.pass_(58)
    assert watching.daemon.live(app).proven_at is None
    watching.pass_(3)
    assert watching.daemon.live(app).proven_at is not None
    asked = len(watching.asked)
    assert 25 <= asked <= 32
    assert watching.asked[0] == (8000, "/up", "shop.localhost")
    watching.pass_(5)
    assert len(watching.asked) == asked, "then it is left in peace"


def test_old_releases_are_not_judged(server: Server, app: AppName, watching: Watching) -> None:
    """What had lived for long before anything was watched, or before this daemon was there."""
    server.now += 1000
    watching.restarts(50)
    watching.pass_(1)
    assert watching.daemon.live(app).sha == TWO
    assert watching.daemon.live(app).proven_at is not None


def test_crash_loop(server: Server, app: AppName, watching: Watching) -> None:
    watching.pass_(3)
    failed = watching.daemon.live(app)
    watching.waits(2, 7)
    watching.pass_(1)
    daemon = watching.daemon
    live = daemon.live(app)
    assert live.sha == ONE
    brought = daemon.deploys.get(live.deploy)
    assert (brought.trigger, brought.reason) == (Trigger.AUTO_ROLLBACK, "the process web ended 2 times (exit code 7)")
    left = daemon.releases.get(app, failed.version)
    assert left is not None
    assert left.failed == brought.reason
    error = daemon.deploys.get(failed.deploy).error or {}
    assert error["code"] == "release_failed"
    assert "in its first minute: the process web ended 2 times" in error["message"]
    told = [event.get("text", "") for event in daemon.told(daemon.deploys.get(failed.deploy))]
    assert any("rolled back automatically to" in text for text in told)


def test_worker_in_a_crash_loop(server: Server, app: AppName, watching: Watching) -> None:
    server.behaviours[THREE] = WITH_WORKER
    watching.pass_(61)
    watching.daemon.deploy(app, THREE)
    watching.pass_(2)
    watching.restarts(2, role="worker")
    watching.pass_(1)
    assert watching.daemon.live(app).sha == TWO
    assert {one.labels["role"] for one in server.engine.running} == {"web"}


def test_back_to_what_served_well(app: AppName, watching: Watching) -> None:
    """The release directly before had not lived through its own first minute when it was replaced."""
    watching.pass_(30)
    watching.daemon.deploy(app, THREE)
    watching.pass_(2)
    watching.waits(2, 7)
    watching.pass_(1)
    assert watching.daemon.live(app).sha == ONE


@pytest.mark.parametrize("status", [500, 502, 0])
def test_bad_answers(app: AppName, watching: Watching, status: int) -> None:
    watching.answer = Answer(status) if status else Answer(0, "no HTTP answer (RemoteDisconnected)", "not HTTP")
    watching.pass_(8)
    assert watching.daemon.live(app).sha == TWO
    watching.pass_(3)
    assert watching.daemon.live(app).sha == ONE


@pytest.mark.parametrize(
    "answer",
    [
        Answer(0, "no answer within 2 s", "late"),
        Answer(504),
        Answer(404),
        Answer(0, "the connection was refused", "refused"),
    ],
    ids=lambda answer: str(answer.status or answer.problem),
)
def test_slow_is_not_broken(app: AppName, watching: Watching, answer: Answer) -> None:
    watching.answer = answer
    watching.pass_(62)
    assert watching.daemon.live(app).sha == TWO
    assert watching.daemon.live(app).proven_at is not None


def test_maintenance_is_no_failure(server: Server, app: AppName, watching: Watching) -> None:
    KamalByHand(server).maintenance(app)
    watching.answer = Answer(503)
    watching.pass_(62)
    assert watching.daemon.live(app).sha == TWO


def test_an_engine_that_is_away(server: Server, app: AppName, watching: Watching) -> None:
    watching.answer = Answer(502)
    watching.pass_(6)
    server.engine.down = True
    with pytest.raises(DockerUnavailable):
        watching.watch.tick()
    server.engine.down = False
    watching.pass_(4)
    assert watching.daemon.live(app).sha == TWO, "what was seen before that counts no more"


def test_no_ping_pong(server: Server, app: AppName, watching: Watching) -> None:
    watching.restarts(2)
    watching.pass_(1)
    daemon = watching.daemon
    live = daemon.live(app)
    assert live.sha == ONE
    watching.restarts(3)
    watching.pass_(5)
    assert daemon.live(app) == replace(
        live, failed="the process web ended 3 times", proven_at=daemon.live(app).proven_at
    )
    assert daemon.live(app).proven_at is not None, "settled"
    assert sum(one.trigger is Trigger.AUTO_ROLLBACK for one in daemon.deploys.of_app(app)) == 1


def test_off_by_configuration(server: Server, watching: Watching) -> None:
    blog = server.add("blog", text="auto_rollback: false")
    daemon = watching.daemon
    daemon.deploy(blog, ONE)
    daemon.deploy(blog, TWO)
    watching.restarts(2)
    watching.pass_(3)
    live = daemon.live(blog)
    assert (live.sha, live.failed) == (TWO, "the process web ended 2 times")


def test_the_first_release_stays(server: Server, watching: Watching) -> None:
    blog, daemon = server.add("blog"), watching.daemon
    deploy = daemon.deploy(blog, ONE)
    watching.restarts(2)
    watching.pass_(3)
    assert daemon.live(blog).sha == ONE
    assert any("no earlier release" in event.get("text", "") for event in daemon.told(deploy))


def test_what_is_under_way_may_mend_it(server: Server, app: AppName, watching: Watching) -> None:
    """A newer push is waited for; only when that fails the old release comes back."""
    daemon = watching.daemon
    server.behaviours[THREE] = Behaviour(exits=1)
    queued = daemon.accept(app, THREE)
    watching.restarts(2)
    server.now += 1
    watching.watch.tick()
    watching.watch.tick()
    assert [one.id for one in daemon.deploys.open()] == [queued.id]
    daemon.work_off()
    assert daemon.live(app).sha == TWO
    watching.pass_(1)
    assert daemon.live(app).sha == ONE


def test_crash_between_the_note_and_the_rollback(server: Server, app: AppName, watching: Watching) -> None:
    daemon = watching.daemon
    live = daemon.live(app)
    daemon.releases.mark_failed(app, live.version, "it crashed")
    daemon.life.over = True
    daemon.database.close()
    later = Watching(server, server.start())
    later.pass_(1)
    assert later.daemon.live(app).sha == ONE


def test_settings_that_broke_the_app_are_undone(server: Server, app: AppName, watching: Watching) -> None:
    daemon = watching.daemon
    watching.pass_(61)
    server.set_env(daemon, app, MODE="broken-by-this")
    daemon.deploy(app, TWO, Trigger.SETTINGS)
    live = daemon.live(app)
    server.engine.behaviours[live.image] = replace(
        server.engine.behaviours[live.image], says=("MODE is broken-by-this",)
    )
    watching.restarts(2)
    watching.pass_(1)
    assert daemon.live(app).sha == TWO
    assert "MODE" not in server.engine.specs[daemon.live(app).container].env
    assert daemon.env.read(app), "what is wanted stays"
    details = (daemon.deploys.get(live.deploy).error or {})["details"]
    assert details
    assert "broken-by-this" not in str(details), "no secret is told"


def test_what_kamal_deployed_is_not_taken_back(server: Server, app: AppName, watching: Watching) -> None:
    KamalByHand(server).deploy(app, THREE)
    watching.daemon.converge.run()
    settle()
    watching.restarts(9)
    watching.pass_(3)
    assert watching.daemon.live(app).sha == THREE


def test_off_the_network(server: Server, app: AppName, watching: Watching) -> None:
    """Somebody unplugged it: that is no fault of the release, and converging plugs it in again."""
    server.engine.disconnect(watching.daemon.live(app).container)
    watching.answer = Answer(502)
    watching.pass_(30)
    assert watching.daemon.live(app).sha == TWO
    assert not watching.daemon.live(app).failed
    watching.daemon.converge.run()
    settle()
    watching.pass_(15)
    assert watching.daemon.live(app).sha == ONE, "on the network, its bad answers are its own"
