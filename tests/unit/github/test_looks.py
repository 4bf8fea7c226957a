"""Looks at a repository on GitHub: each head is deployed once, and only ever one of the pinned repository."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from deployhost.config import apps as apps_yml
from deployhost.deploy.push_plan import PushVerdict
from deployhost.errors import (
    AccessRefused,
    ClockOff,
    DeployhostError,
    FileProblem,
    NotFound,
    ProviderUnavailable,
    SourceEmpty,
)
from deployhost.github import connection as files
from deployhost.github.answers import Head
from deployhost.github.look_plan import PushHint
from deployhost.model import AppName, Branch, DeployStatus, RepositoryName, Sha, Trigger
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.github import connection
from tests.fakes.life import Crash, Life
from tests.fakes.on_github import SHOP, OnGitHub, look
from tests.fakes.recovering import check, restart
from tests.fakes.sweep import effects

ONE, TWO, THREE = sha(1), sha(2), sha(3)
MAIN = Branch("main")
FULL_LOOK = ["repository_by_id", "branch"]
FETCH = ["for_repository", "fetch"]


@pytest.fixture
def there(server: Server) -> OnGitHub:
    return OnGitHub(server, ONE)


@pytest.fixture
def shop(there: OnGitHub) -> AppName:
    return there.add()


@pytest.fixture
def daemon(server: Server, shop: AppName) -> Assembled:
    """Return a daemon that has deployed the first head."""
    daemon = server.start()
    look(daemon, shop)
    return daemon


def hint(there: OnGitHub, after: Sha, branch: str = "main") -> PushHint:
    return PushHint(connection=there.connection.id, repository=there.shop.id, branch=Branch(branch), after=after)


def problem(daemon: Assembled) -> str:
    found = daemon.sources.problem(SHOP)
    return "" if found is None else found.error["message"]


def test_what_stands_in_apps_yml_by_hand_is_pinned_and_deployed(server: Server, there: OnGitHub, shop: AppName) -> None:
    daemon = server.start()
    deploy = look(daemon)
    assert deploy is not None
    assert (deploy.status, deploy.sha, deploy.trigger, deploy.branch) == (DeployStatus.LIVE, ONE, Trigger.PUSH, MAIN)
    assert deploy.subject == f"subject of {ONE.short}"
    pinned = daemon.sources.of(shop)
    assert pinned is not None
    assert (pinned.repository, pinned.default_branch, pinned.host) == (there.shop.id, MAIN, "https://github.com")
    check(server, daemon, shop, ONE)


def test_a_head_that_has_not_changed_costs_two_questions(daemon: Assembled, there: OnGitHub) -> None:
    there.calls  # noqa: B018
    assert look(daemon) is None
    assert there.calls == FULL_LOOK
    there.push(TWO)
    assert look(daemon) is not None
    assert there.calls == FULL_LOOK + FETCH
    assert look(daemon) is None
    assert there.calls == FULL_LOOK, "that one was decided on"


def test_a_delivery_causes_one_fetch_and_one_question(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    there.calls  # noqa: B018
    there.push(TWO)
    deploy = daemon.looks.look(SHOP, hint(there, TWO))
    assert deploy is not None
    assert sorted(there.calls) == ["branch", *sorted(FETCH)]
    assert daemon.looks.look(SHOP, hint(there, TWO)) is None, "once more"
    assert there.calls == []
    daemon.work_off()
    check(server, daemon, SHOP, TWO)


def test_a_delivery_that_is_late(daemon: Assembled, there: OnGitHub) -> None:
    """What is deployed is the head as it is; GitHub is asked for it by the repository's id, since the fetch goes by name."""
    there.push(TWO)
    there.push(THREE)
    there.calls  # noqa: B018
    deploy = daemon.looks.look(SHOP, hint(there, TWO))
    assert deploy is not None
    assert deploy.sha == THREE
    assert sorted(there.calls) == ["branch", *sorted(FETCH)]


def test_a_delivery_of_another_branch_or_connection(daemon: Assembled, there: OnGitHub) -> None:
    there.push(TWO, "feature")
    there.calls  # noqa: B018
    assert daemon.looks.look(SHOP, hint(there, TWO, "feature")) is None
    assert there.calls == []
    assert daemon.looks.look(SHOP, replace(hint(there, TWO), connection="f" * 16)) is None
    assert there.calls == FULL_LOOK, "nothing that it says is taken for true"


def test_a_head_that_failed_is_retried_by_people_only(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    server.behaviours[TWO] = Behaviour(exits=1)
    there.push(TWO)
    deploy = look(daemon)
    assert deploy is not None
    assert deploy.status is DeployStatus.FAILED
    assert look(daemon) is None
    assert look(server.start()) is None, "nor by the next daemon"
    del server.behaviours[TWO]
    daemon = restart(server)
    head = daemon.looks.head(SHOP)
    assert daemon.looks.arrived(SHOP, head) is None
    there.push(ONE)
    again = look(daemon)
    assert again is not None
    assert (again.sha, again.status) == (ONE, DeployStatus.LIVE), "it was put back, which is news"


@pytest.mark.parametrize("how", ["cancelled", "rolled back"])
def test_what_a_person_decided_otherwise(daemon: Assembled, there: OnGitHub, server: Server, how: str) -> None:
    there.push(TWO)
    deploy = daemon.looks.look(SHOP)
    assert deploy is not None
    if how == "cancelled":
        daemon.deploys.ask_to_cancel(deploy.id)
    else:
        daemon.work_off()
        live = daemon.releases.of_app(SHOP)[-1]
        daemon.intake.back(live)
    daemon.work_off()
    assert look(daemon) is None
    assert look(restart(server)) is None
    assert daemon.live(SHOP).sha == ONE
    there.push(THREE)
    assert look(daemon) is not None
    assert daemon.live(SHOP).sha == THREE


def test_heads_that_overtake_each_other(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    there.push(TWO)
    two = daemon.looks.look(SHOP)
    there.push(THREE)
    three = daemon.looks.look(SHOP)
    assert two is not None
    assert three is not None
    daemon.work_off()
    assert daemon.deploys.get(two.id).superseded_by == three.id
    check(server, daemon, SHOP, THREE)
    assert look(daemon) is None


def test_the_branch_of_apps_yml(server: Server, there: OnGitHub) -> None:
    shop = there.add(branch="live")
    there.push(TWO, "live")
    daemon = server.start()
    deploy = look(daemon, shop)
    assert deploy is not None
    assert (deploy.sha, deploy.branch) == (TWO, "live")
    apps_yml.set_branch(server.paths.apps_yml, shop, MAIN)
    deploy = look(daemon, shop)
    assert deploy is not None
    assert (deploy.sha, deploy.branch) == (ONE, "main"), "it was changed by hand"


def test_the_default_branch_also_once_that_changes(daemon: Assembled, there: OnGitHub) -> None:
    there.push(TWO, "trunk")
    assert look(daemon) is None
    there.shop.facts = replace(there.shop.facts, default_branch="trunk")
    deploy = look(daemon)
    assert deploy is not None
    assert (deploy.sha, deploy.branch) == (TWO, "trunk")
    assert daemon.commits.branch(SHOP) == "trunk"


def test_a_branch_that_was_renamed(server: Server, there: OnGitHub) -> None:
    """GitHub leads to the new name, git does not."""
    there.add(branch="main")
    daemon = server.start()
    look(daemon)
    calls = daemon.locator.locate(SHOP, RepositoryName("octo/shop")).account.calls
    calls.branch = lambda *_: Head(Branch("trunk"), TWO)  # type: ignore[method-assign]
    assert look(daemon) is None
    assert problem(daemon) == "the branch main of octo/shop is now trunk"


def test_several_apps_of_a_repository(server: Server, there: OnGitHub, daemon: Assembled) -> None:
    blog = there.add("blog", branch="live")
    there.push(TWO, "live")
    look(daemon, blog)
    assert daemon.live(blog).sha == TWO
    assert daemon.live(SHOP).sha == ONE
    assert [one.app for one in daemon.sources.of_repository(there.shop.id)] == [blog, SHOP]


def test_a_rename_is_followed_and_written_down(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    server.github.rename(there.shop.id, "octo/store")
    there.push(TWO)
    deploy = look(daemon)
    assert deploy is not None
    assert deploy.sha == TWO
    assert daemon.apps.get(SHOP).source == "octo/store"
    pinned = daemon.sources.of(SHOP)
    assert pinned is not None
    assert (pinned.written, pinned.current) == ("octo/store", "octo/store")


def test_a_repository_that_is_renamed_while_its_deploy_runs(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    """The deploy goes on, its status is posted where the repository is now, and nothing is deployed twice."""
    daemon.commit_statuses.look()
    daemon.clock.sleep(2)
    there.push(TWO)

    def during() -> None:
        daemon.commit_statuses.look()
        server.github.rename(there.shop.id, "octo/store")
        daemon.looks.look(SHOP)

    daemon.fake_builder.during = during
    deploy = look(daemon)
    daemon.fake_builder.during = lambda: None
    assert deploy is not None
    assert deploy.status is DeployStatus.LIVE
    assert look(daemon) is None
    daemon.clock.sleep(2)
    daemon.commit_statuses.look()
    assert [state for sha, state, *_ in there.shop.statuses if sha == TWO] == ["pending", "success"]
    assert daemon.apps.get(SHOP).source == "octo/store"
    assert [one.sha for one in daemon.deploys.of_app(SHOP)].count(TWO) == 1
    check(server, daemon, SHOP, TWO)


def test_a_delivery_right_after_a_rename(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    server.github.rename(there.shop.id, "octo/store")
    there.push(TWO)
    deploy = daemon.looks.look(SHOP, hint(there, TWO))
    assert deploy is not None
    assert deploy.sha == TWO
    assert daemon.apps.get(SHOP).source == "octo/store"


@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize("private", [False, True])
def test_another_repository_under_the_old_name_is_never_deployed(
    daemon: Assembled, there: OnGitHub, server: Server, hinted: bool, private: bool
) -> None:
    server.github.rename(there.shop.id, "octo/store")
    thief = server.github.add_repository("octo/shop", {"main": sha(66)}, private=private)
    there.push(TWO)
    for _ in range(3):
        look_with = hint(there, TWO) if hinted else None
        daemon.looks.look(SHOP, look_with)
        daemon.looks.look(
            SHOP, PushHint(connection=there.connection.id, repository=thief.id, branch=MAIN, after=sha(66))
        )
        daemon.work_off()
    assert sha(66) not in {deploy.sha for deploy in daemon.deploys.of_app(SHOP)}
    daemon.looks.look(SHOP)
    daemon.work_off()
    assert daemon.live(SHOP).sha == TWO
    assert daemon.apps.get(SHOP).source == "octo/store"


@pytest.mark.parametrize("away", [False, True])
def test_a_listener_that_somebody_took_over(daemon: Assembled, there: OnGitHub, server: Server, away: bool) -> None:
    """It may say what it likes: another repository under the old name, which everybody can read, is not deployed by that."""
    server.github.rename(there.shop.id, "octo/store")
    server.github.add_repository("octo/shop", {"main": sha(66)}, private=False)
    if away:
        server.github.fail("branch", *[ProviderUnavailable("GitHub does not answer")] * 9)
    assert daemon.looks.look(SHOP, hint(there, sha(66))) is None
    daemon.work_off()
    assert sha(66) not in {deploy.sha for deploy in daemon.deploys.of_app(SHOP)}
    assert problem(daemon)
    server.github.faults.clear()
    there.push(TWO)
    look(daemon)
    check(server, daemon, SHOP, TWO)


def test_a_push_that_needs_no_look_says_nothing_of_what_is_wrong(
    daemon: Assembled, there: OnGitHub, server: Server
) -> None:
    """Since when a repository can't be looked at is told rightly, whatever is pushed to its other branches."""
    server.github.fail("repository_by_id", ClockOff("the clock is wrong"))
    look(daemon)
    before = daemon.sources.problem(SHOP)
    assert before is not None
    daemon.looks.look(SHOP, hint(there, TWO, "feature"))
    daemon.looks.look(SHOP, hint(there, ONE))
    assert daemon.sources.problem(SHOP) == before


def test_a_transfer_to_an_owner_whose_app_we_are_too(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    other = connection("hexa", 2)
    server.github.add_app(other)
    server.github.rename(there.shop.id, "hexa/shop")
    there.push(TWO)
    assert look(daemon) is None
    assert "no repository octo/shop" in problem(daemon)
    files.save(server.paths, other)
    deploy = look(daemon)
    assert deploy is not None
    assert deploy.sha == TWO
    assert daemon.apps.get(SHOP).source == "hexa/shop"
    assert problem(daemon) == ""


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("left", ["installed", "uninstalled", "suspended", "deleted"])
def test_a_transfer_whatever_became_of_the_app_of_the_former_owner(
    daemon: Assembled, there: OnGitHub, server: Server, left: str, private: bool
) -> None:
    """Every App reads public repositories; only the one of their owner has tokens for them."""
    there.shop.facts = replace(there.shop.facts, private=private)
    look(daemon)
    other, apps = connection("hexa", 2), server.github.apps
    server.github.add_app(other)
    files.save(server.paths, other)
    server.github.rename(there.shop.id, "hexa/shop")
    if left == "deleted":
        del apps[there.connection.app_id]
    else:
        setattr(apps[there.connection.app_id], "suspended" if left == "suspended" else "installed", left == "suspended")
        apps[there.connection.app_id].installed = left != "uninstalled"
    there.push(TWO)
    deploy = look(daemon)
    assert deploy is not None, problem(daemon)
    assert deploy.sha == TWO
    assert daemon.apps.get(SHOP).source == "hexa/shop"
    pinned = daemon.sources.of(SHOP)
    assert pinned is not None
    assert pinned.connection == other.id
    assert problem(daemon) == ""


def test_a_public_repository_that_the_app_has_no_access_to_any_more(
    daemon: Assembled, there: OnGitHub, server: Server
) -> None:
    """Other Apps of ours read it, and are not its App for that."""
    there.shop.facts = replace(there.shop.facts, private=False)
    look(daemon)
    other = connection("hexa", 0)
    server.github.add_app(other)
    files.save(server.paths, other)
    server.github.apps[there.connection.app_id].visible = set()
    there.push(TWO)
    assert look(daemon) is None
    told = daemon.sources.problem(SHOP)
    assert told is not None
    assert "the GitHub App deployhost-1 does not see it" in told.error["message"]
    assert there.connection.install_page in str(told.error)
    server.github.apps[there.connection.app_id].visible = None
    deploy = look(daemon)
    assert deploy is not None
    assert deploy.sha == TWO


def test_a_public_repository_that_moved_to_somebody_who_is_not_connected(
    daemon: Assembled, there: OnGitHub, server: Server
) -> None:
    there.shop.facts = replace(there.shop.facts, private=False)
    look(daemon)
    server.github.rename(there.shop.id, "hexa/shop")
    there.push(TWO)
    assert look(daemon) is None
    told = daemon.sources.problem(SHOP)
    assert told is not None
    assert told.error["message"] == "this server is not connected to hexa on GitHub"
    assert told.error["hint"] == "deployhost connect github --org hexa"


def test_a_rename_that_cant_be_written_down_yet(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    """A removal that broke off knows the entry by its text; it is written later."""
    server.github.rename(there.shop.id, "octo/store")
    there.push(TWO)
    daemon.removals.begin(SHOP, with_storage=False)
    assert look(daemon) is not None
    assert daemon.apps.get(SHOP).source == "octo/shop"
    daemon.removals.done(SHOP)
    there.push(THREE)
    assert look(daemon) is not None
    assert daemon.apps.get(SHOP).source == "octo/store"


def test_another_source_by_hand(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    """Its owner wants that one: it is pinned instead."""
    server.github.add_repository("octo/blog", {"main": THREE})
    text = server.paths.apps_yml.read_text()
    server.paths.apps_yml.write_text(text.replace("octo/shop", "octo/blog"))
    deploy = look(daemon)
    assert deploy is not None
    assert deploy.sha == THREE
    server.paths.apps_yml.write_text(text.replace("    source: octo/shop\n", ""))
    assert look(daemon) is None
    assert daemon.sources.of(SHOP) is None, "it is one that is pushed to again"
    server.paths.apps_yml.write_text(text.replace("source: octo/shop", "source: [1]"))
    assert look(daemon) is None
    server.paths.apps_yml.write_text("apps:\n")
    assert look(daemon) is None


def test_added_again_after_its_removal(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    """What GitHub said to the app before is no reason not to deploy the new one."""
    look(daemon)
    daemon.remover.remove(daemon.apps.get(SHOP), with_storage=False)
    assert daemon.sources.of(SHOP) is None
    there.add()
    deploy = look(daemon)
    assert deploy is not None
    assert deploy.status is DeployStatus.LIVE


def test_removed_while_it_is_fetched(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    there.push(TWO)
    fetch = daemon.fetching.fetcher.fetch

    def remove(*arguments: object) -> Sha:
        found = fetch(*arguments)  # type: ignore[arg-type]
        daemon.remover.remove(daemon.apps.get(SHOP), with_storage=False)
        return found

    object.__setattr__(daemon.fetching, "fetcher", type("F", (), {"fetch": staticmethod(remove)})())
    assert look(daemon) is None
    assert daemon.deploys.of_app(SHOP) == []


def test_a_push_to_this_server_is_refused(daemon: Assembled) -> None:
    for ref in ("refs/heads/main", "refs/heads/other", "refs/tags/v1"):
        answer = daemon.intake.push(SHOP, ref, "0" * 40, TWO)
        assert isinstance(answer, PushVerdict)
        assert answer.says == "shop is deployed from octo/shop on GitHub: push there"


TROUBLES: dict[str, tuple[Callable[[OnGitHub], object], str, str]] = {
    "branch deleted": (lambda there: there.shop.branches.clear(), "octo/shop has no branch main", "git push origin main"),
    "access lost": (
        lambda there: setattr(there.server.github.apps[there.connection.app_id], "visible", set()),
        "there is no repository octo/shop, or the GitHub App deployhost-1 does not see it",
        "",
    ),
    "deleted": (
        lambda there: there.server.github.repositories.clear(),
        "there is no repository octo/shop, or the GitHub App deployhost-1 does not see it",
        "",
    ),
    "suspended": (
        lambda there: setattr(there.server.github.apps[there.connection.app_id], "suspended", True),
        "the GitHub App deployhost-1 is suspended",
        "",
    ),
    "uninstalled": (
        lambda there: setattr(there.server.github.apps[there.connection.app_id], "installed", False),
        "the GitHub App deployhost-1 is not installed",
        "",
    ),
    "disconnected": (
        lambda there: files.delete(there.server.paths, there.connection),
        "this server is not connected to octo on GitHub",
        "deployhost connect github",
    ),
    "clock off": (
        lambda there: there.server.github.fail("repository_by_id", ClockOff("the clock is wrong", hint="timedatectl")),
        "the clock is wrong",
        "timedatectl",
    ),
    "down": (
        lambda there: there.server.github.fail("branch", ProviderUnavailable("GitHub can't be reached")),
        "GitHub can't be reached",
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_status_says_what_keeps_it_from_being_looked_at(
    daemon: Assembled, there: OnGitHub, server: Server, name: str
) -> None:
    cause, says, fix = TROUBLES[name]
    repositories, branches = dict(server.github.repositories), dict(there.shop.branches)
    cause(there)
    assert look(daemon) is None
    found = daemon.sources.problem(SHOP)
    assert found is not None
    assert found.error["message"] == says
    assert found.error["hint"] == fix
    assert says in daemon.views.app(daemon.apps.get(SHOP))["note"]
    assert daemon.live(SHOP).sha == ONE, "it serves on"
    server.github.repositories.update(repositories)
    there.shop.branches.update(branches)
    app = server.github.apps[there.connection.app_id]
    app.visible, app.suspended, app.installed = None, False, True
    files.save(server.paths, there.connection)
    there.push(TWO)
    assert look(daemon) is not None
    assert daemon.sources.problem(SHOP) is None
    assert daemon.live(SHOP).sha == TWO


def test_a_connection_whose_file_is_damaged(daemon: Assembled, there: OnGitHub, server: Server) -> None:
    (server.paths.connections / f"github-{there.connection.id}").write_text("{")
    assert look(daemon) is None
    assert "is damaged" in problem(daemon)
    assert daemon.live(SHOP).sha == ONE


def test_a_journal_that_cant_be_written(
    daemon: Assembled, there: OnGitHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a full disk: the look fails, and a later one does not."""
    there.push(TWO)

    def full(*_: object, **__: object) -> None:
        raise FileProblem("the journal can't be written: disk full")

    with monkeypatch.context() as patch:
        patch.setattr(daemon.deploys, "accept", full)
        patch.setattr(daemon.sources, "fails", full)
        assert look(daemon) is None
    assert "disk full" in caplog.text
    assert look(daemon) is not None
    assert daemon.live(SHOP).sha == TWO


def test_an_empty_repository(server: Server) -> None:
    there = OnGitHub(server, ONE)
    there.shop.branches.clear()
    there.add()
    daemon = server.start()
    assert look(daemon) is None
    found = daemon.sources.problem(SHOP)
    assert found is not None
    assert found.error["code"] == SourceEmpty.code
    there.push(ONE)
    assert look(daemon) is not None
    assert daemon.sources.problem(SHOP) is None


ERRORS = (
    AccessRefused("no"),
    NotFound("no"),
    ClockOff("no"),
    ProviderUnavailable("429", retry_after=60),
    ProviderUnavailable("it did not answer within 10 s"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: f"{one.code} {one.message}")
@pytest.mark.parametrize("call", ["repository", "repository_by_id", "branch", "for_repository", "fetch"])
@pytest.mark.parametrize("hinted", [False, True])
def test_each_call_fails_each_way(
    server: Server, there: OnGitHub, shop: AppName, call: str, error: DeployhostError, hinted: bool
) -> None:
    """What is live stays, nothing is deployed that should not be, and the next look catches up, with one deploy."""
    daemon = server.start()
    if call != "repository":
        look(daemon)
        there.push(TWO)
    server.github.fail(call, error)
    deploy = daemon.looks.look(shop, hint(there, TWO) if hinted else None)
    daemon.work_off()
    if deploy is None:
        assert daemon.sources.problem(shop) is not None
    server.github.faults.clear()
    look(daemon)
    assert daemon.sources.problem(shop) is None
    head = ONE if call == "repository" else TWO
    check(server, daemon, shop, head)
    assert [one.sha for one in daemon.deploys.of_app(shop)].count(head) == 1


@pytest.mark.parametrize("work", ["first", "push", "rename"])
def test_crash_at_every_effect(server: Server, there: OnGitHub, shop: AppName, work: str) -> None:
    """The daemon dies at each effect of a look; the next one looks again, and each commit was built once."""
    daemon = server.start()
    head = ONE
    if work != "first":
        look(daemon)
        there.push(TWO)
        head = TWO
    if work == "rename":
        server.github.rename(there.shop.id, "octo/store")
    restore, text = server.remember(), server.paths.apps_yml.read_text()
    for at in effects():
        restore()
        server.paths.apps_yml.write_text(text)
        life = Life(break_at=at)
        try:
            daemon = server.start(life)
            daemon.looks.look(shop)
            daemon.work_off()
        except Crash:
            pass
        settle()
        daemon = restart(server)
        daemon.work_off()
        daemon.looks.look(shop)
        daemon.work_off()
        assert daemon.looks.look(shop) is None, "a second look has nothing to do"
        check(server, daemon, shop, head)
        assert [one.sha for one in daemon.deploys.of_app(shop)].count(head) == 1
        pinned = daemon.sources.of(shop)
        assert pinned is not None
        assert daemon.apps.get(shop).source == RepositoryName("octo/store" if work == "rename" else "octo/shop")
        if not life.broke:
            break
    assert at > 12, "the sweep went through a look and its deploy"


def test_renamed_again_after_a_crash(server: Server, there: OnGitHub, shop: AppName) -> None:
    """Whatever of the first rename was written down: both old names are somebody else's by now."""
    daemon = server.start()
    look(daemon)
    restore, text, facts = server.remember(), server.paths.apps_yml.read_text(), there.shop.facts
    foreign = server.github.add_repository("octo/else", {"main": sha(66)}, private=False)
    for at in effects():
        restore()
        server.paths.apps_yml.write_text(text)
        there.shop.facts, foreign.facts = facts, replace(foreign.facts, name="else")
        server.github.rename(there.shop.id, "octo/store")
        life = Life(break_at=at)
        with contextlib.suppress(Crash):
            server.start(life).looks.look(shop)
        server.github.rename(there.shop.id, "octo/third")
        for taken in ("store", "shop"):
            url = f"https://github.com/octo/{taken}.git"
            foreign.facts = replace(foreign.facts, name=taken, clone_url=url)
            daemon = restart(server)
            look(daemon)
            look(daemon)
            assert sha(66) not in {one.sha for one in daemon.deploys.of_app(shop)}
            assert daemon.apps.get(shop).source == "octo/third"
        if not life.broke:
            break
    assert at > 2, "there were several effects"
