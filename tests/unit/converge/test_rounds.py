"""Keeping a server as it should be: each app under its lock, one in nobody's way, what fails tried again."""

import contextlib
from dataclasses import replace

import pytest

from deployhost.deploy.going_live import Unrecorded
from deployhost.errors import (
    BuildFailed,
    CommandFailed,
    Conflict,
    DeployhostError,
    DockerUnavailable,
    FileProblem,
    SwitchFailed,
)
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, DeployStatus, Sha, Trigger, Version
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import FakeDocker
from tests.fakes.life import Crash, Life
from tests.fakes.recovering import check, did, restart
from tests.fakes.sweep import effects

ONE, TWO = sha(1), sha(2)

SERVICE = "shop-web"


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


def test_nothing_to_do(server: Server, daemon: Assembled) -> None:
    effects = len(daemon.life.effects)
    assert did(daemon) == []
    assert len(daemon.life.effects) == effects


def test_in_a_hurry(server: Server, app: AppName, daemon: Assembled) -> None:
    """At the daemon's start nobody waits for containers that take their time to stop."""
    spec = replace(
        server.engine.specs[daemon.live(app).container],
        name="shop-web-x",
        labels={**contract.role_labels(app, WEB), "deployhost.deploy": "1"},
    )
    docker = FakeDocker(server.engine)
    docker.start(docker.create(replace(spec, labels={**spec.labels, "deployhost.deploy": "0"})))
    assert not daemon.converge.run(hurry=True).steps
    assert did(daemon) == ["StopContainer"]


def test_a_deploy_that_is_worked_on(server: Server, app: AppName, daemon: Assembled) -> None:
    """What a worker is at has not broken off, however long it takes."""
    queued = daemon.accept(app, TWO)
    looked: list[list[str]] = []
    daemon.worked_on.add(queued.id)
    daemon.fake_builder.during = lambda: looked.append([step.what for step in daemon.converge.run()])
    daemon.work_off()
    assert looked == [[]]
    check(server, daemon, app, TWO)


def test_broken_apps_yml(server: Server, app: AppName, daemon: Assembled) -> None:
    """A mistake in it concerns nothing that runs: what can be mended without it is."""
    good = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text("apps: [\n")
    server.engine.end(daemon.live(app).container, 1)
    assert did(daemon) == ["StartContainer"]
    server.paths.apps_yml.write_text(good)
    check(server, daemon, app, ONE)


def test_app_that_is_not_in_apps_yml_any_more(server: Server, app: AppName, daemon: Assembled) -> None:
    server.paths.apps_yml.write_text("apps: {}\n")
    before = [one.id for one in server.engine.running]
    assert did(daemon) == []
    assert [one.id for one in server.engine.running] == before
    assert "is not in apps.yml any more" in " ".join(daemon.converge.notes(app))


def test_one_app_that_cannot_be_mended(server: Server, app: AppName, daemon: Assembled) -> None:
    """It is told, and the other one is mended."""
    blog = server.add("blog")
    daemon.deploy(blog, ONE)
    server.table.routes.clear()
    to = daemon.switch.to

    def refuse(container: object, port: int, config: object) -> object:
        if getattr(config, "name", "") == blog:
            raise SwitchFailed("kamal-proxy refused the new release")
        return to(container, port, config)  # type: ignore[arg-type]

    server.monkeypatch.setattr(type(daemon.switch), "to", lambda _switch, *arguments: refuse(*arguments))
    plan = daemon.converge.run()
    settle()
    assert "blog: kamal-proxy refused the new release" in plan.notes
    assert set(server.table.routes) == {SERVICE}


def test_mending_one_deploy(server: Server, app: AppName, daemon: Assembled) -> None:
    """What a worker could not end itself is queued again; while the app is somebody else's, not yet."""
    queued = daemon.accept(app, TWO)
    begun = daemon.deploys.begin(queued, Version(TWO))
    assert begun is not None
    lock = server.paths.kamal / f"lock-{app}"
    lock.mkdir(parents=True)
    with pytest.raises(Conflict, match="held by somebody"):
        daemon.converge.mend(begun)
    lock.rmdir()
    daemon.converge.mend(begun)
    assert daemon.deploys.get(queued.id).status is DeployStatus.QUEUED
    daemon.work_off()
    check(server, daemon, app, TWO)


def test_restart_trigger_is_no_choice(server: Server, app: AppName, daemon: Assembled) -> None:
    daemon.deploy(app, ONE, Trigger.RESTART)
    server.now += 100
    assert did(daemon) == []
    check(server, daemon, app, ONE)


def test_error_at_every_effect(server: Server) -> None:
    """Any one call of any tool fails: the deploy is live or has failed, and what serves is what the journal says."""
    app = server.add("shop")
    server.start().deploy(app, ONE)
    restore = server.remember()
    outcomes = set()
    for at in effects():
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
    for at in effects():
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
