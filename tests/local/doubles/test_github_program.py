"""What deployhost says to GitHub is what GitHub's double knows: each call of github/api.py, a fetch, each refusal as an error."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.errors import AccessRefused, ClockOff, NotFound, ProviderRefused, ProviderUnavailable
from deployhost.github.answers import BranchMissing, GitHubCalls, Head, NotModified
from deployhost.github.api import GitHubClient
from deployhost.github.http import GitHubHttp
from deployhost.model import Branch, Secret, Sha
from deployhost.system.git import BareRepository
from deployhost.system.git_fetch import GitFetcher, Remote
from tests.doubles.github.connecting import connection
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.repositories import Repository
from tests.doubles.github.world import App, Installation
from tests.doubles.serve import Fault


class Program:
    """deployhost as an App of octo, which has the repository octo/site."""

    def __init__(self, github: GitHubDouble) -> None:
        self.github = github
        self.site: Repository = github.repository("octo/site", {"index.html": "one"})
        self.app: App
        self.installation: Installation
        self.app, self.installation = github.installed_app("octo", hook_url="https://127.0.0.1:1/webhook/1")
        self.http = GitHubHttp()
        self.api: GitHubCalls = GitHubClient(self.http).calls(connection(github, self.app))

    @property
    def head(self) -> Sha:
        return Sha(self.site.head() or "")

    def post(self) -> None:
        self.api.post_status(
            self.site.id, self.head, state="pending", context="deployhost/site", description="Building"
        )


@pytest.fixture
def program(github: GitHubDouble) -> Iterator[Program]:
    program = Program(github)
    yield program
    program.http.close()


def test_every_call_is_one_that_github_knows(github: GitHubDouble, program: Program) -> None:
    api, site = program.api, program.site
    repository = api.repository("octo", "site")
    assert (repository.id, repository.default_branch) == (site.id, "main")
    head = api.branch(site.id, "main")
    assert isinstance(head, Head)
    assert head.sha == program.head
    assert api.branch(site.id, "main", head.etag) == NotModified()
    assert api.branch(site.id, "none") == BranchMissing()
    program.post()
    assert site.latest_statuses(program.head)["deployhost/site"]["state"] == "pending"
    installation = api.installation()
    assert installation is not None
    assert (installation.id, installation.selection) == (program.installation.id, "all")
    assert api.app().slug == program.app.slug
    assert api.set_hook_config("https://hook.example/webhook/1", Secret("s"))
    hook = api.hook_config()
    assert hook is not None
    assert (hook.url, hook.content_type, hook.has_secret) == ("https://hook.example/webhook/1", "json", True)
    github.deliveries.settle()
    assert api.has_deliveries()
    assert api.delete_installation()
    assert api.installation() is None
    github.record.check()


def test_a_branch_of_any_name(program: Program) -> None:
    for name in ("feature/one", "50%", "ü#!", "a+b&c"):
        sha = program.site.commit({"a": name}, branch=name)
        head = program.api.branch(program.site.id, name)
        assert isinstance(head, Head)
        assert (head.branch, head.sha) == (name, sha)
    program.site.set_default_branch("feature/one")
    program.site.rename_default_branch("feature/two#2")
    head = program.api.branch(program.site.id, "feature/one")
    assert isinstance(head, Head)
    assert head.branch == "feature/two#2"


def test_names_that_changed_are_followed(program: Program) -> None:
    program.site.rename("page")
    assert program.api.repository("octo", "site").name == "page"
    program.site.rename_default_branch("trunk")
    head = program.api.branch(program.site.id, "main")
    assert isinstance(head, Head)
    assert head.branch == "trunk"


def test_a_token_for_one_repository_fetches_a_commit_that_no_branch_has(program: Program, tmp_path: Path) -> None:
    orphan = program.site.commit({"index.html": "two"})
    program.site.commit({"index.html": "three"}, parent=None)
    token = program.api.for_repository(program.site.id).value.reveal()
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    remote = Remote(f"{program.site.url}.git", Secret(f"Basic {basic}"))
    repository = BareRepository(tmp_path / "app.git")
    repository.create(Branch("main"), {})
    assert GitFetcher().fetch(repository, remote, orphan, "refs/heads/main") == orphan
    assert repository.commit(Sha(orphan)).subject == "A change"


def suspended(program: Program) -> None:
    program.github.suspend(program.installation)


def uninstalled(program: Program) -> None:
    program.github.uninstall(program.installation)


def deleted(program: Program) -> None:
    program.github.delete_app(program.app)


def hidden(program: Program) -> None:
    program.github.install(program.app, program.app.owner, set())


def behind(program: Program) -> None:
    program.github.clock.ahead = 7200


def throttled(program: Program) -> None:
    program.github.throttle(seconds=30)


def exhausted(program: Program) -> None:
    program.github.exhaust(program.installation)


def broken(program: Program) -> None:
    program.github.record.fail(Fault("*", ".*", status=502, times=None))


def dropped(program: Program) -> None:
    program.github.record.fail(Fault("*", ".*", drop=True, times=None))


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (suspended, AccessRefused),
        (uninstalled, AccessRefused),
        (deleted, AccessRefused),
        (hidden, NotFound),
        (behind, ClockOff),
        (throttled, ProviderUnavailable),
        (exhausted, ProviderUnavailable),
        (broken, ProviderUnavailable),
        (dropped, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("known", [False, True], ids=["first", "later"])
def test_what_goes_wrong_has_a_name(
    program: Program, happens: Callable[[Program], None], error: type[Exception], known: bool
) -> None:
    if known:
        program.api.branch(program.site.id, "main")
    happens(program)
    with pytest.raises(error):
        program.api.branch(program.site.id, "main")


def test_a_status_that_can_not_be_posted(program: Program) -> None:
    program.site.archive()
    with pytest.raises(ProviderRefused):
        program.post()
    program.site.archive(archived=False)
    with pytest.raises(NotFound):
        program.api.post_status(program.site.id, Sha("0" * 40), state="success", context="a", description="b")


def test_a_code_that_github_does_not_know(program: Program) -> None:
    with pytest.raises(ProviderRefused):
        GitHubClient(program.http).new_app(program.github.api, "1234")
