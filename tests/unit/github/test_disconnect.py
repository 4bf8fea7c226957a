"""Disconnecting an owner: GitHub first, then the key, and no app is stopped."""

from pathlib import Path

import pytest

from deployhost.errors import AccessRefused, InvalidConfig, InvalidRequest, NotFound, ProviderUnavailable
from deployhost.github.connection import load_all, save
from deployhost.github.disconnect import DisconnectGitHub, chosen, stays
from deployhost.paths import Paths
from deployhost.steps import apply
from tests.fakes.github import FakeGitHub, connection
from tests.fakes.life import Crash, Life
from tests.unit.github.test_connect import Quiet


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    save(paths, connection("octo", 1))
    return paths


@pytest.fixture
def github() -> FakeGitHub:
    made = FakeGitHub()
    made.add_app(connection("octo", 1))
    made.add_app(connection("acme", 2))
    return made


def work(paths: Paths, github: FakeGitHub) -> DisconnectGitHub:
    return DisconnectGitHub(paths, github, chosen(paths, "octo"))


def test_it_is_uninstalled_and_its_key_deleted(paths: Paths, github: FakeGitHub) -> None:
    save(paths, connection("acme", 2))
    one = work(paths, github)
    assert [step.word for step in one.plan()] == ["uninstall_app", "delete_connection"]
    apply(one.plan(), one.acts, Quiet())
    assert [left.owner for left in load_all(paths)] == ["acme"]
    assert [app.installed for app in github.apps.values()] == [False, True]


def test_the_apps_that_came_from_there_are_named(paths: Paths, github: FakeGitHub) -> None:
    paths.apps_yml.write_text(
        "apps:\n  shop:\n    source: Octo/shop\n  blog:\n    source: acme/blog\n  other:\n    branch: main\n"
    )
    notes = work(paths, github).plan().notes
    assert notes == (
        "keep running, and no longer follow GitHub: shop",
        "only octo can delete the App itself: https://github.com/settings/apps/deployhost-1/advanced",
    )
    paths.apps_yml.write_text("apps: [")
    assert len(work(paths, github).plan().notes) == 1


@pytest.mark.parametrize("break_at", [1, 2])
def test_a_crash_and_a_rerun(paths: Paths, github: FakeGitHub, break_at: int) -> None:
    life = Life(break_at)
    github.effect = life.effect
    one = work(paths, github)
    with pytest.raises(Crash):
        apply(one.plan(), one.acts, Quiet())
    assert len(load_all(paths)) == 1
    github.effect = Life().effect
    again = work(paths, github)
    apply(again.plan(), again.acts, Quiet())
    assert load_all(paths) == ()
    assert not github.apps[2001].installed


def test_an_app_that_is_gone(paths: Paths, github: FakeGitHub) -> None:
    github.apps.clear()
    one = work(paths, github)
    apply(one.plan(), one.acts, Quiet())
    assert load_all(paths) == ()


def test_a_key_that_is_damaged(paths: Paths, github: FakeGitHub) -> None:
    """The error's own advice is this command: it has to come to an end."""
    github.fail(
        "delete_installation", InvalidConfig("the key of the GitHub App deployhost-1 is damaged: make a new App")
    )
    one = work(paths, github)
    apply(one.plan(), one.acts, Quiet())
    assert load_all(paths) == ()


def test_a_refusal_of_another_kind(paths: Paths, github: FakeGitHub) -> None:
    github.fail("delete_installation", AccessRefused("a right is missing"))
    one = work(paths, github)
    with pytest.raises(AccessRefused):
        apply(one.plan(), one.acts, Quiet())
    assert len(load_all(paths)) == 1


def test_github_is_down(paths: Paths, github: FakeGitHub) -> None:
    github.fail(
        "delete_installation", ProviderUnavailable("api.github.com did not answer within 10 s", retry_after=5.0)
    )
    one = work(paths, github)
    with pytest.raises(ProviderUnavailable) as raised:
        apply(one.plan(), one.acts, Quiet())
    assert raised.value.message == "api.github.com did not answer within 10 s; nothing was disconnected"
    assert raised.value.hint == "deployhost disconnect github octo"
    assert raised.value.details[-1].endswith("/connections/github-0000000000000001")
    assert raised.value.retry_after == 5.0
    assert len(load_all(paths)) == 1


def test_which_one(paths: Paths) -> None:
    assert chosen(paths, "").owner == "octo"
    assert chosen(paths, "OCTO").owner == "octo"
    with pytest.raises(NotFound, match="is not connected to acme on GitHub"):
        chosen(paths, "acme")
    save(paths, connection("octo", 3, html_url="https://git.example.com"))
    with pytest.raises(InvalidRequest, match="is connected to 2 owners: say which") as raised:
        chosen(paths, "octo")
    assert raised.value.details == ("octo at https://git.example.com", "octo at https://github.com")
    assert raised.value.hint == "deployhost disconnect github octo --github-url https://git.example.com"
    assert chosen(paths, "octo", "https://git.example.com").id.endswith("3")
    save(paths, connection("octo", 4, html_url="https://git.example.com"))  # two Apps of one owner: one after the other
    assert chosen(paths, "octo", "https://git.example.com").id.endswith("3")


def test_what_stays_without_it() -> None:
    assert stays(connection("octo", 1)) == (
        "the GitHub App deployhost-1 stays installed by octo: run `deployhost disconnect github octo` first,"
        " or delete it at https://github.com/settings/apps/deployhost-1/advanced"
    )
