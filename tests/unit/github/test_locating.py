"""Which App of ours sees a repository, and by which name."""

import pytest

from deployhost.errors import NotConnected, RepositoryNotVisible
from deployhost.github import connection as files
from deployhost.model import AppName, RepositoryName
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.github import connection
from tests.fakes.on_github import SHOP, OnGitHub

SOURCE = RepositoryName("octo/shop")


@pytest.fixture
def there(server: Server) -> OnGitHub:
    return OnGitHub(server, sha(1))


@pytest.fixture
def daemon(server: Server, there: OnGitHub) -> Assembled:
    there.add()
    return server.start()


def test_by_name_once_and_by_id_ever_after(daemon: Assembled, there: OnGitHub) -> None:
    there.calls  # noqa: B018
    located = daemon.locator.locate(SHOP, RepositoryName("Octo/SHOP"))
    assert there.calls == ["repository", "for_repository"]
    assert located.facts is not None
    assert daemon.locator.locate(SHOP, SOURCE).pinned == located.pinned
    assert there.calls == ["repository_by_id"]
    assert daemon.locator.locate(SHOP, SOURCE).facts is None, "nothing has changed"
    known = daemon.locator.known(SHOP, SOURCE)
    assert known is not None
    assert known.pinned == located.pinned
    assert there.calls == ["repository_by_id"]


def test_what_is_not_known(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    assert daemon.locator.known(SHOP, SOURCE) is None
    daemon.locator.locate(SHOP, SOURCE)
    assert daemon.locator.known(SHOP, RepositoryName("octo/other")) is None, "apps.yml has another one by now"
    files.delete(server.paths, there.connection)
    assert daemon.locator.known(SHOP, SOURCE) is None


def test_an_id_means_nothing_at_another_github(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    daemon.locator.locate(SHOP, SOURCE)
    files.delete(server.paths, there.connection)
    elsewhere = connection("octo", 2, html_url="https://git.octo.com", api_url="https://git.octo.com/api/v3")
    server.github.add_app(elsewhere)
    files.save(server.paths, elsewhere)
    with pytest.raises(NotConnected) as failed:
        daemon.locator.locate(SHOP, SOURCE)
    assert failed.value.hint == "deployhost connect github"


def test_several_apps_of_ours_with_that_owner(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    """One that does not see it is in nobody's way."""
    blind = connection("octo", 0, owner_id=there.connection.owner_id)
    server.github.add_app(blind, visible=set())
    files.save(server.paths, blind)
    account, facts = daemon.locator.find(SOURCE)
    assert (account.connection.id, facts.id) == (there.connection.id, there.shop.id)
    daemon.locator.locate(SHOP, SOURCE)
    server.github.apps[there.connection.app_id].visible = set()
    server.github.apps[blind.app_id].visible = None
    located = daemon.locator.locate(SHOP, SOURCE)
    assert located.account.connection.id == blind.id
    assert located.pinned.connection == blind.id
    server.github.apps[blind.app_id].visible = set()
    with pytest.raises(RepositoryNotVisible):
        daemon.locator.locate(SHOP, SOURCE)


def test_who_is_not_connected(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    with pytest.raises(NotConnected) as failed:
        daemon.locator.find(RepositoryName("hexa/shop"))
    assert failed.value.hint == "deployhost connect github --org hexa"
    assert failed.value.details == ("if hexa is a personal account: --user hexa",)
    files.delete(server.paths, there.connection)
    with pytest.raises(NotConnected) as failed:
        daemon.locator.find(SOURCE)
    assert failed.value.hint == "deployhost connect github"
    assert failed.value.details == ("if octo is an organization: --org octo",)


def test_only_the_owners_app_could_see_it(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    """Another owner's App is not what mends that."""
    daemon.locator.locate(SHOP, SOURCE)
    other = connection("hexa", 2)
    server.github.add_app(other)
    files.save(server.paths, other)
    files.delete(server.paths, there.connection)
    with pytest.raises(NotConnected) as failed:
        daemon.locator.locate(SHOP, SOURCE)
    assert failed.value.hint == "deployhost connect github --org octo"


def test_a_default_branch_that_is_no_branch_here(daemon: Assembled, server: Server) -> None:
    server.github.add_repository("octo/odd", {"main": sha(1)}, default="-x")
    odd = daemon.locator.locate(AppName("odd"), RepositoryName("octo/odd"))
    assert odd.pinned.default_branch is None
