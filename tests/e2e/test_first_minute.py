"""A release that fails in its first minute is taken back by itself; what the proxy or a person changed is seen to by `converge`."""

from collections.abc import Callable

import pytest

from tests.real.system_under_test import App, ask, deployhost, docker, eventually

MakeApp = Callable[[str], App]


@pytest.mark.parametrize(
    ("version", "within", "why"),
    [("crash two", 15, "the process web ended 2 times"), ("bad two", 30, "it answered badly for")],
)
def test_automatic_rollback(make_app: MakeApp, version: str, within: float, why: str) -> None:
    app = make_app("crash_soon")
    app.push()
    app.set_version(version)
    app.push()

    eventually(lambda: app.status()["live"]["subject"] == "one", within=within, what="the old release is live again")
    assert app.body() == "soon one\n"
    newest, failed, _ = ask("releases", app.name)["releases"]
    assert newest["sha"] != failed["sha"]
    assert why in failed["why"]
    assert "rolled back automatically" in app.status()["note"]
    eventually(lambda: len(app.containers()) == 1, within=50, what="nothing is left running of what failed")

    app.set_version("three")
    app.push()
    assert app.body() == "soon three\n"


def test_converge(make_app: MakeApp) -> None:
    """Whatever was changed by hand: a lost route is made again, a stopped app stays stopped; a second run has nothing to do."""
    app = make_app("stdlib")
    app.push()
    (container,) = app.containers()
    docker("exec", "kamal-proxy", "kamal-proxy", "remove", f"{app.name}-web")
    assert [step["step"] for step in ask("converge", app.name, "--dry-run")["steps"]] in (["Reroute"], [])
    deployhost("converge", app.name)
    assert app.body() == "stdlib one\n"
    assert ask("converge", app.name)["steps"] == []

    docker("stop", container)
    deployhost("converge", app.name)
    assert not app.containers()
    assert "it was stopped with Docker" in app.status()["note"]
    docker("start", container)
    deployhost("converge", app.name)
    eventually(lambda: app.get().body == "stdlib one\n", within=10, what="it serves again")
    assert "stopped" not in app.status()["note"]
