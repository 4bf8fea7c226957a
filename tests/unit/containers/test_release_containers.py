"""The containers of a release: made, started and ended together."""

import pytest

from deployhost.model import DeployStatus, Sha, Strategy, Trigger
from tests.fakes.asking import WORKERS, running, stages
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)


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
