"""The Kamal engine on the fakes: Kamal's CLI is one that does what it is told to, and every deploy ends as a direct one would."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from deployhost.build.labels import OURS
from deployhost.errors import KamalUnavailable
from deployhost.kamal.contract import service_name
from deployhost.model import WEB, DeployStatus, Trigger
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO = sha(1), sha(2)
KAMAL = "engine: kamal"


def test_kamal_is_brought_once(server: Server) -> None:
    app, daemon = server.add("shop", text=KAMAL), server.start()
    first, second = daemon.deploy(app, ONE), daemon.deploy(app, TWO)
    assert [phase.name for phase in first.phases].count("setup") == 1
    assert [event["line"] for event in daemon.told(first) if event["event"] == "output"] == ["brought"]
    assert "setup" not in [phase.name for phase in second.phases]


def test_each_kind_of_deploy_has_its_command(server: Server) -> None:
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert daemon.deploy(app, TWO, Trigger.RESTART).status is DeployStatus.LIVE
    assert fake.commands == [
        ["deploy", "--skip-push"],
        ["redeploy", "--skip-push"],
        ["app", "boot", "--version", f"{TWO}-2"],
    ]
    assert [str(release.version) for release in daemon.releases.of_app(app)] == [f"{TWO}-2", TWO, ONE]
    assert len(server.engine.running) == 1
    assert daemon.live(app).version == f"{TWO}-2"


def test_its_containers_carry_the_deploy(server: Server) -> None:
    """Otherwise they would be taken for somebody else's, and drained as what the deploy replaced."""
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    deploy = daemon.deploy(app, ONE)
    assert fake.configs[0]["labels"] == {**dict.fromkeys(OURS, ""), "deployhost.deploy": str(deploy.id)}
    assert server.engine.containers[daemon.live(app).container].running


def test_no_deploy_while_anybody_reaches_the_registry(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    app, daemon = server.add("shop", text=KAMAL), server.start()

    def ensure() -> None:
        raise KamalUnavailable("other accounts of this server can't be kept from Kamal's registry")

    monkeypatch.setattr(daemon.registry_guard, "ensure", ensure)
    deploy = daemon.deploy(app, ONE)
    assert (deploy.error or {})["code"] == KamalUnavailable.code
    assert daemon.fake_kamal.commands == []


def test_storage_does_not_change_hands_while_it_is_written(server: Server) -> None:
    """Kamal starts the new container before it ends the old one."""
    for commit, user in ((ONE, "1000:1000"), (TWO, "1001:1001")):
        server.behaviours[commit] = Behaviour(user=user)
    app, daemon = server.add("shop", text=f"{KAMAL}\n    storage: true\n    strategy: overlap"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert daemon.fake_kamal.commands == [["deploy", "--skip-push"]]
    assert daemon.owners.of(server.paths.storage(app)) == (1001, 1001)


def test_from_direct_and_back(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    text = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text(f"{text}    engine: kamal\n")
    daemon.deploy(app, TWO)
    server.paths.apps_yml.write_text(text)
    daemon.deploy(app, sha(3))
    assert [str(release.version) for release in daemon.releases.of_app(app)] == [str(sha(3)), TWO, ONE]
    assert [one.id for one in server.engine.running] == [daemon.live(app).container]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_served_serves_again(server: Server, when: str) -> None:
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    daemon.deploy(app, ONE)
    fake.fails, fake.says = when, ("  ERROR (SSHKit::Command::Failed): docker exit status: 1", "docker stderr: no")
    failed = daemon.deploy(app, TWO)
    assert failed.status is DeployStatus.FAILED
    assert failed.error is not None
    assert failed.error["message"] == "Kamal failed: no"
    if when == "after":
        assert fake.commands[-1] == ["app", "boot", "--version", ONE]
    assert [one.name for one in server.engine.running] == [f"shop-web-{ONE}"]
    target = server.table.routes[service_name(app, WEB)].target
    assert target.startswith(server.engine.running[0].short_id)


def test_kamal_is_not_believed(server: Server) -> None:
    """It has called a container healthy that crashed: another one that got its address had answered."""
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    daemon.deploy(app, ONE)
    server.behaviours[TWO] = Behaviour(exits=3, says=("boom",))
    failed = daemon.deploy(app, TWO)
    assert failed.error is not None
    assert failed.error["message"] == "the app ended while starting, with exit code 3"
    assert failed.error["details"] == ["boom"]
    assert fake.commands[-1] == ["app", "boot", "--version", ONE]
    assert [one.name for one in server.engine.running] == [f"shop-web-{ONE}"]


def test_a_value_that_kamal_cannot_pass_on(server: Server) -> None:
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    secrets = server.paths.secrets
    secrets.mkdir(parents=True)
    (secrets / "shop.json").write_text('{"KEY": {"value": "one\\ntwo", "updated_at": ""}}')
    failed = daemon.deploy(app, ONE)
    assert failed.error is not None
    assert (failed.error["code"], failed.error["hint"]) == ("invalid_config", "deployhost env unset shop KEY")
    assert fake.commands == []


def test_a_project_holds_values_in_roots_files_only(server: Server) -> None:
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    secrets = server.paths.secrets
    secrets.mkdir(parents=True)
    (secrets / "shop.json").write_text(
        '{"A": {"value": "plain-value", "updated_at": ""}, "B": {"value": "it\'s", "updated_at": ""}}'
    )
    daemon.deploy(app, ONE)
    project = server.paths.kamal_projects / f"{app}.deploy"
    assert fake.configs[0]["env"]["secret"] == ["A"]
    assert fake.configs[0]["servers"]["web"]["options"]["env-file"] == str(project / ".kamal/exact.env")
    files = {path for path in project.rglob("*") if path.is_file()}
    assert {path.name for path in files if b"plain-value" in path.read_bytes()} == {"secrets"}
    assert {path.name for path in files if b"it's" in path.read_bytes()} == {"exact.env"}
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert all(mode_of(path) == 0o700 for path in (project, project / ".kamal", project.parent))


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_path_of_kamals_check(server: Server) -> None:
    """What the live release answers with 2xx; apps.yml goes before it."""
    app, daemon = server.add("shop", text=KAMAL), server.start()
    fake = daemon.fake_kamal
    daemon.deploy(app, ONE)
    daemon.deploy(app, TWO)
    server.paths.apps_yml.write_text(server.paths.apps_yml.read_text() + "    health: /ready\n")
    daemon.deploy(app, sha(3))
    assert [config["proxy"]["healthcheck"]["path"] for config in fake.configs] == ["/", "/up", "/ready"]


def test_a_hold_needs_our_own_health_path(server: Server) -> None:
    """While the proxy holds requests it answers GETs of the health path itself: Kamal's may be one that visitors use."""
    app, daemon = server.add("shop", text=KAMAL), server.start()
    daemon.deploy(app, ONE)
    assert server.table.health_paths[service_name(app, WEB)] == "/"
    paths: list[str] = []
    pause = daemon.proxy.pause

    def noted(service: str, *, drain: float, max_pause: float) -> None:
        paths.append(server.table.health_paths[service])
        pause(service, drain=drain, max_pause=max_pause)

    daemon.proxy.pause = noted  # type: ignore[method-assign]
    text = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text(text.replace("engine: kamal", "strategy: handover"))
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert paths == ["/.deployhost/ready"]
    assert str(daemon.live(app).version) == TWO


def test_preparing_for_a_person(server: Server) -> None:
    app, daemon = server.add("shop", text="storage: true"), server.start()
    daemon.deploy(app, ONE)
    server.paths.apps_yml.write_text(server.paths.apps_yml.read_text() + "    release: migrate\n")
    projects = daemon.projects
    looking, building = projects.prepare(app, ["app", "details"]), projects.prepare(app, ["redeploy"])
    assert [str(looking.version), str(building.version)] == [ONE, f"{ONE}-2"]
    assert [warning.partition(":")[0] for warning in looking.warnings] == [
        "Kamal knows no handover",
        "Kamal does not run the app's release command",
    ]
    config = YAML(typ="safe").load((looking.directory / "config/deploy.yml").read_text())
    assert "labels" not in config
    assert config["volumes"] == [f"{server.paths.storage(app)}:/storage"]
    assert (looking.directory / "Dockerfile").read_text() == f"FROM 127.0.0.1:5555/shop:{ONE}\n"
