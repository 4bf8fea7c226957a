"""Commit statuses at GitHub's double, over real TLS: every fault, and what it shows in the end."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployhost.config.env import EnvStore
from deployhost.daemon.troubles import Troubles
from deployhost.github import connection as connections
from deployhost.github import http
from deployhost.github.accounts import GitHubAccounts
from deployhost.github.api import GitHubClient
from deployhost.github.statuses import CommitStatuses
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.pinned import PinnedSource
from deployhost.journal.sources import Sources
from deployhost.journal.statuses import Statuses
from deployhost.model import AppName, Deploy, DeployStatus, RepositoryName, Sha, Trigger, Version
from deployhost.paths import Paths
from deployhost.system.clock import Clock
from tests.doubles.github.connecting import connection
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.repositories import Repository
from tests.doubles.serve import Fault

SHOP = AppName("shop")
POST = ("POST", r".*/statuses/[0-9a-f]{40}")


def head(repository: Repository) -> Sha:
    return Sha(repository.head() or "")


class Leaping(Clock):
    """A clock that leaps."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class Posting:
    """A server whose app is deployed from a repository at the double."""

    def __init__(self, double: GitHubDouble, client: GitHubClient, paths: Paths) -> None:
        self.double, self.paths = double, paths
        self.repository: Repository = double.repository("octo/site", {"index.html": "one"})
        app, self.installation = double.installed_app("octo")
        self.connection = connection(double, app)
        connections.save(paths, self.connection)
        database = Database(paths.journal)
        self.deploys = Deploys(database, time.time)
        sources, self.troubles, self.clock = Sources(database, time.time), Troubles(time.time), Leaping()
        name = RepositoryName("octo/site")
        sources.pin(
            PinnedSource(
                app=SHOP, connection=self.connection.id, host=double.web, repository=self.repository.id, written=name, current=name
            )
        )  # fmt: skip
        self.statuses = CommitStatuses(
            statuses=Statuses(database, self.deploys),
            sources=sources,
            github_accounts=GitHubAccounts(paths, client),
            env=EnvStore(paths),
            url=lambda app: f"https://{app}.example.com",
            went_well=self.troubles.went_well,
            forget=self.troubles.forget,
            clock=self.clock,
        )

    def begin(self, commit: str | None = None) -> Deploy:
        sha = Sha(commit or head(self.repository))
        deploy = self.deploys.accept(SHOP, sha, trigger=Trigger.PUSH)
        number = len(self.deploys.version_numbers(SHOP, sha)) + 1
        return self.deploys.begin(deploy, Version(sha if number == 1 else f"{sha}-{number}")) or deploy

    def look(self, ahead: float = 2.0) -> None:
        self.clock.ahead += ahead
        self.troubles.went_well("posting", self.statuses.look)

    def shown(self, commit: str | None = None) -> list[tuple[str, str]]:
        """Return the states and descriptions of a commit, oldest first."""
        found = self.repository.statuses_of(commit or head(self.repository))
        return [(one["state"], one["description"]) for one in reversed(found)]


@pytest.fixture
def posting(github_double: GitHubDouble, client: GitHubClient, tmp_path: Path) -> Posting:
    return Posting(github_double, client, Paths(tmp_path / "server"))


def test_pending_then_failure(posting: Posting) -> None:
    deploy = posting.begin()
    posting.look()
    posting.deploys.end(deploy.id, DeployStatus.FAILED, {"message": "the build failed: " + "é" * 200})
    posting.look()
    (pending, failure) = posting.shown()
    assert pending == ("pending", "Deploying")
    assert failure[0] == "failure"
    assert len(failure[1]) == 140
    assert {one["context"] for one in posting.repository.statuses} == {"deployhost/shop"}


FAULTS: dict[str, Callable[[], Fault]] = {
    "401": lambda: Fault(*POST, status=401, times=2),  # once more with a new token
    "403": lambda: Fault(*POST, status=403),
    "404": lambda: Fault(*POST, status=404),
    "422": lambda: Fault(*POST, status=422),
    "429": lambda: Fault(*POST, status=429, retry_after=1),
    "500": lambda: Fault(*POST, status=500),
    "dropped": lambda: Fault(*POST, drop=True),
    "done and dropped": lambda: Fault(*POST, drop=True, done=True),
    "hangs": lambda: Fault(*POST, hang=True),
    "no token": lambda: Fault("POST", r".*/access_tokens", status=502),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault(posting: Posting, fault: str) -> None:
    deploy = posting.begin()
    posting.double.record.fail(FAULTS[fault]())
    with pytest.MonkeyPatch.context() as patched:
        if fault == "hangs":
            patched.setattr(http, "TIMEOUT", 0.5)
        posting.look()
    (shown,) = posting.troubles.now()
    assert shown["message"].startswith("posting commit statuses of shop: ")
    assert posting.connection.key.reveal() not in str(shown)
    posting.look()
    posting.deploys.end(deploy.id, DeployStatus.FAILED, {"message": "the build failed"})
    if fault == "429":
        time.sleep(1.1)  # GitHub's own word on how long to wait goes by a clock that does not leap
    posting.look(60)
    assert posting.shown()[-1] == ("failure", "the build failed")
    assert len(posting.shown()) <= 2
    assert posting.troubles.now() == []


def test_an_archived_repository_is_in_no_other_ones_way(posting: Posting) -> None:
    other = posting.double.repository("octo/other", {"a": "1"})
    name = RepositoryName("octo/other")
    posting.statuses.sources.pin(
        PinnedSource(
            app=AppName("other"), connection=posting.connection.id, host=posting.double.web, repository=other.id, written=name, current=name
        )
    )  # fmt: skip
    posting.repository.archived = True
    posting.begin()
    second = posting.deploys.accept(AppName("other"), head(other), trigger=Trigger.PUSH)
    posting.deploys.begin(second, Version(head(other)))
    for _ in range(3):
        posting.look()
    assert [one["state"] for one in other.statuses] == ["pending"]
    (shown,) = posting.troubles.now()
    assert "Repository was archived" in shown["message"]
    assert shown["hint"] == "deployhost status shop"


def test_a_commit_that_is_not_there(posting: Posting) -> None:
    posting.begin("f" * 40)
    posting.look()
    (shown,) = posting.troubles.now()
    assert "No commit found" in shown["message"]
    assert shown["hint"] == "deployhost status shop"
    calls = len(posting.double.record.calls)
    for _ in range(20):
        posting.look(1)
    assert len(posting.double.record.calls) == calls


def test_a_renamed_repository_is_posted_to_by_its_id(posting: Posting) -> None:
    deploy = posting.begin()
    posting.look()
    posting.repository.rename("renamed")
    posting.deploys.end(deploy.id, DeployStatus.FAILED, {"message": "x"})
    posting.look()
    assert [state for state, _ in posting.shown()] == ["pending", "failure"]
