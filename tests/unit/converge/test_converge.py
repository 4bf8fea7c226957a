"""Keeping a server as it should be: what an engine's end, a proxy's restart, a person's hands and a crash of ours leave."""

from dataclasses import replace

import pytest

from deployhost.converge.facts import MachineFacts
from deployhost.converge.plan import plan_server
from deployhost.errors import Conflict, DockerUnavailable, SwitchFailed
from deployhost.kamal import contract
from deployhost.kamal.contract import NETWORK, PAUSED, PROXY_CONTAINER
from deployhost.model import WEB, AppName, DeployStatus, Drain, Trigger, Version
from deployhost.system.docker_model import ContainerSpec
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour, FakeDocker
from tests.fakes.recovering import check, restart

ONE, TWO = sha(1), sha(2)
SERVICE = "shop-web"


def ids(server: Server, role: str) -> list[str]:
    return [one.id for one in server.engine.running if one.labels.get("role") == role]


def did(daemon: Assembled) -> list[str]:
    """Converge and return the names of the steps that were done."""
    steps = [step.word for step in daemon.converge.run()]
    settle()
    assert not daemon.converge.plan(), "a second run has nothing to do"
    return steps


def test_nothing_to_do(server: Server, daemon: Assembled) -> None:
    effects = len(daemon.life.effects)
    assert did(daemon) == []
    assert len(daemon.life.effects) == effects


@pytest.mark.parametrize("code", [0, 1, 137, 255])
def test_ended_with_the_engine(server: Server, app: AppName, daemon: Assembled, code: int) -> None:
    """The engine starts it again itself, whatever the code; where it did not, nobody stopped it."""
    for one in list(server.engine.running):
        server.engine.end(one.id, code)
    assert did(daemon) == ["StartContainer", "StartContainer"]
    check(server, daemon, app, ONE)


def test_ended_with_the_machine_and_the_table(server: Server, app: AppName, daemon: Assembled) -> None:
    """The engine could not start it, and the proxy lost its routes: that is no `kamal app stop`."""
    for one in list(server.engine.running):
        server.engine.end(one.id, 128)
        server.engine.trouble[one.id] = "network kamal not found"
    server.table.routes.clear()
    assert did(daemon) == ["StartContainer", "StartContainer", "Reroute"]
    check(server, daemon, app, ONE)


def test_stopped_with_docker(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    by_hand = FakeDocker(server.engine)
    by_hand.stop(web)
    assert did(daemon) == ["NoteStopped"]
    assert server.engine.by_hand == {web}
    server.engine.by_hand.clear()  # the engine was restarted, and remembers nothing
    assert did(restart(server)) == []
    assert ids(server, "web") == []
    by_hand.start(web)
    assert did(server.start()) == ["NoteStopped"]
    check(server, server.daemons[-1], app, ONE)


def test_worker_that_ended(server: Server, app: AppName, daemon: Assembled) -> None:
    (worker,) = ids(server, "worker")
    server.engine.end(worker, 1)
    assert did(daemon) == ["StartContainer"]
    FakeDocker(server.engine).stop(worker)
    assert did(daemon) == []
    assert ids(server, "worker") == [], "a person wanted that"


def test_what_the_engine_restarts_is_its_business(server: Server, app: AppName, daemon: Assembled) -> None:
    web = daemon.live(app).container
    server.engine.containers[web] = replace(server.engine.containers[web], status="restarting", pid=0)
    assert did(daemon) == []


def test_held_without_a_hold(server: Server, app: AppName, daemon: Assembled) -> None:
    """The proxy was restarted while it held requests: `resume` would kill it, so its route is made anew."""
    daemon.proxy.pause(SERVICE, drain=0, max_pause=60)
    server.table.restart()
    assert server.table.routes[SERVICE].state == PAUSED
    daemon.life.effects.clear()
    assert did(daemon) == ["Reroute"]
    assert daemon.life.effects[:2] == ["proxy remove", "proxy deploy"]
    check(server, daemon, app, ONE)


def proxy_container(server: Server) -> str:
    server.engine.proxy = None
    server.engine.add_image(Behaviour(), contract.PROXY_IMAGE)
    docker = FakeDocker(server.engine)
    docker.create(
        ContainerSpec(name=PROXY_CONTAINER, image=contract.PROXY_IMAGE, labels={"role": "proxy"}, network=NETWORK)
    )
    docker.start(PROXY_CONTAINER)
    return docker.inspect(PROXY_CONTAINER).id


def test_proxy_that_does_not_run(server: Server, app: AppName, daemon: Assembled) -> None:
    proxy = proxy_container(server)
    assert did(daemon) == []
    server.engine.end(proxy)
    server.table.down = True
    start = daemon.docker.start

    def starts(container: str) -> None:
        start(container)
        server.table.down = False

    daemon.docker.start = starts  # type: ignore[method-assign]
    assert [step.what for step in daemon.converge.plan()] == ["start kamal-proxy"]
    assert did(daemon) == ["StartProxy"]


def test_proxy_that_somebody_reboots() -> None:
    facts = MachineFacts(proxy="exited", youngest_lock=3, highest_label=0, highest_number=0)
    assert not plan_server(facts)
    assert plan_server(replace(facts, youngest_lock=1e4))
    assert not plan_server(replace(facts, proxy=None))
    assert plan_server(replace(facts, proxy=None)).notes


def test_strays(server: Server, app: AppName, daemon: Assembled) -> None:
    """Ours and in nobody's use: stopped, and removed if it never ran. Others' are not touched."""
    docker, live = FakeDocker(server.engine), daemon.live(app)
    labels = {**contract.role_labels(app, WEB), "deployhost.deploy": "1"}
    spec = replace(server.engine.specs[live.container], labels={**labels, "deployhost.deploy": "77"})
    made = {
        "stray": replace(spec, name="shop-web-x"),
        "never": replace(spec, name="shop-web-y"),
        "release": replace(spec, name="shop-release-exec-z", labels={"service": app, "deployhost.deploy": "77"}),
        "exec": replace(spec, name="shop-web-exec-1-abcdef", labels={"service": app}),
        "staging": replace(spec, name="shop-web-staging-1", labels={**labels, "destination": "staging"}),
        "kamals": replace(spec, name="shop-web-old", labels=contract.role_labels(app, WEB)),
        "foreign": replace(spec, name="postgres", labels={}),
    }
    found = {name: docker.create(one) for name, one in made.items()}
    for name, container in found.items():
        if name != "never":
            docker.start(container)
    assert sorted(did(daemon)) == ["RemoveContainer", "RemoveContainer", "SkipNumbers", "StopContainer"]
    left = {name for name, container in found.items() if container in server.engine.containers}
    assert left == {"stray", "exec", "staging", "kamals", "foreign"}
    assert not server.engine.containers[found["stray"]].running
    assert {found[name] for name in ("exec", "staging", "kamals", "foreign")} < {
        one.id for one in server.engine.running
    }


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


def test_cancelled_before_the_restart(server: Server, app: AppName, daemon: Assembled) -> None:
    queued = daemon.accept(app, TWO)
    daemon.deploys.begin(queued, Version(TWO))
    daemon.deploys.ask_to_cancel(queued.id, {"message": "cancelled by Ann"})
    daemon = restart(server)
    ended = daemon.deploys.get(queued.id)
    assert (ended.status, ended.error) == (DeployStatus.CANCELLED, {"message": "cancelled by Ann"})
    check(server, daemon, app, ONE)


def test_restart_trigger_is_no_choice(server: Server, app: AppName, daemon: Assembled) -> None:
    daemon.deploy(app, ONE, Trigger.RESTART)
    server.now += 100
    assert did(daemon) == []
    check(server, daemon, app, ONE)
