"""Fetching into an app's repository: with which token, what is kept, and what is let go of."""

import base64
from collections.abc import Callable

import pytest

from deployhost.errors import AccessRefused, CommandFailed, CommandTimedOut, FetchFailed, NotFound, ProviderUnavailable
from deployhost.github.fetching import KEPT, MANY, RECENT, Moved, remote_of
from deployhost.github.locating import Located
from deployhost.model import RepositoryName, Secret, Trigger
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.on_github import SHOP, OnGitHub, look

ONE, TWO = sha(1), sha(2)


@pytest.fixture
def there(server: Server) -> OnGitHub:
    return OnGitHub(server, ONE)


@pytest.fixture
def daemon(server: Server, there: OnGitHub) -> Assembled:
    there.add()
    return server.start()


@pytest.fixture
def located(daemon: Assembled) -> Located:
    return daemon.locator.locate(SHOP, RepositoryName("octo/shop"))


def failing(daemon: Assembled, *errors: Exception) -> None:
    """Have the next fetches fail, as git's."""
    fetch, left = daemon.fetching.fetcher.fetch, list(errors)

    def fail(*arguments: object) -> object:
        if left:
            raise left.pop(0)
        return fetch(*arguments)  # type: ignore[arg-type]

    daemon.fetching.fetcher.fetch = fail  # type: ignore[method-assign, assignment]


def git_says(text: str) -> CommandFailed:
    return CommandFailed("git failed", status=128, details=(text,))


def test_how_git_reaches_it(located: Located) -> None:
    remote = remote_of(located.pinned, Secret("ghs_x"))
    assert remote.url == "https://github.com/octo/shop.git"
    assert base64.b64decode(remote.authorization.reveal().removeprefix("Basic ")) == b"x-access-token:ghs_x"
    assert "ghs_x" not in repr(remote)


def test_what_is_fetched_is_kept(daemon: Assembled, located: Located, server: Server) -> None:
    assert daemon.fetching.fetch(located.account, located.pinned, "refs/heads/main") == ONE
    assert server.refs.kept == {f"{KEPT}{ONE}": ONE}
    assert server.refs.branches == {}, "the branch moves once it is live"


def test_a_token_that_ended_early_is_made_anew_once(daemon: Assembled, located: Located, there: OnGitHub) -> None:
    failing(daemon, git_says("fatal: Authentication failed for 'https://github.com/octo/shop.git/'"))
    there.calls  # noqa: B018
    assert daemon.fetching.fetch(located.account, located.pinned, "refs/heads/main") == ONE
    assert there.calls == ["for_repository", "forget_token", "for_repository", "fetch"]
    failing(daemon, *[git_says("fatal: Authentication failed")] * 2)
    with pytest.raises(AccessRefused):
        daemon.fetching.fetch(located.account, located.pinned, "refs/heads/main")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (git_says("remote: Repository not found."), Moved),
        (git_says("fatal: couldn't find remote ref refs/heads/main"), NotFound),
        (git_says("fatal: unable to access 'x': Could not resolve host: github.com"), ProviderUnavailable),
        (CommandTimedOut("git did not end within 300 s"), FetchFailed),
    ],
)
def test_what_goes_wrong(daemon: Assembled, located: Located, error: Exception, expected: type[Exception]) -> None:
    failing(daemon, error)
    with pytest.raises(expected):
        daemon.fetching.fetch(located.account, located.pinned, "refs/heads/main")


def test_a_repository_that_is_not_there_yet(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    located = daemon.locator.locate(server.add("blog", text="source: octo/shop"), RepositoryName("octo/shop"))
    with pytest.raises(NotFound) as failed:
        daemon.fetching.fetch(located.account, located.pinned, "refs/heads/main")
    assert failed.value.hint == "deployhost converge"


def test_what_nothing_needs_is_let_go_of(daemon: Assembled, server: Server, there: OnGitHub) -> None:
    look(daemon)
    keep: Callable[[int], None] = lambda number: server.refs.kept.update({f"{KEPT}{sha(number)}": sha(number)})  # noqa: E731
    for number in range(100, 100 + MANY - 1):
        keep(number)
    daemon.fetching.tidy(SHOP)
    assert len(server.refs.kept) == MANY, "not before there are many"
    for number in range(200, 200 + RECENT + 5):
        keep(number)
        daemon.deploys.accept(SHOP, sha(number), trigger=Trigger.PUSH)
    daemon.fetching.tidy(SHOP)
    left = {name.removeprefix(KEPT) for name in server.refs.kept}
    assert left == {ONE, *(sha(number) for number in range(200, 200 + RECENT + 5))}, "live, or queued"
