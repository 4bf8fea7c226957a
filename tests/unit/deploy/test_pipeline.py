"""One deploy at a time on the fakes: what it leaves behind when it goes well, and at each stage at which it can fail."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from deployhost.config import apps
from deployhost.errors import DeployhostError
from deployhost.journal.telling import LONGEST_LINE
from deployhost.kamal import contract, lock
from deployhost.model import WEB, AppName, Deploy, DeployStatus, EnvName, Trigger, Version
from deployhost.upkeep.retention import KEEP_FAILED
from tests.fakes.asking import stages
from tests.fakes.assembled import Assembled, Server, settle, sha, wait_until
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def notes(daemon: Assembled, deploy: Deploy) -> list[str]:
    return [event["text"] for event in daemon.told(deploy) if event["event"] == "note"]


def test_last_lines_are_cut(server: Server) -> None:
    """They are kept with the deploy, and shown wherever it is; one may be as long as the whole log."""
    server.behaviours[ONE] = Behaviour(exits=3, says=("x" * 200_000, "short"))
    app, daemon = server.add("shop"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.FAILED
    long, short = (deploy.error or {})["details"]
    assert len(long) < LONGEST_LINE + 50
    assert short == "short"


def test_first_deploy(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.LIVE
    assert deploy.version == Version(ONE)
    assert stages(daemon, deploy) == ["fetch", "plan", "build", "create", "start", "health", "switch"]
    assert [phase.name for phase in deploy.phases] == [
        "queue", "fetch", "plan", "build", "create", "start", "health", "switch", "live",
    ]  # fmt: skip

    release = daemon.live(app)
    assert (release.version.sha, release.sha, release.port, release.deploy) == (ONE, ONE, 8080, deploy.id)
    assert server.refs.branches == {"main": ONE}
    image = server.engine.look_up(contract.latest_image(app))
    assert image is not None
    assert image.id == release.image
    assert contract.image(app, release.version) in image.tags


# how the app behaves -> the error's code, the stage that failed, a part of the message, the details
FAILURES: dict[str, tuple[Behaviour, str, str, str, tuple[str, ...]]] = {
    "build": (Behaviour(build_error="pip failed", build_says=("installing",)), "build_failed", "build", "pip failed", ()),
    "no such command": (
        Behaviour(start_error='exec: "foo": not found'),
        "boot_failed", "start", 'the app can\'t be started: exec: "foo": not found', (),
    ),
    "crash at boot": (
        Behaviour(exits=3, says=("Traceback", "KeyError: 'X'")),
        "boot_failed", "health", "the app ended while starting, with exit code 3", ("Traceback", "KeyError: 'X'"),
    ),
    "loopback": (Behaviour(loopback=True), "boot_failed", "health", "127.0.0.1:8080 only", ()),
    "listens nowhere": (
        Behaviour(listens=False, says=("sleeping",)),
        "boot_failed", "health", "did not listen on any port within 60 s", ("sleeping",),
    ),
    "unhealthy": (Behaviour(status=500, says=("boom",)), "boot_failed", "health", "GET / → 500", ("boom",)),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_failure_leaves_the_old_release(server: Server, case: str) -> None:
    behaviour, code, stage, message, details = FAILURES[case]
    server.behaviours[TWO] = behaviour
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert deploy.error is not None
    assert deploy.error["code"] == code
    assert message in deploy.error["message"]
    assert tuple(deploy.error["details"]) == details
    assert deploy.error["hint"] == f"deployhost logs shop --deploy {deploy.id}"
    assert stages(daemon, deploy, "failed") == [stage]
    assert daemon.live(app) == before
    assert [container.id for container in server.engine.running] == [before.container]
    assert server.refs.branches == {"main": ONE}
    assert not list(server.paths.kamal.glob("lock-*"))


def test_refused_switch(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    server.table.refuses = "host settings conflict with another service"
    deploy = daemon.deploy(app, TWO)
    assert (deploy.error or {})["code"] == "switch_failed"
    assert "host settings conflict" in (deploy.error or {})["message"]
    assert daemon.live(app) == before
    assert [container.id for container in server.engine.running] == [before.container]


def test_proxy_down(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.down = True
    deploy = daemon.deploy(app, TWO)
    assert (deploy.error or {})["message"] == "kamal-proxy is not running"
    server.table.down = False
    assert daemon.live(app).sha == ONE


def test_proxy_never_switches(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.silent = True
    deploy = daemon.deploy(app, TWO)
    assert "in time" in (deploy.error or {})["message"]
    assert server.table.calls[-1].was_stopped
    assert daemon.live(app).sha == ONE


def test_switched_after_all(server: Server) -> None:
    """The call ends with an error, but requests go to the new container: then that one is live, and is not stopped."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    server.table.unsure = True
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert daemon.live(app).sha == TWO


def test_the_one_that_serves_is_never_stopped(server: Server) -> None:
    """A deploy that the journal calls failed, by whatever accident, serves: its container stays, and a restart finds out."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    daemon.deploy(app, TWO)
    serving = daemon.live(app)
    with daemon.database.transaction() as db:
        db.execute("UPDATE releases SET is_live = 0")
        db.execute("UPDATE releases SET is_live = 1 WHERE sha = ?", (ONE,))
        db.execute("UPDATE deploys SET status = 'failed' WHERE sha = ?", (TWO,))
    daemon.pipeline._tidy(daemon.deploys.of_app(app)[0])
    assert server.engine.containers[serving.container].running

    later = server.start()
    later.converge.run()
    settle()
    assert later.live(app).sha == TWO
    assert later.deploys.of_app(app)[0].status is DeployStatus.LIVE
    assert [container.id for container in server.engine.running] == [serving.container]


def test_events_that_cannot_be_written(server: Server) -> None:
    """A full disk takes the progress from whoever follows, not the release from the app."""
    app, daemon = server.add("shop"), server.start()
    server.paths.deploy_logs.parent.mkdir(parents=True, exist_ok=True)
    server.paths.deploy_logs.write_text("a file is in the way")
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE


def test_long_lines_are_cut(server: Server) -> None:
    """But not before secrets are taken out: half of one would not be recognised."""
    secret = "correct-horse-battery"
    server.behaviours[ONE] = Behaviour(build_says=("x" * 1000, "y" * 20_000, "z" * 990 + secret + "z" * 8))
    app, daemon = server.add("shop"), server.start()
    daemon.env.set(app, {EnvName("PASSWORD"): secret}, datetime.now(UTC))
    ended = daemon.deploy(app, ONE)
    said = [event["line"] for event in daemon.told(ended) if event["event"] == "output"]
    assert said == [
        "x" * 1000,
        "y" * 1000 + "… (19,000 more characters)",
        "z" * 990 + "***" + "z" * 7 + "… (1 more character)",
    ]


def test_secrets_are_redacted(server: Server) -> None:
    secret, pem = "correct-horse-battery", "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----"
    server.behaviours[ONE] = Behaviour(build_error=f"no: {secret}", build_says=(f"using {secret}", "MIIEvQIBADANBg"))
    server.behaviours[TWO] = Behaviour(exits=1, says=(f"bad password {secret}", "  MIIEvQIBADANBg"))
    app, daemon = server.add("shop"), server.start()
    daemon.env.set(app, {EnvName("PASSWORD"): secret, EnvName("KEY"): pem, EnvName("DEBUG"): "1"}, datetime.now(UTC))
    ended = [daemon.deploy(app, ONE), daemon.deploy(app, TWO)]
    everything = json.dumps([[deploy.error, daemon.told(deploy)] for deploy in ended])
    assert secret not in everything
    assert "MIIEvQIBADANBg" not in everything
    assert "using ***" in everything
    assert "bad password ***" in everything
    assert ended[1].error is not None
    assert "exit code 1" in ended[1].error["message"], "short values are no secrets"


def test_no_build_begins_before_it_is_kept_away_from_the_host(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    app, daemon, seen = server.add("shop"), server.start(), list[str]()

    @contextlib.contextmanager
    def building(_app: AppName) -> Iterator[Callable[[], None]]:
        seen.append("closing")
        yield lambda: seen.append("closed")
        seen.append("open again")

    monkeypatch.setattr(daemon.host_isolation, "building", building)
    daemon.fake_builder.during = lambda: seen.append("built")
    daemon.deploy(app, ONE)
    assert seen == ["closing", "closed", "built", "open again"]


def test_settings_repeat_what_is_live_by_then(server: Server) -> None:
    """Asked for while a push was on its way: what it repeats is that push, and it says so."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    daemon.accept(app, TWO)
    settings = daemon.accept(app, ONE, Trigger.SETTINGS)
    daemon.work_off()
    live = daemon.live(app)
    assert (live.sha, live.version, live.deploy) == (TWO, f"{TWO}-2", settings.id)
    assert daemon.deploys.get(settings.id).sha == TWO


def test_settings_that_change_during_the_build_count(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()

    def meanwhile() -> None:
        daemon.env.set(app, {EnvName("NEW"): "arrived-late"}, datetime.now(UTC))
        apps.set_storage(server.paths.apps_yml, app, True)

    daemon.fake_builder.during = meanwhile
    daemon.deploy(app, ONE)
    spec = server.engine.specs[daemon.live(app).container]
    assert spec.env["NEW"] == "arrived-late"
    assert spec.binds


def test_secrets_that_come_during_the_build_are_redacted(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(exits=1, says=("password arrived-late",))
    app, daemon = server.add("shop"), server.start()

    def meanwhile() -> None:
        daemon.env.set(app, {EnvName("NEW"): "arrived-late"}, datetime.now(UTC))

    daemon.fake_builder.during = meanwhile
    assert (daemon.deploy(app, ONE).error or {})["details"] == ["password ***"]


def test_nothing_is_left_of_a_switch(server: Server) -> None:
    """Neither the thread that answered the proxy's health check, nor the socket it listened on."""
    app, daemon = server.add("shop"), server.start()
    before = threads()
    for number in (1, 2, 3):
        daemon.deploy(app, sha(number))
    wait_until(lambda: threads() <= before)  # one that a test before left behind may have ended
    assert not list(server.paths.run.iterdir())


def threads() -> set[threading.Thread]:
    """Return the threads that there are, but for what looks at the disks, which ends a moment after the last build."""
    return {thread for thread in threading.enumerate() if thread.name != "disk watch"}


@pytest.mark.parametrize("again", [False, True])
def test_removed_while_building(server: Server, again: bool) -> None:
    """The app is removed during its build, and perhaps added again: nothing of the old one comes up."""
    app, daemon = server.add("shop"), server.start()

    def meanwhile() -> None:
        daemon.releases.forget(app)
        daemon.deploys.forget(app)
        apps.remove_app(server.paths.apps_yml, app)
        if again:
            server.add("shop")

    daemon.fake_builder.during = meanwhile
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.CANCELLED
    assert (deploy.error or {})["code"] == "app_not_found"
    assert server.engine.containers == {}
    assert server.engine.images == {}
    assert server.table.routes == {}
    assert daemon.releases.live(app) is None


def test_removed_and_forgotten_while_building(server: Server) -> None:
    """A removal that was run twice leaves not even the cancelled deploy."""
    app, daemon = server.add("shop"), server.start()

    def meanwhile() -> None:
        apps.remove_app(server.paths.apps_yml, app)
        daemon.deploys.forget(app)
        daemon.deploys.forget(app)

    daemon.fake_builder.during = meanwhile
    daemon.accept(app, ONE)
    daemon.work_off()
    assert daemon.deploys.of_app(app) == []
    assert server.engine.images == {}


def test_superseded_between_queue_and_start(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    taken = daemon.accept(app, ONE)
    daemon.accept(app, TWO)
    daemon.pipeline.run(taken)
    assert daemon.deploys.get(taken.id).status is DeployStatus.SUPERSEDED
    daemon.work_off()
    assert daemon.live(app).sha == TWO
    assert len(server.engine.containers) == 1


def test_newest_wins(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    deploys = [daemon.accept(app, sha(number)) for number in (1, 2, 3)]
    daemon.work_off()
    ended = [daemon.deploys.get(deploy.id) for deploy in deploys]
    assert [deploy.status for deploy in ended] == ["superseded", "superseded", "live"]
    assert [deploy.superseded_by for deploy in ended] == [ended[1].id, ended[2].id, None]
    assert daemon.live(app).sha == THREE


def test_somebody_else_deploys_with_kamal(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "POLL", 0.01)
    app, daemon = server.add("shop"), server.start()
    theirs = server.paths.kamal / "lock-shop"
    theirs.mkdir(parents=True)
    (theirs / "details").write_text("TG9ja2VkIGJ5OiBBbm4=\n")
    deploy = daemon.accept(app, ONE)

    def release() -> bool:
        waiting = [event.get("text") for event in daemon.told(deploy) if event["event"] == "note"]
        if waiting == ["waiting for Kamal's lock: Locked by: Ann"]:
            (theirs / "details").unlink()
            theirs.rmdir()
        return bool(waiting)

    runs = threading.Thread(target=daemon.pipeline.run, args=(deploy,))
    runs.start()
    wait_until(release)
    runs.join(5)
    settle()
    ended = daemon.deploys.get(deploy.id)
    assert ended.status is DeployStatus.LIVE
    assert [phase.name for phase in ended.phases].count("lock") == 1, "its time is accounted for"


def test_cancelled_while_somebody_else_deploys_with_kamal(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "POLL", 0.01)
    app, daemon = server.add("shop"), server.start()
    (server.paths.kamal / "lock-shop").mkdir(parents=True)
    deploy = daemon.accept(app, ONE)
    runs = threading.Thread(target=daemon.pipeline.run, args=(deploy,), daemon=True)
    runs.start()
    wait_until(lambda: any("waiting for Kamal's lock" in event.get("text", "") for event in daemon.told(deploy)))
    assert daemon.cancellations.ask(deploy.id, "alice")
    runs.join(5)
    assert daemon.deploys.get(deploy.id).status is DeployStatus.CANCELLED
    assert (server.paths.kamal / "lock-shop").exists()


def test_a_defect_of_ours(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)

    def broken() -> None:
        raise ZeroDivisionError("oops")

    daemon.fake_builder.during = broken
    deploy = daemon.deploy(app, TWO)
    assert deploy.error is not None
    assert deploy.error["code"] == "internal"
    assert "oops" in deploy.error["message"]
    assert any("test_pipeline.py" in line for line in deploy.error["details"])
    assert daemon.live(app).sha == ONE


def test_failures_do_not_pile_up(server: Server) -> None:
    """Old attempts go, with images and containers, also when none ever goes well."""
    app, daemon = server.add("shop"), server.start()
    for number in range(1, 10):
        server.behaviours[sha(number)] = Behaviour(exits=1)
        daemon.deploy(app, sha(number))
    assert len(server.engine.containers) == KEEP_FAILED
    assert len(server.engine.images) == KEEP_FAILED


def test_broken_settings_say_so(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.paths.apps_yml.write_text("apps:\n  shop:\n    prot: 80\n")
    deploy = daemon.deploy(app, ONE)
    assert deploy.error is not None
    assert deploy.error["code"] == "invalid_config"


def test_storage_that_was_lost_is_made_anew_and_told(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    lost = f"the storage directory {server.paths.storage(app)} was missing: it was made anew, and is empty"
    daemon.deploy(app, ONE)
    apps.set_storage(server.paths.apps_yml, app, True)
    assert lost not in notes(daemon, daemon.deploy(app, TWO)), "it was never there"
    server.paths.storage(app).rmdir()
    assert notes(daemon, daemon.deploy(app, THREE)).count(lost) == 1
    assert server.paths.storage(app).is_dir()
    assert lost not in notes(daemon, daemon.deploy(app, ONE))


def test_unknown_user(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(user="nobody-knows")
    app, daemon = server.add("shop", text="storage: true"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert "the image's user 'nobody-knows' is not in its /etc/passwd" in (deploy.error or {})["message"]


def test_error_types_are_ours(server: Server) -> None:
    """What the follower gets is what the journal has."""
    server.behaviours[ONE] = Behaviour(exits=9)
    app, daemon = server.add("shop"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.container is not None
    assert daemon.releases.live(app) is None
    assert set(deploy.error or {}) == set(DeployhostError("x").to_json())
    assert contract.container_name(app, WEB, deploy.version or deploy.sha) in [  # type: ignore[arg-type]
        one.name for one in server.engine.containers.values()
    ]
