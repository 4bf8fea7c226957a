"""An app's storage: there, owned by the release's user, and nobody's container made for what a number tells."""

from pathlib import Path

import pytest

from deployhost.model import Deploy, DeployStatus
from deployhost.system.tree import remove_tree
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour
from tests.inputs.deep_tree import MakeDeep

PASSWD = {"/etc/passwd": b"root:x:0:0::/:/bin/sh\nruby:x:1200:1300::/:/bin/sh\n", "/etc/group": b"www:x:33:\n"}


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr("os.chown", lambda path, uid, gid, **_: found.__setitem__(str(path), (uid, gid)))
    return found


def deployed(server: Server, behaviour: Behaviour, text: str = "storage: true") -> tuple[Assembled, Deploy, Path]:
    server.behaviours[sha(1)] = behaviour
    app, daemon = server.add("shop", text=text), server.start()
    return daemon, daemon.deploy(app, sha(1)), server.paths.storage(app)


@pytest.mark.parametrize(
    ("user", "owner"), [("1000:1001", (1000, 1001)), ("ruby", (1200, 1300)), ("ruby:www", (1200, 33))]
)
def test_it_belongs_to_the_images_user(
    server: Server, owners: dict[str, tuple[int, int]], user: str, owner: tuple[int, int]
) -> None:
    _, deploy, directory = deployed(server, Behaviour(user=user, files=PASSWD))
    assert deploy.status is DeployStatus.LIVE
    assert owners[str(directory)] == owner


def test_an_app_without_storage_has_no_directory(server: Server) -> None:
    _, _, directory = deployed(server, Behaviour(), text="")
    assert not directory.exists()


def test_a_user_that_the_image_does_not_know(server: Server) -> None:
    _, deploy, _ = deployed(server, Behaviour(user="nobody-here", files=PASSWD))
    assert (deploy.error or {})["message"] == "the image's user 'nobody-here' is not in its /etc/passwd and /etc/group"


@pytest.mark.parametrize(("user", "made"), [("1000:1000", 0), ("", 0), ("ruby", 1)])
def test_kamals_engine_needs_a_container_for_a_name_only(
    server: Server, owners: dict[str, tuple[int, int]], user: str, made: int
) -> None:
    daemon, deploy, directory = deployed(
        server, Behaviour(user=user, files=PASSWD), text="engine: kamal\n    storage: true\n    strategy: overlap"
    )
    assert deploy.status is DeployStatus.LIVE
    assert directory.is_dir()
    created = [effect for effect in daemon.life.effects if effect == "docker create"]
    assert len(created) == made + 1, "the last one is Kamal's own"
    assert [one.name for one in server.engine.containers.values() if "users-exec" in one.name] == []


def test_a_directory_that_was_lost_is_told(server: Server) -> None:
    daemon, deploy, directory = deployed(server, Behaviour())
    assert not [event for event in daemon.told(deploy) if "was missing" in event.get("text", "")]
    directory.rmdir()
    again = daemon.deploy(deploy.app, sha(2))
    assert [event["text"] for event in daemon.told(again) if "was missing" in event.get("text", "")] == [
        f"the storage directory {directory} was missing: it was made anew, and is empty"
    ]


def test_which_containers_have_it_mounted(server: Server) -> None:
    daemon, deploy, _ = deployed(server, Behaviour())
    container = daemon.docker.inspect(daemon.live(deploy.app).container)
    assert daemon.storage.mounted_in(container, deploy.app)
    assert not daemon.storage.mounted_in(container, server.add("blog"))


def test_a_deep_tree_is_handed_over(deep: MakeDeep, server: Server, owners: dict[str, tuple[int, int]]) -> None:
    daemon, deploy, directory = deployed(server, Behaviour(user="1000:1001"))
    server.behaviours[sha(2)] = Behaviour(user="1000:1001")
    deep(directory / "a")
    assert daemon.deploy(deploy.app, sha(2)).status is DeployStatus.LIVE
    assert owners["file"] == (1000, 1001)
    remove_tree(directory / "a")
