"""Which processes a release has: the Procfile's, then apps.yml."""

from deployhost.model import DeployStatus
from tests.fakes.asking import WORKERS
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)


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
