"""The user of an image in numbers: read from its own files where it is a name, and from a container made for that if need be."""

import pytest

from deployhost.model import DeployStatus
from deployhost.system.docker_model import TABLE_LIMIT
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour
from tests.unit.containers.test_storage import PASSWD, deployed

ONE = sha(1)


def test_a_user_that_the_image_does_not_know(server: Server) -> None:
    _, deploy, _ = deployed(server, Behaviour(user="nobody-here", files=PASSWD))
    assert (deploy.error or {})["message"] == "the image's user 'nobody-here' is not in its /etc/passwd and /etc/group"


@pytest.mark.parametrize(("user", "made"), [("1000:1000", 0), ("", 0), ("ruby", 1)])
def test_kamals_engine_needs_a_container_for_a_name_only(server: Server, user: str, made: int) -> None:
    daemon, deploy, directory = deployed(
        server, Behaviour(user=user, files=PASSWD), text="engine: kamal\n    storage: true\n    strategy: overlap"
    )
    assert deploy.status is DeployStatus.LIVE
    assert directory.is_dir()
    created = [effect for effect in daemon.life.effects if effect == "docker create"]
    assert len(created) == made + 1, "the last one is Kamal's own"
    assert [one.name for one in server.engine.containers.values() if "users-exec" in one.name] == []


def test_a_huge_passwd_is_not_read(server: Server) -> None:
    """An image may bring one of any size, sparse: it fails the deploy, not the daemon's memory."""
    passwd = b"app:x:1234:1235::/:/bin/sh\n" + b"#" * TABLE_LIMIT
    server.behaviours[ONE] = Behaviour(user="app", files={"/etc/passwd": passwd})
    app, daemon = server.add("shop", text="storage: true"), server.start()
    assert "the image's user 'app' is not in its /etc/passwd" in (daemon.deploy(app, ONE).error or {})["message"]
