"""Which commit a person means, on a real repository."""

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployhost.apps.commits import find_commit
from deployhost.errors import Conflict, InvalidRequest, NotFound
from deployhost.model import AppName, Branch, Sha
from deployhost.system.git import ENVIRONMENT, BareRepository

SHOP = AppName("shop")
WHO = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(path: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(path), *arguments]
    done = subprocess.run(argv, env={**ENVIRONMENT, **WHO}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> BareRepository:
    repository = BareRepository(tmp_path_factory.mktemp("repos") / "shop.git")
    repository.create(Branch("main"), {})
    tree = git(repository.path, "hash-object", "-w", "-t", "tree", "/dev/null")
    for number, name in enumerate(("main", "feature/x", "both", "deadbeef")):
        commit = git(repository.path, "commit-tree", tree, "-m", f"commit {number}")
        git(repository.path, "branch", name, commit)
    git(repository.path, "tag", "-a", "v1", "-m", "release", "main")
    git(repository.path, "tag", "both", "main")
    return repository


def of(repository: BareRepository, ref: str) -> Sha:
    return Sha(git(repository.path, "rev-parse", ref))


def test_names(repository: BareRepository) -> None:
    main = of(repository, "refs/heads/main")
    for name in ("main", "refs/heads/main", "v1", "refs/tags/v1", "refs/tags/both", main, main[:8], main[:8].upper()):
        assert find_commit(repository, SHOP, name) == main
    assert find_commit(repository, SHOP, "feature/x") == of(repository, "refs/heads/feature/x")
    assert find_commit(repository, SHOP, "deadbeef") == of(repository, "refs/heads/deadbeef"), (
        "a branch goes before digits"
    )


def test_names_of_several(repository: BareRepository) -> None:
    with pytest.raises(Conflict, match="a branch and a tag") as both:
        find_commit(repository, SHOP, "both")
    assert both.value.hint == "deployhost deploy shop refs/tags/both"


def test_digits_of_several(repository: BareRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    two = [of(repository, "main"), of(repository, "feature/x")]
    monkeypatch.setattr(BareRepository, "commits", lambda *_: two)
    with pytest.raises(Conflict, match="abcd matches 2 commits") as several:
        find_commit(repository, SHOP, "abcd")
    assert several.value.details == (f"{two[0][:12]} commit 0", f"{two[1][:12]} commit 1")


HOSTILE = [
    "",
    "-x",
    "--upload-pack=id",
    "main~1",
    "main^",
    "main:file",
    ":/commit",
    "main@{1}",
    "a..b",
    "^main",
    "HEAD^{tree}",
    "a b",
    "x\n",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(repository: BareRepository, name: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a branch, tag or commit"):
        find_commit(repository, SHOP, name)


@pytest.mark.parametrize("name", ["nope", "abc", "refs/tags/main", "refs/heads/v1", "f" * 40, "f" * 41])
def test_unknown_names(repository: BareRepository, name: str) -> None:
    with pytest.raises(NotFound, match="no branch, tag or commit"):
        find_commit(repository, SHOP, name)


def test_trees_and_blobs_are_no_commits(repository: BareRepository) -> None:
    with pytest.raises(NotFound):
        find_commit(repository, SHOP, of(repository, "main^{tree}")[:12])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20))
def test_any_text(repository: BareRepository, name: str) -> None:
    """A commit of the repository, or a clear error; never a defect."""
    with contextlib.suppress(InvalidRequest, NotFound, Conflict):  # what it raises otherwise is a defect
        assert repository.commit(find_commit(repository, SHOP, name))


def test_references(repository: BareRepository) -> None:
    assert repository.references() == ["both", "deadbeef", "feature/x", "main", "both", "v1"]
