"""An app's storage: there, owned by the release's user, and nobody's container made for what a number tells."""

from pathlib import Path

import pytest

from deployhost.model import Deploy, DeployStatus
from deployhost.system.owners import Owner
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour

PASSWD = {"/etc/passwd": b"root:x:0:0::/:/bin/sh\nruby:x:1200:1300::/:/bin/sh\n", "/etc/group": b"www:x:33:\n"}


def deployed(server: Server, behaviour: Behaviour, text: str = "storage: true") -> tuple[Assembled, Deploy, Path]:
    server.behaviours[sha(1)] = behaviour
    app, daemon = server.add("shop", text=text), server.start()
    return daemon, daemon.deploy(app, sha(1)), server.paths.storage(app)


@pytest.mark.parametrize(
    ("user", "owner"), [("1000:1001", (1000, 1001)), ("ruby", (1200, 1300)), ("ruby:www", (1200, 33))]
)
def test_it_belongs_to_the_images_user(server: Server, user: str, owner: tuple[int, int]) -> None:
    daemon, deploy, directory = deployed(server, Behaviour(user=user, files=PASSWD))
    assert deploy.status is DeployStatus.LIVE
    assert daemon.owners.of(directory) == owner


def test_an_app_without_storage_has_no_directory(server: Server) -> None:
    _, _, directory = deployed(server, Behaviour(), text="")
    assert not directory.exists()


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


def test_what_starts_as_root_gives_its_storage_to_whom_it_likes(server: Server) -> None:
    """Its entry script hands it to a user of the image; taking it back would break what runs, at each deploy."""
    for number in (1, 2):
        server.behaviours[sha(number)] = Behaviour(user="root")
    server.behaviours[sha(3)] = Behaviour(user="1000:1000")
    app, daemon = server.add("shop", text="storage: true\n    strategy: overlap"), server.start()
    daemon.deploy(app, sha(1))
    directory = server.paths.storage(app)
    server.possession.directories[directory] = server.possession.files[directory] = Owner(999, 999)
    daemon.life.effects.clear()
    assert daemon.deploy(app, sha(2)).status is DeployStatus.LIVE
    assert daemon.owners.of(directory) == (999, 999)
    assert "proxy pause" not in daemon.life.effects
    server.possession.files[directory] = Owner(0, 0)  # what the script wrote before it gave up root's rights
    assert daemon.deploy(app, sha(3)).status is DeployStatus.LIVE
    assert server.possession.files[directory] == daemon.owners.of(directory) == (1000, 1000)


def test_storage_that_root_takes_over(server: Server) -> None:
    server.behaviours[sha(1)] = Behaviour(user="1000:1000")
    server.behaviours[sha(2)] = Behaviour(user="root")
    app, daemon = server.add("shop", text="storage: true"), server.start()
    for number in (1, 2):
        assert daemon.deploy(app, sha(number)).status is DeployStatus.LIVE
    assert daemon.owners.of(server.paths.storage(app)) == (0, 0)
