"""`deploy NAME [REF]` of an app whose repository is on GitHub: what is named is fetched first."""

import pytest

from deployhost.errors import Conflict, InvalidRequest, NotFound, ProviderUnavailable
from deployhost.model import Sha, Trigger
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.on_github import SHOP, OnGitHub, look

ONE, TWO = sha(1), sha(2)
LONG = Sha("abcdef1234" * 4)


@pytest.fixture
def there(server: Server) -> OnGitHub:
    return OnGitHub(server, ONE)


@pytest.fixture
def daemon(server: Server, there: OnGitHub) -> Assembled:
    there.add()
    daemon = server.start()
    look(daemon)
    return daemon


def deploy(daemon: Assembled, ref: str | None = None) -> tuple[Sha, Trigger, str | None, str]:
    chosen = daemon.choices.deploy(SHOP, ref)
    daemon.work_off()
    return chosen.deploy.sha, chosen.deploy.trigger, chosen.deploy.branch, chosen.note


def test_the_head(daemon: Assembled, there: OnGitHub) -> None:
    assert deploy(daemon) == (ONE, Trigger.MANUAL, "main", ""), "a person wants it again"
    there.push(TWO)
    assert deploy(daemon) == (TWO, Trigger.PUSH, "main", ""), "as a look would, only sooner"
    assert look(daemon) is None


@pytest.mark.parametrize("ref", ["main", "refs/heads/main"])
def test_its_branch(daemon: Assembled, there: OnGitHub, ref: str) -> None:
    there.push(TWO)
    assert deploy(daemon, ref) == (TWO, Trigger.PUSH, "main", "")


def test_another_branch_a_tag_a_commit(daemon: Assembled, there: OnGitHub) -> None:
    there.push(TWO, "feature")
    note = f"{TWO.short} is not the newest push ({ONE.short}); the branch stays"
    assert deploy(daemon, "feature") == (TWO, Trigger.MANUAL, None, note)
    there.shop.tags["refs/tags/v1"] = LONG
    there.shop.commits.add(LONG)
    assert deploy(daemon, "v1")[0] == LONG
    assert deploy(daemon, TWO)[0] == TWO
    assert deploy(daemon, LONG[:9])[0] == LONG, "it is here by now"
    assert deploy(daemon, "abcd")[0] == LONG
    assert look(daemon) is None, "the head was decided on"


def test_a_head_that_failed_by_its_sha(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    server.behaviours[TWO] = Behaviour(exits=1)
    there.push(TWO)
    look(daemon)
    del server.behaviours[TWO]
    assert deploy(daemon, TWO) == (TWO, Trigger.MANUAL, "main", ""), "it is the newest push: the branch moves to it"


def test_what_is_here_needs_no_github(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    there.push(TWO)
    look(daemon)
    for call in ("repository_by_id", "branch", "fetch", "ls-remote"):
        server.github.fail(call, *[ProviderUnavailable("down")] * 9)
    assert deploy(daemon, ONE)[0] == ONE
    with pytest.raises(ProviderUnavailable):
        deploy(daemon)


def test_what_is_none(daemon: Assembled, there: OnGitHub) -> None:
    with pytest.raises(NotFound) as failed:
        deploy(daemon, "nope")
    assert failed.value.message == "octo/shop has no branch, tag or commit nope"
    with pytest.raises(NotFound) as failed:
        deploy(daemon, "abcdef12")
    assert failed.value.details == ("a commit that is not on this server yet needs all 40 digits",)
    with pytest.raises(NotFound):
        deploy(daemon, sha(77))
    there.shop.tags["refs/tags/main"] = LONG
    with pytest.raises(Conflict) as both:
        deploy(daemon, "main")
    assert both.value.hint == "deployhost deploy shop refs/tags/main"
    with pytest.raises(InvalidRequest):
        deploy(daemon, "main~3")
