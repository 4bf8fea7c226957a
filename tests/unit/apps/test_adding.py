"""`add OWNER/REPO`: what is written, what is deployed, who is asked; and that an addition that broke off is finished by the next."""

from collections.abc import Mapping
from typing import Any

import pytest

from deployhost.apps.adding import NewSource, SourceAdded, app_name
from deployhost.errors import (
    AccessRefused,
    BranchNotFound,
    ClockOff,
    Conflict,
    ConsentNeeded,
    DeployhostError,
    InvalidRequest,
    NotConnected,
    ProviderUnavailable,
    RepositoryNotVisible,
)
from deployhost.model import AppName, Branch, DeployStatus, Domain, EnvName, RepositoryName, Trigger
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.github import connection
from tests.fakes.life import Crash, Life
from tests.fakes.on_github import SHOP, OnGitHub, look
from tests.fakes.recovering import check, restart
from tests.fakes.sweep import effects

ONE, TWO = sha(1), sha(2)
SOURCE = RepositoryName("octo/shop")


@pytest.fixture
def there(server: Server) -> OnGitHub:
    return OnGitHub(server, ONE)


@pytest.fixture
def daemon(server: Server, there: OnGitHub) -> Assembled:
    return server.start()


def wish(source: str = "octo/shop", variables: Mapping[str, str] | None = None, **more: Any) -> NewSource:
    values = {EnvName(name): value for name, value in (variables or {}).items()}
    return NewSource(**({"source": RepositoryName(source), "variables": values} | more))


def add(daemon: Assembled, *given: Any, **more: Any) -> SourceAdded:
    added = daemon.additions.add(wish(*given, **more))
    daemon.work_off()
    return added


def test_an_app_of_a_repository(daemon: Assembled, server: Server) -> None:
    added = add(daemon, variables={"COLOR": "blue"}, domains=(Domain("shop.example.com"),))
    assert added.notes == ()
    assert added.deploy is not None
    deploy = daemon.deploys.get(added.deploy.id)
    assert (deploy.status, deploy.trigger, deploy.branch, deploy.sha) == (DeployStatus.LIVE, Trigger.PUSH, "main", ONE)
    config = daemon.apps.get(SHOP)
    assert (config.source, config.branch, config.domains) == (SOURCE, None, ("shop.example.com",))
    assert "COLOR=blue" in server.engine.containers[daemon.live(SHOP).container].env, "set before the first deploy"
    check(server, daemon, SHOP, ONE)
    assert look(daemon) is None


def test_once_more_changes_nothing(daemon: Assembled, server: Server) -> None:
    add(daemon)
    text = server.paths.apps_yml.read_text()
    again = add(daemon, "OCTO/Shop")
    assert again.deploy is None
    assert again.notes == (f"{ONE.short}, the head of main, was deployed before",)
    assert server.paths.apps_yml.read_text() == text


def test_one_whose_deploy_is_under_way_or_failed(daemon: Assembled, server: Server) -> None:
    server.behaviours[ONE] = Behaviour(exits=1)
    first = daemon.additions.add(wish())
    again = daemon.additions.add(wish())
    assert first.deploy is not None
    assert again.deploy is not None
    assert again.deploy.id == first.deploy.id, "it is followed"
    daemon.work_off()
    del server.behaviours[ONE]
    retried = add(daemon)
    assert retried.deploy is not None
    assert daemon.deploys.get(retried.deploy.id).trigger is Trigger.MANUAL, "a person retries it"


def test_without_a_deploy(daemon: Assembled, there: OnGitHub) -> None:
    added = add(daemon, deploy=False)
    assert added.deploy is None
    assert look(daemon) is None, "no look deploys it either"
    there.push(TWO)
    assert look(daemon) is not None
    there.push(ONE)
    again = look(daemon)
    assert again is not None, "by now it is a head like any other"


def test_names_and_branches(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    there.push(TWO, "live")
    added = add(daemon, name=AppName("staging"), branch=Branch("live"))
    assert (added.config.name, added.config.branch) == ("staging", "live")
    assert daemon.live(AppName("staging")).sha == TWO
    assert add(daemon).config.name == "shop", "several apps may have the same repository"
    with pytest.raises(BranchNotFound) as failed:
        add(daemon, name=AppName("other"), branch=Branch("nope"))
    assert failed.value.hint == "deployhost add octo/shop --branch main"
    assert AppName("other") not in daemon.apps.known
    again = add(daemon, branch=Branch("live"))
    assert again.config.branch == "live"
    assert daemon.live(SHOP).sha == TWO


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/Shop.js", "shop-js"), ("a/_x_", "x"), ("a/" + "y" * 60, "y" * 40), ("a/.github", "github"), ("a/A__B", "a-b")],
)
def test_the_name_of_an_app(source: str, name: str) -> None:
    assert app_name(RepositoryName(source)) == name


@pytest.mark.parametrize("source", ["a/___", "a/kamal-x"])
def test_no_name_for_an_app(source: str) -> None:
    with pytest.raises(InvalidRequest) as failed:
        app_name(RepositoryName(source))
    assert failed.value.hint == f"deployhost add {source} --name my-app"


def test_empty_or_archived(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    server.github.add_repository("octo/empty")
    added = add(daemon, "octo/empty")
    assert added.deploy is None
    assert added.notes == ("octo/empty has no commits yet: the first push to main is deployed",)
    server.github.add_repository("octo/old", {"main": TWO}, archived=True)
    added = add(daemon, "octo/old")
    assert added.deploy is not None
    assert added.notes == ("octo/old is archived: nobody can push to it",)


def test_who_does_not_see_it(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    with pytest.raises(NotConnected) as failed:
        add(daemon, "hexa/shop")
    assert (failed.value.exit_code, failed.value.hint) == (5, "deployhost connect github --org hexa")
    with pytest.raises(NotConnected) as failed:
        add(daemon, host="https://git.octo.com")
    assert failed.value.hint == "deployhost connect github --github-url https://git.octo.com"
    server.github.apps[there.connection.app_id].visible = set()
    with pytest.raises(RepositoryNotVisible) as invisible:
        add(daemon)
    assert invisible.value.exit_code == 3
    assert there.connection.install_page in invisible.value.details[0]
    assert not daemon.apps.known


@pytest.mark.parametrize("before", ["new", "pushed"])
def test_a_refused_addition_leaves_nothing(daemon: Assembled, server: Server, there: OnGitHub, before: str) -> None:
    """Its variables would be those of the next app of that name, whosever that is."""
    server.add("blog", text="domains: [taken.example.com]")
    if before == "pushed":
        server.add("shop")
    with pytest.raises(Conflict, match=r"taken\.example\.com belongs to blog"):
        add(daemon, name=SHOP, agreed=True, domains=(Domain("taken.example.com"),), variables={"KEY": "a secret"})
    assert daemon.env.read(SHOP) == {}
    assert daemon.sources.of(SHOP) is None


@pytest.mark.parametrize("deploy", [True, False])
def test_a_public_repository_that_was_not_chosen_for_the_app(
    daemon: Assembled, there: OnGitHub, server: Server, deploy: bool
) -> None:
    """Anybody reads it, but no delivery comes from there, and no token is given for it: the App does not see it."""
    server.github.apps[there.connection.app_id].visible = {there.shop.id}
    server.github.add_repository("octo/site", {"main": TWO}, private=False)
    with pytest.raises(RepositoryNotVisible) as invisible:
        add(daemon, "octo/site", deploy=deploy)
    assert there.connection.install_page in invisible.value.details[0]
    assert not daemon.apps.known, "nothing was added"
    server.github.apps[there.connection.app_id].visible = None
    add(daemon, "octo/site", deploy=deploy)


def test_a_branch_that_a_young_repository_does_not_have(daemon: Assembled, server: Server) -> None:
    """GitHub counts its size later: that it is 0 does not make it empty."""
    server.github.add_repository("octo/young", {"main": TWO}, size=0)
    with pytest.raises(BranchNotFound) as missing:
        add(daemon, "octo/young", branch=Branch("mian"))
    assert missing.value.hint == "deployhost add octo/young --branch main"
    assert not daemon.apps.known


def pushed(server: Server, daemon: Assembled, there: OnGitHub) -> None:
    """Have a pushed app live that has variables and storage."""
    server.add("shop", text="storage: true")
    there.make(SHOP)
    server.set_env(daemon, SHOP, COLOR="red")
    daemon.deploy(SHOP, TWO)


def test_a_pushed_app_becomes_one_of_a_repository(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    pushed(server, daemon, there)
    with pytest.raises(Conflict) as taken:
        add(daemon)
    assert taken.value.hint == "deployhost add octo/shop --name shop"
    with pytest.raises(ConsentNeeded) as asked:
        add(daemon, name=SHOP)
    assert (asked.value.exit_code, asked.value.hint) == (4, "deployhost add octo/shop --name shop --yes")
    assert daemon.apps.get(SHOP).source is None
    added = add(daemon, name=SHOP, agreed=True, domains=(Domain("a.de"),))
    assert added.deploy is not None
    config = daemon.apps.get(SHOP)
    assert (config.source, config.storage, config.branch, config.domains) == (SOURCE, True, "main", ("a.de",))
    assert daemon.env.read(SHOP).keys() == {"COLOR"}
    assert daemon.live(SHOP).sha == ONE


def test_a_pushed_app_that_is_what_the_repository_has(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    pushed(server, daemon, there)
    there.push(TWO)
    added = add(daemon, name=SHOP, agreed=True)
    assert added.deploy is None, "it runs already"
    assert look(daemon) is None


def test_a_name_that_is_another_repositorys(daemon: Assembled, server: Server) -> None:
    add(daemon)
    server.github.add_repository("octo/blog", {"main": TWO})
    for agreed in (False, True):
        with pytest.raises(Conflict) as taken:
            add(daemon, "octo/blog", name=SHOP, agreed=agreed)
        assert taken.value.message == "shop is deployed from octo/shop"
    assert daemon.apps.get(SHOP).source == SOURCE


def test_a_repository_that_was_made_anew_under_its_name(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    add(daemon)
    del server.github.repositories[there.shop.id]
    server.github.add_repository("octo/shop", {"main": TWO}, number=999)
    assert look(daemon) is None
    with pytest.raises(ConsentNeeded):
        add(daemon)
    added = add(daemon, agreed=True)
    assert added.deploy is not None
    assert daemon.live(SHOP).sha == TWO


def test_one_that_was_renamed(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    add(daemon)
    server.github.rename(there.shop.id, "octo/store")
    added = add(daemon, "octo/store", name=SHOP)
    assert added.deploy is None
    assert daemon.apps.get(SHOP).source == "octo/store"


ERRORS = (
    AccessRefused("no"), ClockOff("no"), ProviderUnavailable("429", retry_after=9), ProviderUnavailable("no answer")
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: f"{one.code} {one.message}")
@pytest.mark.parametrize("call", ["repository", "branch", "repository_by_id", "for_repository", "fetch"])
def test_each_call_fails_each_way(daemon: Assembled, server: Server, call: str, error: DeployhostError) -> None:
    server.github.fail(call, error)
    with pytest.raises(type(error)):
        add(daemon)
    added = add(daemon)
    assert added.deploy is not None
    check(server, daemon, SHOP, ONE)
    assert len(daemon.deploys.of_app(SHOP)) == 1


@pytest.mark.parametrize("before", ["new", "pushed"])
def test_crash_at_every_effect(daemon: Assembled, server: Server, there: OnGitHub, before: str) -> None:
    """The same command again finishes what a killed one began."""
    if before == "pushed":
        pushed(server, daemon, there)
    restore = server.remember()
    text = server.paths.apps_yml.read_text() if server.paths.apps_yml.exists() else None
    for at in effects():
        restore()
        server.paths.apps_yml.unlink(missing_ok=True)
        if text is not None:
            server.paths.apps_yml.write_text(text)
        life = Life(break_at=at)
        try:
            dying = server.start(life)
            add(dying, name=SHOP, agreed=True, variables={"SIZE": "xl"})
        except Crash:
            pass
        settle()
        next_one = restart(server)
        next_one.work_off()
        add(next_one, name=SHOP, agreed=True, variables={"SIZE": "xl"})
        assert next_one.live(SHOP).sha == ONE
        assert "SIZE" in next_one.env.read(SHOP)
        assert "SIZE=xl" in server.engine.containers[next_one.live(SHOP).container].env
        assert [one.sha for one in next_one.deploys.of_app(SHOP)].count(ONE) == 1
        assert next_one.apps.get(SHOP).source == SOURCE
        assert look(next_one) is None
        if not life.broke:
            break
    assert at > 10, "the sweep went through an addition and its deploy"


def test_only_what_a_connection_of_that_github_sees(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    from deployhost.github import connection as files  # noqa: PLC0415

    files.save(
        server.paths, connection("octo", 5, html_url="https://git.octo.com", api_url="https://git.octo.com/api/v3")
    )
    added = add(daemon, host="https://github.com")
    pinned = daemon.sources.of(added.config.name)
    assert pinned is not None
    assert pinned.connection == there.connection.id
