"""An automatic rollback brings back what ran before, all of it, whatever apps.yml has by now."""

from dataclasses import replace

import pytest

from deployhost.build.labels import DEPLOY_LABEL, SETTINGS_LABEL
from deployhost.config.app import AppConfig
from deployhost.config.process import ProcessConfig
from deployhost.containers.ran_with import as_it_ran
from deployhost.model import AppName, Deploy, DeployStatus, ProcessName, Release, Trigger
from deployhost.system.docker_model import Container, ContainerSpec
from deployhost.upkeep.retention import needed
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.life import Crash, Life
from tests.fakes.recovering import restart as start_again

ONE, TWO = sha(1), sha(2)
MIB = 1024**2
ENDS = {"python new.py": 1, "python old.py": 1}  # what is not in the older commit, as `python -u w.py` would end there


def settings(server: Server, text: str) -> None:
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    branch: main\n    {text}\n")


def specs(server: Server) -> dict[str, ContainerSpec]:
    """Return what the containers that run were made from, by process."""
    return {one.labels["role"]: server.engine.specs[one.id] for one in server.engine.running}


def deployed(server: Server, daemon: Assembled, app: AppName, text: str, later: str) -> Release:
    """Have the first commit live with some settings, then the second one with others; return the first release."""
    settings(server, text)
    daemon.deploy(app, ONE)
    first = daemon.live(app)
    settings(server, later)
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    return first


def back(daemon: Assembled, release: Release, trigger: Trigger = Trigger.AUTO_ROLLBACK) -> Deploy:
    accepted = daemon.deploys.accept(
        release.app, release.sha, trigger=trigger, target=release.version, reason="it crashed"
    )
    daemon.work_off()
    return daemon.deploys.get(accepted.id)


def test_a_worker_that_came_later_stays_away(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(ends=ENDS)
    first = deployed(server, daemon, app, "", "processes: {worker: python new.py}")
    assert set(specs(server)) == {"web", "worker"}
    deploy = back(daemon, first)
    assert (deploy.status, deploy.error) == (DeployStatus.LIVE, None)
    assert set(specs(server)) == {"web"}
    assert daemon.live(app).sha == ONE
    assert not daemon.converge.plan(), "nothing is missing"


def test_by_hand_todays_settings_count_and_that_is_told(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(ends=ENDS, processes={"clock": "python old.py"})
    settings(server, "processes: {clock: ./tick}")
    first = deployed(
        server, daemon, app, "processes: {clock: ./tick}", "processes: {worker: python new.py, clock: ./tick}"
    )
    deploy = back(daemon, first, Trigger.ROLLBACK)
    assert deploy.status is DeployStatus.FAILED
    error = deploy.error or {}
    assert error["message"] == "the process worker ended while starting, with exit code 1"
    told = "apps.yml names the process worker (processes:), which the older release may not have"
    assert error["details"][0] == told
    settings(server, "")
    of_procfile = back(daemon, first, Trigger.ROLLBACK).error or {}
    assert "the process clock ended" in of_procfile["message"]
    assert not [line for line in of_procfile["details"] if "apps.yml" in line]


def test_a_release_command_of_todays_settings(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(ends=ENDS)
    server.behaviours[TWO] = Behaviour(ends={"python new.py": 0})
    first = deployed(server, daemon, app, "", "release: python new.py")
    error = back(daemon, first, Trigger.ROLLBACK).error or {}
    assert error["message"] == "the release command failed, with exit code 1"
    told = "apps.yml names the release command (release:), which the older release may not have"
    assert error["details"][0] == told


def test_a_process_that_cannot_be_started_is_explained_too(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    first = deployed(server, daemon, app, "", "processes: {worker: ./new}")
    before = daemon.docker.start

    def start(container: str) -> None:
        server.engine.behaviours[first.image] = Behaviour(start_error="exec: ./new: not found")
        before(container)

    daemon.docker.start = start  # type: ignore[method-assign]
    error = back(daemon, first, Trigger.ROLLBACK).error or {}
    assert "can't be started" in error["message"]
    assert "apps.yml names the process worker" in error["details"][0]


def test_commands_and_limits_are_those_of_before(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(ends=ENDS)
    first = deployed(
        server,
        daemon,
        app,
        "processes: {worker: {command: 'A=1 ./work; echo \"x y\"', memory: 64m}, web: {cpus: 0.5}}",
        "memory: 256m\n    cpus: 2\n    processes: {worker: python new.py, web: ./serve}",
    )
    was = {one.labels["role"]: one for one in server.engine.containers.values() if one.labels[DEPLOY_LABEL] == "1"}
    assert specs(server)["web"].memory == 256 * MIB
    assert back(daemon, first).status is DeployStatus.LIVE
    now = specs(server)
    assert now["worker"].command == was["worker"].command
    assert (now["worker"].memory, now["worker"].cpus) == (64 * MIB, None)
    assert (now["web"].memory, now["web"].cpus, now["web"].command) == (None, 0.5, None)
    second = daemon.live(app)
    server.behaviours.clear()
    daemon.deploy(app, TWO)
    back(daemon, second)
    assert specs(server)["worker"].command == was["worker"].command, "word by word, however often"


def test_port_health_and_release_command_of_before(server: Server) -> None:
    """What no container has stands in a label: else the older release would be asked for what only the newer one has."""
    app, daemon = server.add("shop"), server.start()
    server.behaviours[TWO] = Behaviour(port=9000, ends={"python new.py": 0})
    server.behaviours[ONE] = Behaviour(status=302, ends=ENDS)
    first = deployed(server, daemon, app, "", "port: 9000\n    health: /healthz\n    release: python new.py")
    assert specs(server)["web"].env["PORT"] == "9000"
    deploy = back(daemon, first)
    assert (deploy.status, deploy.error) == (DeployStatus.LIVE, None)
    assert specs(server)["web"].env["PORT"] == "8080"
    assert daemon.live(app).port == 8080


def test_hosts_and_storage_are_todays(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    first = deployed(
        server, daemon, app, "stop_timeout: 3", "storage: true\n    stop_timeout: 20\n    domains: [shop.example.com]"
    )
    assert back(daemon, first).status is DeployStatus.LIVE
    web = specs(server)["web"]
    assert (bool(web.binds), web.stop_timeout) == (True, 3)
    assert server.table.routes["shop-web"].hosts == ("shop.localhost", "shop.example.com")


def test_the_size_of_logs_is_todays(server: Server) -> None:
    """Somebody may have lowered it because the disk was full."""
    app, daemon = server.add("shop"), server.start()
    first = deployed(server, daemon, app, "log_size: 1g", "log_size: 20m")
    assert specs(server)["web"].log_max_size == "20m"
    assert back(daemon, first).status is DeployStatus.LIVE
    assert specs(server)["web"].log_max_size == "20m"


@pytest.mark.parametrize("was", ["", "10m"])
def test_a_container_with_another_log_size_is_left_alone(server: Server, was: str) -> None:
    """A change applies to new containers; those that run, also of a deployhost that knew no such setting, are not replaced."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    live = daemon.live(app).container
    server.engine.containers[live] = replace(server.engine.containers[live], log_max_size=was)
    settings(server, "log_size: 20m")
    assert not daemon.converge.plan()
    assert daemon.live(app).container == live


@pytest.mark.parametrize("role", ["web", "worker"])
def test_of_what_is_gone_todays_settings_are_used(server: Server, role: str) -> None:
    app, daemon = server.add("shop"), server.start()
    first = deployed(server, daemon, app, "processes: {worker: ./old}", "memory: 64m\n    processes: {worker: ./new}")
    (gone,) = [one.id for one in server.engine.containers.values() if one.name == f"shop-{role}-{ONE}"]
    daemon.docker.remove(gone)
    assert back(daemon, first).status is DeployStatus.LIVE
    worker, web = specs(server)["worker"], specs(server)["web"]
    assert (worker.command, worker.memory) == (("./new",), 64 * MIB)
    assert web.memory == (64 * MIB if role == "web" else None)


def test_containers_that_kamal_made(server: Server) -> None:
    """They are known by their names, and nothing is written on them: port, health path and release command are today's."""
    app, daemon = server.add("shop"), server.start()
    first = deployed(server, daemon, app, "processes: {worker: ./old}", "health: /up\n    processes: {worker: ./new}")
    for one in list(server.engine.containers.values()):
        if one.labels[DEPLOY_LABEL] == str(first.deploy):
            ours = {DEPLOY_LABEL, SETTINGS_LABEL, "deployhost.workers"}
            kamals = {key: value for key, value in one.labels.items() if key not in ours}
            server.engine.containers[one.id] = replace(one, labels=kamals)
    assert back(daemon, first).status is DeployStatus.LIVE
    assert specs(server)["worker"].command == ("./old",)
    assert '"health": "/up"' in specs(server)["web"].labels[SETTINGS_LABEL]


def test_a_process_that_ran_before_is_not_blamed_on_apps_yml(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    first = deployed(server, daemon, app, "processes: {worker: python old.py}", "")
    server.engine.behaviours[first.image] = Behaviour(ends=ENDS)
    error = back(daemon, first).error or {}
    assert "the process worker ended" in error["message"]
    assert not [line for line in error["details"] if "apps.yml" in line]


@pytest.mark.parametrize("written", ["", "nonsense", "[]", '{"port": "x", "health": 1, "release": []}'])
def test_somebody_elses_label(written: str) -> None:
    config = AppConfig(AppName("shop"), port=80)
    web = container(labels={"role": "web", **({SETTINGS_LABEL: written} if written else {})})
    then = as_it_ran(config, web, [])
    assert (then.health, then.release) == (None, None)
    assert then.port == (None if written.startswith("{") else 80)
    assert then.processes == {ProcessName("web"): ProcessConfig(), ProcessName("release"): ProcessConfig()}


def container(labels: dict[str, str]) -> Container:
    return Container(
        id="a", name="a", image="", image_id="", status="exited", pid=0, exit_code=0, started_at="", restart_count=0,
        labels=labels, ips={}, networks=(), user="", oom_killed=False,
    )  # fmt: skip


def test_a_crash_after_the_switch_adds_no_worker(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(ends=ENDS)
    first = deployed(server, daemon, app, "", "processes: {worker: python new.py}")
    daemon.database.close()
    dying = server.start(Life())
    dying.deploys.accept(app, ONE, trigger=Trigger.AUTO_ROLLBACK, target=first.version, reason="it crashed")

    def die(*_: object, **__: object) -> None:
        dying.life.over = True
        raise Crash

    dying.releases.went_live = die  # type: ignore[method-assign]
    with pytest.raises(Crash):
        dying.work_off()
    dying.database.close()
    later = start_again(server)
    later.work_off()
    assert set(specs(server)) == {"web"}
    assert later.live(app).sha == ONE
    assert later.deploys.of_app(app)[0].trigger is Trigger.AUTO_ROLLBACK, "nothing was restarted"


def test_containers_are_kept_for_the_way_back(server: Server) -> None:
    """However often settings changed since it was proven: what would be gone back to keeps all of its containers."""
    app, daemon = server.add("shop"), server.start()
    settings(server, "processes: {worker: ./old}")
    daemon.deploy(app, ONE)
    proven = daemon.live(app)
    daemon.releases.mark_proven(app, proven.version)
    for _ in range(4):
        daemon.deploy(app, ONE, Trigger.SETTINGS)
    daemon.deploy(app, TWO)
    names = {one.name for one in server.engine.containers.values()}
    assert {f"shop-web-{ONE}", f"shop-worker-{ONE}"} <= names
    assert f"shop-web-{ONE}-2" not in names, "others go"
    found = needed(daemon.releases.of_app(app))
    assert [one.version for one in found] == [TWO, f"{ONE}-5", ONE]
    newest, second, third, *_ = daemon.releases.of_app(app)
    unproven = [newest, replace(second, failed="it crashed"), third]
    assert needed(unproven) == unproven, "what did not fail, where nothing was proven"
