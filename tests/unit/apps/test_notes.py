"""What `status` says of an automatic rollback that failed: that it was tried, why it failed, and what helps."""

from dataclasses import replace
from typing import Any

from deployhost.model import AppName, Trigger
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
