"""How a release comes to serve: overlap, handover, workers, the release command, going back to a release."""

import pytest

from deployhost.errors import SwitchFailed
from deployhost.kamal import contract
from deployhost.model import WEB, Deploy, DeployStatus, Sha, Strategy, Trigger
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.life import Life

ONE, TWO, THREE = sha(1), sha(2), sha(3)
WORKERS = {"worker": "python worker.py", "release": "python migrate.py"}


def stages(daemon: Assembled, deploy: Deploy) -> list[str]:
    return [event["stage"] for event in daemon.told(deploy) if event.get("state") == "done"]


def running(server: Server) -> list[str]:
    return sorted(container.name for container in server.engine.running)


def is_let_go(server: Server, daemon: Assembled) -> bool:
    states = [route.state for route in server.table.routes.values()]
    return daemon.holds.all() == [] and set(states) <= {contract.RUNNING}


def test_storage_is_handed_over(server: Server) -> None:
    """Never are both there at once, and requests are held from before the one ends until the other is ready."""
    app, daemon = server.add("shop", text="storage: true"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    first = daemon.live(app)
    daemon.life.effects.clear()
    deploy = daemon.deploy(app, TWO)
    assert stages(daemon, deploy) == ["fetch", "plan", "build", "create", "hold", "stop", "start", "health", "switch"]
    effects = [
        e
        for e in daemon.life.effects
        if e in ("proxy pause", "docker stop", "docker start", "proxy deploy", "proxy resume")
    ]
    assert effects == ["proxy pause", "docker stop", "docker start", "proxy deploy", "proxy resume"]
    assert daemon.live(app).sha == TWO
    assert server.engine.stopped == [first.container]
    assert is_let_go(server, daemon)
    assert daemon.releases.drains() == []


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(exits=3), Behaviour(start_error="no such command"), Behaviour(status=500), Behaviour(listens=False)],
    ids=["ends", "does not start", "broken", "silent"],
)
def test_handover_that_fails_goes_back(server: Server, behaviour: Behaviour) -> None:
    server.behaviours[TWO] = behaviour
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    daemon.life.effects.clear()
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert daemon.live(app) == before
    assert running(server) == [f"shop-web-{ONE}"]
    assert is_let_go(server, daemon)
    told = [effect for effect in daemon.life.effects if effect.startswith("proxy")]
    assert told == ["proxy pause", "proxy deploy", "proxy resume"], "no connection to what ended is used again"
    assert any("old release was started again" in event.get("text", "") for event in daemon.told(deploy))


def test_proxy_that_restarts_in_a_handover_is_not_resumed(server: Server) -> None:
    """It would die of it, again and again (kamal-proxy v0.9.2, internal/server/pause_controller.go)."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    begin = daemon.holding.begin

    def begin_and_restart(*arguments: object, **named: object) -> None:
        begin(*arguments, **named)  # type: ignore[arg-type]
        server.table.restart()

    def patched(_holding: object, *arguments: object, **named: object) -> None:
        begin_and_restart(*arguments, **named)

    server.monkeypatch.setattr(type(daemon.holding), "begin", patched)
    daemon.life.effects.clear()
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert "proxy resume" not in daemon.life.effects
    assert daemon.live(app).sha == TWO
    assert is_let_go(server, daemon)
    assert server.table.starts == 2


def test_pause_that_fails_leaves_everything(server: Server) -> None:
    app = server.add("shop", text="strategy: handover")
    daemon = server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    daemon = server.start(Life())

    def refuse(service: str, *, drain: float, max_pause: float) -> None:
        raise SwitchFailed(f"not now: {service} ({drain:g}, {max_pause:g})")

    daemon.proxy.pause = refuse  # type: ignore[method-assign]
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert daemon.live(app) == before
    assert is_let_go(server, daemon)


def test_maintenance_is_kept(server: Server) -> None:
    """What `kamal app maintenance` stopped is not held and not let go: a deploy goes on behind it."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    service = contract.service_name(app, WEB)
    server.stop_route(service)
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.LIVE
    assert server.table.routes[service].state == contract.STOPPED
    assert running(server) == [f"shop-web-{TWO}"]


@pytest.mark.parametrize("lost", [True, False], ids=["no route", "maintenance"])
def test_what_ran_runs_again_though_nothing_was_held(server: Server, lost: bool) -> None:
    server.behaviours[TWO] = Behaviour(exits=3)
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    service = contract.service_name(app, WEB)
    if lost:
        del server.table.routes[service]
    else:
        server.stop_route(service)
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert running(server) == [f"shop-web-{ONE}"]
    assert server.table.routes[service].state == (contract.RUNNING if lost else contract.STOPPED)
    assert daemon.holds.all() == []


@pytest.mark.parametrize("strategy", Strategy)
def test_workers_go_with_their_release(server: Server, strategy: Strategy) -> None:
    server.behaviours[ONE] = server.behaviours[TWO] = Behaviour(processes=WORKERS, ends={"python migrate.py": 0})
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    assert running(server) == [f"shop-web-{ONE}", f"shop-worker-{ONE}"]
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.LIVE
    assert running(server) == [f"shop-web-{TWO}", f"shop-worker-{TWO}"]
    worker = next(one for one in server.engine.running if one.labels["role"] == "worker")
    assert worker.restart == "unless-stopped"
    assert worker.labels["destination"] == ""
    assert server.engine.specs[worker.id].command == ("python", "worker.py")
    assert "release" in stages(daemon, deploy)
    assert not [one for one in server.engine.containers.values() if "release-exec" in one.name]


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize(
    "ends", [{"python worker.py": 1, "python migrate.py": 0}, {"python migrate.py": 2}], ids=["worker", "release"]
)
def test_a_process_that_fails_stops_the_deploy(server: Server, strategy: Strategy, ends: dict[str, int]) -> None:
    server.behaviours[ONE] = Behaviour(processes=WORKERS, ends={"python migrate.py": 0})
    server.behaviours[TWO] = Behaviour(processes=WORKERS, ends=ends, says=("no such table",))
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert deploy.error is not None
    assert "no such table" in deploy.error["details"]
    assert deploy.error["message"] in (
        "the process worker ended while starting, with exit code 1", "the release command failed, with exit code 2",
    )  # fmt: skip
    assert daemon.live(app).sha == ONE
    assert running(server) == [f"shop-web-{ONE}", f"shop-worker-{ONE}"]
    assert is_let_go(server, daemon)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_long_release_command_while_requests_are_held(server: Server, strategy: Strategy) -> None:
    """Whoever pushed learns that visitors wait, once; where none do, nothing is said."""
    server.behaviours[ONE] = server.behaviours[TWO] = Behaviour(processes=WORKERS, ends={"python migrate.py": 0})
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()

    def told(commit: Sha) -> list[str]:
        notes = [event.get("text", "") for event in daemon.told(daemon.deploy(app, commit))]
        return [note for note in notes if "visitors" in note]

    server.engine.notes_late = 300
    assert told(ONE) == [], "nobody is held by the first deploy"
    long = "visitors have been waiting for 5 s: a release command runs while requests are held"
    assert told(TWO) == ([long] if strategy is Strategy.HANDOVER else [])
    server.engine.notes_late = 20
    assert told(TWO) == []


def test_settings_go_before_the_procfile(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(processes=WORKERS, ends={"./prepare": 0})
    text = "processes: {worker: {command: ./work --fast, memory: 64m}, clock: ./tick}\n    release: ./prepare\n    cpus: 0.5"
    app, daemon = server.add("shop", text=text), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    specs = {one.labels["role"]: server.engine.specs[one.id] for one in server.engine.running}
    assert {role: spec.command for role, spec in specs.items()} == {
        "web": None, "worker": ("./work", "--fast"), "clock": ("./tick",),
    }  # fmt: skip
    assert (specs["worker"].memory, specs["clock"].memory, specs["web"].cpus) == (64 * 1024**2, None, 0.5)


def test_the_release_command_is_shown_as_its_author_wrote_it(server: Server) -> None:
    run = "/bin/sh -c exec env MODE=fast ./prepare --all"
    server.behaviours[ONE] = Behaviour(ends={run: 0})
    app, daemon = server.add("shop", text="release: MODE=fast ./prepare --all"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.LIVE
    shown = [
        event for event in daemon.told(deploy) if event.get("stage") == "release" and event.get("state") == "start"
    ]
    assert [event["detail"] for event in shown] == ["MODE=fast ./prepare --all"]


def test_rollback_builds_nothing(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    for commit in (ONE, TWO):
        daemon.deploy(app, commit)
    first = daemon.releases.of_app(app)[-1]
    accepted = daemon.deploys.accept(app, ONE, trigger=Trigger.ROLLBACK, target=first.version)
    daemon.life.effects.clear()
    daemon.work_off()
    assert daemon.deploys.get(accepted.id).status is DeployStatus.LIVE
    assert "build" not in daemon.life.effects
    live = daemon.live(app)
    assert (live.sha, live.image, live.version) == (ONE, first.image, f"{ONE}-2")
    assert server.refs.branches == {"main": TWO}, "the next push goes on from what was pushed last"


def test_automatic_rollback_has_the_variables_of_before(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    server.set_env(daemon, app, MODE="broken")
    daemon.deploy(app, ONE, Trigger.SETTINGS)
    assert server.engine.specs[daemon.live(app).container].env["MODE"] == "broken"
    daemon.deploys.accept(app, Sha(ONE), trigger=Trigger.AUTO_ROLLBACK, target=before.version, reason="it crashed")
    daemon.work_off()
    assert "MODE" not in server.engine.specs[daemon.live(app).container].env
    assert (server.paths.kamal / "apps/shop/env/roles/web.env").read_text() == "MODE=broken\n", "what is wanted stays"


def test_the_same_files_are_not_built_twice(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    daemon.deploy(app, TWO)
    first = daemon.releases.of_app(app)[-1]
    daemon.life.effects.clear()
    daemon.deploy(app, ONE, Trigger.MANUAL)
    assert "build" not in daemon.life.effects
    assert daemon.live(app).image == first.image
    accepted = daemon.deploys.accept(app, ONE, trigger=Trigger.MANUAL, rebuild=True)
    daemon.work_off()
    assert "build" in daemon.life.effects
    assert daemon.deploys.get(accepted.id).status is DeployStatus.LIVE


def test_what_never_went_live_is_built_again(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(status=500)
    app, daemon = server.add("shop"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.FAILED
    server.behaviours[ONE] = Behaviour()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE


@pytest.mark.parametrize("strategy", Strategy)
def test_cancelled_while_it_starts(server: Server, strategy: Strategy) -> None:
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    queued = daemon.accept(app, TWO)
    daemon.fake_builder.during = lambda: None
    start = daemon.docker.start

    def start_and_cancel(container: str) -> None:
        start(container)
        if daemon.deploys.get(queued.id).status is DeployStatus.RUNNING:
            daemon.cancellations.ask(queued.id, "somebody")

    daemon.docker.start = start_and_cancel  # type: ignore[method-assign]
    daemon.work_off()
    assert daemon.deploys.get(queued.id).status is DeployStatus.CANCELLED
    assert daemon.live(app).sha == ONE
    assert running(server) == [f"shop-web-{ONE}"]
    assert is_let_go(server, daemon)


@pytest.mark.parametrize("strategy", Strategy)
def test_an_app_that_refuses_its_own_name(server: Server, strategy: Strategy) -> None:
    """It runs, and no visitor gets anything else: Django without ALLOWED_HOSTS."""
    server.behaviours[ONE] = Behaviour(status=400)
    app, daemon = server.add("shop", text=f"strategy: {strategy}\n    domains: [shop.example.com]"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.LIVE
    told = [event["text"] for event in daemon.told(deploy) if event["event"] == "note"]
    assert told == [
        "it answers 400 to its own host name shop.example.com (GET /up): if that is Django, name the host in ALLOWED_HOSTS"
    ]
    well = daemon.deploy(app, TWO)
    assert not [event for event in daemon.told(well) if "ALLOWED_HOSTS" in str(event)]
