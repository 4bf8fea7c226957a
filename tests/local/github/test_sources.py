"""Apps of repositories on GitHub, by the real API's client and the real git, against GitHub's double; only Docker is a fake."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.apps.adding import NewSource, SourceAdded
from deployhost.daemon.outside import Outside
from deployhost.errors import DeployhostError, NotFound, RepositoryNotVisible
from deployhost.github import connection as files
from deployhost.github.api import GitHubClient
from deployhost.github.delivery_plan import LookAt
from deployhost.github.fetching import KEPT
from deployhost.model import AppName, Branch, Deploy, DeployStatus, EnvName, RepositoryName, Sha
from deployhost.system.git import BareRepository
from deployhost.system.git_fetch import GitFetcher
from deployhost.system.stop import Stop
from tests.doubles.github.connecting import connection
from tests.doubles.github.double import GitHubDouble
from tests.doubles.serve import Fault
from tests.fakes.assembled import Assembled, Server, wait_until
from tests.fakes.docker import Behaviour
from tests.fakes.life import Life
from tests.local.github.conftest import sign_here

SITE = AppName("site")
FILES = {"Dockerfile": "FROM scratch\n", "index.html": "one"}


class RealRepository(BareRepository):
    """A repository of real git, whose trees say which commit they are of, as the fake builder wants it."""

    def check_out(self, sha: Sha, tree: Path, stop: Stop | None = None) -> str:
        digest = super().check_out(sha, tree, stop)
        (tree / "COMMIT").write_text(sha)
        return digest


class Online(Assembled):
    """A daemon whose git and whose way to GitHub are real."""

    client: GitHubClient

    def _outside(self) -> Outside:
        self.client = GitHubClient(sign=sign_here)
        return replace(super()._outside(), repository=RealRepository, fetcher=GitFetcher, github=lambda: self.client)


class There:
    """octo/site at GitHub's double, and a daemon that is connected to it."""

    def __init__(self, github: GitHubDouble, server: Server) -> None:
        self.github, self.server = github, server
        self.site = github.repository("octo/site", FILES)
        self.app, self.installation = github.installed_app("octo")
        self.connection = connection(github, self.app)
        files.save(server.paths, self.connection)
        self.daemon = Online(server, Life())
        server.daemons.append(self.daemon)

    def add(self, source: str = "octo/site", **more: object) -> SourceAdded:
        wish = NewSource(**({"source": RepositoryName(source), "variables": {}} | more))  # type: ignore[arg-type]
        added = self.daemon.additions.add(wish)
        self.daemon.work_off()
        return added

    def look(self, app: AppName = SITE) -> Deploy | None:
        deploy = self.daemon.looks.look(app)
        self.daemon.work_off()
        return None if deploy is None else self.daemon.deploys.get(deploy.id)

    def pushed(self, text: str, parent: str | None = "HEAD") -> Sha:
        files = {**FILES, "index.html": text}
        sha = self.site.commit(files) if parent == "HEAD" else self.site.commit(files, parent=parent)
        return Sha(sha)

    def calls(self) -> list[str]:
        """What was asked of GitHub since the last time: `git`, or the path below the API's, with the answer's status."""
        answered = self.github.record.answered
        self.github.record.forget()
        return [
            f"{status} git" if ".git/" in call.path else f"{status} {call.path.removeprefix('/api/v3')}"
            for call, status in answered
        ]

    def problem(self) -> str:
        found = self.daemon.sources.problem(SITE)
        return "" if found is None else found.error["message"]


@pytest.fixture
def there(github_double: GitHubDouble, server: Server) -> Iterator[There]:
    there = There(github_double, server)
    yield there
    there.daemon.client.close()


def test_added_deployed_and_looked_at(there: There) -> None:
    first = Sha(there.site.head() or "")
    added = there.add(variables={EnvName("A"): "1"})
    assert added.deploy is not None
    assert there.daemon.live(SITE).sha == first
    repository = there.daemon.repository(SITE)
    assert repository.resolve("refs/heads/main") == first, "the branch moved since it is live"
    there.look()
    there.calls()
    assert there.look() is None
    free = there.calls()
    assert [one.split()[0] for one in free] == ["304", "304"], "which costs no quota"
    second = there.pushed("two")
    deploy = there.look()
    assert deploy is not None
    assert (deploy.sha, deploy.status, deploy.subject) == (second, DeployStatus.LIVE, "A change")
    assert repository.resolve("refs/heads/main") == second
    count = subprocess.run(
        ["git", f"--git-dir={repository.path}", "rev-list", "--all", "--count"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert count.stdout.strip() == "2", "no history came with them"


def test_a_delivery_costs_one_fetch_and_one_question(there: There) -> None:
    there.add()
    sha = there.pushed("two")
    there.calls()
    there.daemon.look_queue.take(LookAt(there.connection.id, there.site.id, "refs/heads/main", sha))
    wait_until(lambda: there.daemon.look_queue.idle)
    assert set(there.calls()) == {"200 git", f"200 /repositories/{there.site.id}/branches/main"}
    there.daemon.work_off()
    assert there.daemon.live(SITE).sha == sha


def test_force_pushes_and_failures(there: There) -> None:
    there.add()
    base = there.site.head()
    bad = there.pushed("bad")
    there.server.behaviours[bad] = Behaviour(exits=1)
    deploy = there.look()
    assert deploy is not None
    assert deploy.status is DeployStatus.FAILED
    assert there.look() is None
    assert there.daemon.repository(SITE).resolve("refs/heads/main") == base
    amended = there.pushed("amended", parent=base)
    assert there.look() is not None
    assert there.daemon.live(SITE).sha == amended
    assert bad in [name.removeprefix(KEPT) for name in there.daemon.repository(SITE).kept(KEPT)]


def test_renames_and_who_took_the_old_name(there: There) -> None:
    there.add()
    there.site.rename("page")
    sha = there.pushed("after the rename")
    thief = there.github.repository("octo/site", {**FILES, "index.html": "foreign"}, private=False)
    for wanted in (
        LookAt(there.connection.id, thief.id, "refs/heads/main", thief.head() or ""),
        LookAt(there.connection.id, there.site.id, "refs/heads/main", sha),
    ):
        there.daemon.look_queue.take(wanted)
        wait_until(lambda: there.daemon.look_queue.idle)
        there.daemon.work_off()
    there.look()
    assert there.daemon.live(SITE).sha == sha
    assert thief.head() not in {deploy.sha for deploy in there.daemon.deploys.of_app(SITE)}
    assert there.daemon.apps.get(SITE).source == "octo/page"
    assert there.problem() == ""


def test_a_rename_that_git_meets_first(there: There) -> None:
    there.add()
    there.site.rename("page")
    sha = there.pushed("two")
    there.daemon.look_queue.take(LookAt(there.connection.id, there.site.id, "refs/heads/main", sha))
    wait_until(lambda: there.daemon.look_queue.idle)
    there.daemon.work_off()
    assert there.daemon.live(SITE).sha == sha
    assert there.daemon.apps.get(SITE).source == "octo/page"


def test_the_default_branch_changes(there: There) -> None:
    there.add()
    sha = Sha(there.site.commit({**FILES, "index.html": "trunk"}, branch="trunk"))
    assert there.look() is None
    there.site.set_default_branch("trunk")
    deploy = there.look()
    assert deploy is not None
    assert (deploy.sha, deploy.branch) == (sha, "trunk")
    there.site.rename_default_branch("main2")
    assert there.look() is None
    assert there.problem() == ""
    assert there.daemon.commits.branch(SITE) == "main2"


def test_a_branch_of_apps_yml_that_was_renamed(there: There) -> None:
    there.add(branch=Branch("main"))
    there.site.rename_default_branch("trunk")
    assert there.look() is None
    assert there.problem() == "the branch main of octo/site is now trunk"
    with pytest.raises(NotFound) as failed:
        there.add(name=AppName("other"), branch=Branch("main"))
    assert failed.value.hint == "deployhost add octo/site --branch trunk"


def test_what_a_person_names(there: There) -> None:
    there.add()
    first = Sha(there.site.head() or "")
    feature = Sha(there.site.commit({**FILES, "index.html": "feature"}, branch="feature"))
    orphan = there.pushed("orphan")
    there.pushed("instead", parent=first)
    there.site.git("-c", "user.name=A", "-c", "user.email=a@b", "tag", "-a", "v1", "-m", "one", feature)
    for ref, sha in (
        ("feature", feature),
        ("v1", feature),
        (orphan, orphan),
        (first[:8], first),
        ("refs/tags/v1", feature),
    ):
        assert there.daemon.choices.deploy(SITE, ref).deploy.sha == sha
        there.daemon.work_off()
        assert there.daemon.live(SITE).sha == sha
    with pytest.raises(NotFound):
        there.daemon.choices.deploy(SITE, "nothing")
    with pytest.raises(NotFound):
        there.daemon.choices.deploy(SITE, "0123456789" * 4)
    head = there.daemon.choices.deploy(SITE).deploy
    assert head.sha == there.site.head()


def test_an_app_that_was_pushed_to(there: There, tmp_path: Path) -> None:
    """It has the history here; what comes from GitHub has none."""
    there.daemon.repositories.add(SITE, Branch("main"), ())
    repository = there.daemon.repository(SITE)
    work = tmp_path / "work"
    subprocess.run(["git", "clone", "-q", str(there.site.path), str(work)], check=True)
    # Past the hook, which has no daemon to ask here.
    subprocess.run(
        ["git", f"--git-dir={repository.path}", "fetch", "-q", str(work), "main:refs/heads/main"], check=True
    )
    there.pushed("two")
    added = there.add(name=SITE, agreed=True)
    assert added.deploy is not None
    assert there.daemon.live(SITE).sha == there.site.head()
    assert repository.resolve("refs/heads/main") == there.site.head()
    subprocess.run(["git", f"--git-dir={repository.path}", "fsck", "--strict"], check=True, capture_output=True)


def test_an_empty_repository(there: There) -> None:
    empty = there.github.repository("octo/empty")
    added = there.add("octo/empty")
    assert added.notes == ("octo/empty has no commits yet: the first push to main is deployed",)
    assert there.look(AppName("empty")) is None
    sha = empty.commit(FILES)
    deploy = there.look(AppName("empty"))
    assert deploy is not None
    assert deploy.sha == sha


def test_no_token_is_left_anywhere(there: There) -> None:
    there.add()
    there.pushed("two")
    there.look()
    for path in there.server.paths.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and there.server.paths.connections not in path.parents:
            content = path.read_bytes()
            assert b"ghs_" not in content, path
            assert b"x-access-token" not in content, path
            assert b"Z2hzX" not in content, f"{path}: base64"


def hide(there: There) -> None:
    there.github.install(there.app, there.app.owner, set())


def down(there: There) -> None:
    there.github.record.fail(Fault("*", ".*", status=503, times=None))


def no_git(there: There) -> None:
    there.github.record.fail(Fault("*", ".*[.]git/.*", status=503, times=None))


def hang_up(there: There) -> None:
    there.github.record.fail(Fault("*", ".*", drop=True, times=None))


TROUBLES: dict[str, tuple[Callable[[There], object], str]] = {
    "suspended": (lambda there: there.github.suspend(there.installation), "is suspended by octo"),
    "uninstalled": (lambda there: there.github.uninstall(there.installation), "is not installed by octo"),
    "hidden": (hide, "there is no repository octo/site, or the GitHub App"),
    "deleted": (lambda there: there.site.delete(), "there is no repository octo/site, or the GitHub App"),
    "branch deleted": (lambda there: there.site.delete_branch("main"), "octo/site has no branch main"),
    "clock": (lambda there: setattr(there.github.clock, "ahead", 7200), "this server's clock is"),
    "throttled": (lambda there: there.github.throttle(seconds=30), "rate limit"),
    "down": (down, "GitHub failed with 503"),
    "git is down": (no_git, "main can't be fetched from octo/site: GitHub does not answer"),
    "hangs up": (hang_up, "can't be reached"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_what_status_says(there: There, name: str) -> None:
    there.add()
    live = there.daemon.live(SITE).sha
    if name not in ("deleted", "branch deleted"):
        there.pushed("two")
    happens, says = TROUBLES[name]
    happens(there)
    # What was remembered ends; so does a token, sooner or later.
    there.daemon.github_accounts._stamp = None
    there.daemon.github_accounts._accounts = ()
    assert there.look() is None
    assert says in there.problem()
    assert there.daemon.live(SITE).sha == live
    note = there.daemon.views.app(there.daemon.apps.get(SITE))["note"]
    assert says in note


def test_the_app_cant_see_it(there: There) -> None:
    hide(there)
    with pytest.raises(RepositoryNotVisible) as failed:
        there.add()
    assert there.connection.install_page in failed.value.details[0]
    assert not there.daemon.apps.known


@pytest.mark.parametrize(
    "path", [".*/repos/.*", ".*/repositories/[0-9]+", ".*/branches/.*", ".*/access_tokens", ".*[.]git/.*"]
)
@pytest.mark.parametrize("fault", ["503", "429", "403", "drop", "late"])
def test_each_call_fails_each_way(there: There, path: str, fault: str) -> None:
    """The same command again finishes it, with one deploy."""
    faults = {
        "503": Fault("*", path, status=503),
        "429": Fault("*", path, status=429, retry_after=1),
        "403": Fault("*", path, status=403),
        "drop": Fault("*", path, drop=True, times=3),
        "late": Fault("*", path, status=502, done=True),
    }
    there.github.record.fail(faults[fault])
    with contextlib.suppress(DeployhostError):
        there.add()
    there.github.record.mend()
    there.daemon.github_accounts._stamp = None
    there.daemon.github_accounts._accounts = ()  # a rate limit is over
    there.add()
    assert there.daemon.live(SITE).sha == there.site.head()
    assert [deploy.sha for deploy in there.daemon.deploys.of_app(SITE)] == [there.site.head()]
