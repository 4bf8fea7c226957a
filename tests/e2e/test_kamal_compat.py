"""The real Kamal CLI on apps that deployhost deployed, the Kamal engine, and moving between the engines."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.kamal import ODD, bring_kamal, by_hand, kamal, routed, running, settings, shape, version_of
from tests.real.load import Load, Target
from tests.real.system_under_test import App, ask, deployhost
from tests.soak.kamal_interleaved import SETTINGS, interleave

MakeApp = Callable[[str], App]
HOOK = '#!/bin/sh\nset -eu\necho "$KAMAL_VERSION" > {file}\n'


@pytest.fixture(autouse=True)
def _kamal(system: None) -> None:
    bring_kamal()


def furnished(app: App, strategy: str) -> App:
    """An app with limits, storage and variables that are hard to pass on."""
    settings(app, SETTINGS.format(strategy=strategy))
    deployhost("storage", "enable", app.name)
    deployhost("env", "set", app.name, f"ODD={ODD}", "PLAIN=plain")
    return app


def test_looking_and_going_back(make_app: MakeApp) -> None:
    app = furnished(make_app("stdlib"), "overlap")
    app.push()
    one, first = version_of(app, running(app)[0]), shape(running(app)[0])
    app.set_version("two")
    app.push()
    two, second = version_of(app, running(app)[0]), shape(running(app)[0])
    assert first == second
    for arguments, expected in (
        (("app", "details"), two),
        (("app", "version"), two),
        (("app", "logs"), "stdlib two starts"),
        (("app", "exec", "--reuse", "printenv ODD"), ODD),
        (("app", "exec", "printenv ODD"), ODD),
    ):
        assert expected in kamal(app, *arguments).said, arguments
    went_to(app, one, "one")
    assert shape(running(app)[0]) == first
    went_to(app, two, "two")
    assert shape(running(app)[0]) == second
    assert app.body("/env/ODD") == ODD


def test_going_back_with_a_handed_over_app(make_app: MakeApp) -> None:
    app = furnished(make_app("sqlite"), "handover")
    app.push()
    one, first = version_of(app, running(app)[0]), shape(running(app)[0])
    app.set_version("two")
    app.push()
    result = kamal(app, "rollback", one)
    assert "no handover" in result.said
    assert version_of(app, running(app)[0]) == one
    assert shape(running(app)[0]) == first
    app.set_version("three")
    app.push()  # handed over from the container that Kamal made
    assert shape(running(app)[0]) == first


def went_to(app: App, version: str, body: str) -> None:
    """Go back by Kamal, typed by somebody who does not know of deployhost; it is adopted."""
    by_hand(app, "rollback", version)
    assert app.body() == f"stdlib {body}\n"
    deployhost("converge", app.name)
    live = app.status()["live"]
    assert (live["version"], live["container"]) == (version, routed(app))
    assert [version_of(app, container) for container in running(app)] == [version]


def test_interleaved(make_app: MakeApp) -> None:
    done, problems = interleave(make_app("stdlib"), 6, seed=20261123)
    assert problems == []
    assert done.total() == 6


def test_from_one_engine_to_the_other_and_back(make_app: MakeApp) -> None:
    app = furnished(make_app("stdlib"), "overlap")
    app.push()
    kept = shape(running(app)[0])
    load = Load(
        Target(app.host, port=app.http_port), rate=20, allowed=[b"stdlib one\n"], most_requests=10**6, most_seconds=600
    ).start()
    load.allow(
        b"stdlib two\n",
    )
    load.allow(b"stdlib three\n")
    settings(app, "engine: kamal")
    app.set_version("two")
    assert "redeploy --skip-push" in app.push().said
    assert shape(running(app)[0]) == kept
    settings_without(app, "engine: kamal")
    app.set_version("three")
    app.push()
    report = load.stop()
    assert report.failures == 0, report
    assert shape(running(app)[0]) == kept
    assert app.body("/env/ODD") == ODD
    subjects = [release["subject"] for release in ask("releases", app.name)["releases"]]
    assert subjects == ["three", "two", "one"]


def settings_without(app: App, line: str) -> None:
    """Take a line of settings out of apps.yml again."""
    path = Path("/etc/deployhost/apps.yml")
    text = path.read_text()
    assert f"    {line}\n" in text
    path.write_text(text.replace(f"    {line}\n", "", 1))


def test_a_broken_release_by_the_kamal_engine(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    settings(app, "engine: kamal\nboot_limit: 5")
    app.push()
    serving = running(app)
    (app.tree / "main.py").write_text("print('no database'); raise SystemExit(3)\n")
    app.commit("broken")
    refused = app.push(check=False)
    assert refused.code == 1
    assert "failed: the app ended while starting, with exit code 3" in refused.said
    assert "no database" in refused.said
    assert running(app) == serving
    assert app.body() == "stdlib one\n"
    deployhost("env", "set", app.name, "LINES=one\ntwo", check=False)
    last = app.last_deploy()
    assert last["error"]["code"] == "invalid_config"
    assert last["error"]["hint"] == f"deployhost env unset {app.name} LINES"
    assert app.body() == "stdlib one\n"


def test_a_trusted_configuration_of_the_repository(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app("stdlib")
    settings(app, "trust_repo_config: true")
    deployhost("env", "set", app.name, "TOKEN=it's #1 $HOME")
    for folder in ("config", ".kamal/hooks"):
        (app.tree / folder).mkdir(parents=True)
    (app.tree / "Dockerfile").write_text('FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "main.py"]\n')
    (app.tree / "config/deploy.yml").write_text(
        f"""service: <%= "{app.name}" %>
servers: {{web: {{hosts: ["127.0.0.1"], options: {{memory: 100m}}}}}}
proxy: {{app_port: 3000, host: elsewhere.example.com, healthcheck: {{path: /}}}}
builder: {{arch: amd64, driver: docker}}
env: {{clear: {{PORT: 3000}}, secret: [TOKEN]}}
"""
    )
    (app.tree / ".kamal/secrets").write_text("TOKEN=$TOKEN\n")
    hook = app.tree / ".kamal/hooks/post-deploy"
    hook.write_text(HOOK.format(file=tmp_path / "hooked"))
    hook.chmod(0o755)
    head = app.commit("trusted")
    app.push()
    assert app.body() == "stdlib one\n"
    assert app.body("/env/TOKEN") == "it's #1 $HOME"
    assert (tmp_path / "hooked").read_text() == f"{head}\n"
    assert shape(running(app)[0]).limits["Memory"] == 100 * 1024**2
    assert app.status()["live"]["version"] == head


def test_export(make_app: MakeApp, tmp_path: Path) -> None:
    app = furnished(make_app("stdlib"), "overlap")
    app.push()
    found = json.loads(deployhost("export", app.name, "--kamal", str(tmp_path / "out"), "--json").out)
    assert found["files"] == [".dockerignore", ".kamal/secrets", "Dockerfile", "KAMAL.md", "config/deploy.yml"]
    written = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "plain" not in written.replace("plain text", "")
    assert ODD not in written
