"""What an attempt tells of a route that is stopped."""

import pytest

from deployhost.kamal.contract import RUNNING, STOPPED
from deployhost.model import DeployStatus
from tests.fakes.assembled import Server, sha


@pytest.mark.parametrize("state", [STOPPED, RUNNING])
def test_maintenance_is_told_with_the_command_that_ends_it(server: Server, state: str) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, sha(1))
    if state == STOPPED:
        server.stop_route("shop-web")
    deploy = daemon.deploy(app, sha(2))
    assert deploy.status is DeployStatus.LIVE
    told = [event["text"] for event in daemon.told(deploy) if event["event"] == "note"]
    note = "shop is in maintenance: visitors get 503 until `deployhost kamal shop -- app live`"
    assert (note in told) == (state == STOPPED)
