"""What `status` and `list` say of an app: that it failed, ended or was frozen, why, and what helps."""

from dataclasses import replace
from typing import Any

import pytest

from deployhost.errors import (
    DockerUnavailable,
)
from deployhost.model import AppName, DeployStatus, Trigger
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def fall(server: Server, ops: Operations, app: AppName) -> int:
    """The live release fails in its first minute, and so does going back to the one before; return that deploy's number."""
    live, before = ops.daemon.live(app), ops.daemon.releases.of_app(app)[1]
    ops.daemon.releases.mark_failed(app, live.version, "the process web ended 2 times (exit code 7)")
    accepted = ops.daemon.deploys.accept(
        app, before.sha, trigger=Trigger.AUTO_ROLLBACK, target=before.version, reason="it crashed"
    )
    ops.daemon.work_off()
    return accepted.id


def view(ops: Operations, app: AppName) -> dict[str, Any]:
    (found,) = ops.ask("app.status", name=app)["apps"]
    return dict(found)


def test_what_failed_and_what_helps(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    for commit in (ONE, TWO, THREE):
        ops.push(app, commit)
    image = ops.daemon.releases.of_app(app)[1].image
    server.engine.behaviours[image] = Behaviour(exits=5)
    fall(server, ops, app)
    why = (
        "it failed in its first minute: the process web ended 2 times (exit code 7); the automatic rollback to"
        f" {TWO.short} failed too: the app ended while starting, with exit code 5;"
    )
    said = f"{why} to roll back further: deployhost rollback shop {ONE.short}"
    assert view(ops, app)["note"] == said
    live = ops.daemon.live(app).container
    server.engine.containers[live] = replace(server.engine.containers[live], status="restarting", restart_count=9)
    assert (view(ops, app)["state"], view(ops, app)["note"]) == ("down", said), "a restart would not help"
    server.engine.behaviours.pop(image)


def test_where_there_is_nothing_further_back(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    ops.push(app, TWO)
    server.engine.behaviours[ops.daemon.releases.of_app(app)[1].image] = Behaviour(exits=5)
    number = fall(server, ops, app)
    assert view(ops, app)["note"].endswith(f"; to see why: deployhost logs shop --deploy {number}")
    server.behaviours.clear()
    ops.push(app, THREE)
    assert view(ops, app)["note"] == "", "what is live now is well"


def test_a_process_of_apps_yml_that_does_not_fit(server: Server, ops: Operations) -> None:
    """Where the container of before is gone, today's settings are used."""
    app = server.add("shop")
    ops.push(app, ONE)
    before = ops.daemon.live(app)
    server.engine.behaviours[before.image] = Behaviour(ends={"python new.py": 1})
    text = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text(f"{text}    processes: {{worker: python new.py}}\n")
    ops.push(app, TWO)
    ops.daemon.docker.remove(before.container)
    fall(server, ops, app)
    assert view(ops, app)["note"].endswith(
        "the process worker ended while starting, with exit code 1 (apps.yml names the process worker (processes:), which the"
        f" older release may not have); to roll back once that is fixed: deployhost rollback shop {ONE.short}"
    )


def test_states(server: Server, ops: Operations) -> None:
    app = server.add("shop")

    def state() -> tuple[str, str]:
        (view,) = ops.ask("app.status", name=app)["apps"]
        return view["state"], view["note"]

    server.behaviours[ONE] = Behaviour(exits=1)
    ops.push(app, ONE)
    assert state() == ("failed", "")
    ops.push(app, TWO)
    assert state() == ("live", "")
    server.behaviours[THREE] = Behaviour(exits=1)
    ops.push(app, THREE)
    assert state() == ("live", f"the newest push {THREE.short} failed; {TWO.short} keeps serving")
    server.engine.end(ops.daemon.live(app).container)
    status, said = state()
    assert status == "down"
    assert said.endswith(f"the newest push {THREE.short} failed")  # nothing serves
    ops.daemon.accept(app, ONE)
    assert state()[0] == "deploying"


def test_states_of_what_ended(server: Server, ops: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    containers, live = server.engine.containers, ops.daemon.live(app).container
    mend = "; to start it again: deployhost restart shop"

    def state(**now: Any) -> tuple[str, str]:
        if now:
            containers[live] = replace(containers[live], **now)
        (view,) = ops.ask("app.list")["apps"]
        return view["state"], view["note"]

    assert state(restart_count=1) == ("live", "it ended and was started again 1 time since it went live")
    again = "it ended and was started again 4 times since it went live (last exit code 9)"
    assert state(restart_count=4, exit_code=9, status="restarting") == ("down", again + mend)
    assert state(restart_count=0, status="exited") == ("down", f"it ended with exit code 9{mend}")
    unfreeze = f"docker unpause shop-web-{ONE}"
    assert state(status="paused") == ("down", f"it is frozen (docker pause); to let it go on: {unfreeze}")
    del containers[live]
    assert state() == ("down", f"its container is gone{mend}")

    def no_engine(_: object) -> None:
        raise DockerUnavailable("the Docker engine does not answer")

    monkeypatch.setattr(ops.daemon.impatient_docker, "listed", no_engine)
    assert state() == ("down", "the Docker engine does not answer")
    (view,) = ops.ask("app.status", name=app)["apps"]
    assert view["live"]["sha"] == ONE


@pytest.fixture
def app(server: Server, ops: Operations) -> AppName:
    app = server.add("shop")
    ops.push(app, ONE)
    return app


def breaks(server: Server, ops: Operations, app: AppName) -> None:
    server.engine.behaviours[ops.daemon.live(app).image] = Behaviour(exits=1)


def mended(server: Server, ops: Operations, app: AppName) -> None:
    server.engine.behaviours[ops.daemon.live(app).image] = Behaviour()


def note(ops: Operations) -> str:
    (view,) = ops.ask("app.list")["apps"]
    return str(view["note"])


def test_status_tells_of_settings_that_are_not_live(server: Server, ops: Operations, app: AppName) -> None:
    told = "its settings changed, but the deploy that applies them {}; to try again: deployhost restart shop"
    breaks(server, ops, app)
    ops.ask("env.set", name=app, values={"N": "abc"})
    assert note(ops) == told.format("failed")
    mended(server, ops, app)
    ops.ask("app.restart", name=app)
    assert note(ops) == ""
    pending = ops.daemon.deploys.accept(app, ONE, trigger=Trigger.SETTINGS)
    ops.daemon.deploys.end(pending.id, DeployStatus.CANCELLED)
    assert note(ops) == told.format("was cancelled")
    ops.push(app, sha(2))
    assert note(ops) == "", "each deploy has the settings of its day"
