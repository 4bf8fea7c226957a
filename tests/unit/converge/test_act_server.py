"""What concerns all apps is done with a command at hand where it fails."""

from dataclasses import replace

import pytest

from deployhost.converge.findings.network_plan import MakeNetwork
from deployhost.converge.findings.numbers_plan import SkipNumbers
from deployhost.converge.findings.repository_plan import RemoveRepository
from deployhost.errors import DockerRefused, DockerUnavailable, SwitchFailed
from deployhost.model import AppName
from tests.fakes.assembled import Assembled

MAKE = MakeNetwork(what="make the network kamal anew", why="it was removed")


@pytest.mark.parametrize(
    "error", [DockerRefused("no room"), DockerUnavailable("it hangs", hint="systemctl restart docker")]
)
def test_what_fails_has_a_command(
    daemon: Assembled, monkeypatch: pytest.MonkeyPatch, error: DockerRefused | DockerUnavailable
) -> None:
    def fail(_name: str) -> None:
        raise error

    monkeypatch.setattr(daemon.docker, "create_network", fail)
    with pytest.raises((SwitchFailed, DockerUnavailable)) as told:
        daemon.converge.server_actor.act(MAKE)
    expected = (error.message, error.hint) if error.hint else (f"{MAKE.what}: no room", "deployhost setup --local")
    assert (told.value.message, told.value.hint) == expected


def test_numbers_are_skipped(daemon: Assembled) -> None:
    assert daemon.converge.server_actor.act(SkipNumbers(what="skip", why="so", above=77)) == ""
    assert daemon.deploys.highest() == 77


@pytest.mark.parametrize("deleted", [True, False])
def test_why_there_was_no_need(daemon: Assembled, deleted: bool) -> None:
    actor = replace(daemon.converge.server_actor, delete_repository=lambda _app: deleted)
    said = actor.act(RemoveRepository(what="delete it", why="nobody uses it", app=AppName("old")))
    assert said == ("" if deleted else "it has an owner or content by now")
