"""GitHub's double over git: who may read, commits that no ref names any more, former names, pushes by git itself."""

import base64
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.doubles.github.client import token
from tests.doubles.github.double import GitHubDouble


@dataclass
class Git:
    """git of somebody who trusts the test CA."""

    github: GitHubDouble
    folder: Path
    trusted: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.trusted = self.github.authority.write(self.folder / "ca.pem")

    def run(self, *argv: str, secret: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        settings = {"http.sslCAInfo": str(self.trusted), "user.name": "A", "user.email": "a@example.com"}
        if secret is not None:
            basic = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
            settings[f"http.{self.github.web}/.extraHeader"] = f"Authorization: Basic {basic}"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        nobody = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            ["git", *options, *argv],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **nobody},
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def git(github: GitHubDouble, tmp_path: Path) -> Git:
    return Git(github, tmp_path / "client")


def test_a_clone_with_a_token_and_a_fetch_of_a_commit_that_no_branch_has(github: GitHubDouble, git: Git) -> None:
    site = github.repository("octo/site", {"index.html": "one", "run.sh": "true"})
    _, installation = github.installed_app("octo")
    secret = token(github, installation, repository_ids=[site.id], permissions={"contents": "read"})
    orphan = site.commit({"index.html": "two"})
    site.commit({"index.html": "three"}, parent=None)
    git.run("clone", "--quiet", f"{site.url}.git", "copy", secret=secret)
    copy = git.folder / "copy"
    assert (copy / "index.html").read_text() == "three"
    assert not (copy / "run.sh").exists()
    git.run("-C", "copy", "fetch", "--quiet", "--depth", "1", "origin", orphan, secret=secret)
    assert git.run("-C", "copy", "show", f"{orphan}:index.html").stdout == "two"
    github.record.check()


def test_who_may_not_read(github: GitHubDouble, git: Git) -> None:
    site = github.repository("octo/site", {"a": "b"})
    other = github.repository("octo/other", {"a": "b"})
    _, installation = github.installed_app("octo", [other])
    secret = token(github, installation)
    blind = token(github, installation, permissions={"statuses": "write"})
    for one, used, said in (
        (site, None, "could not read Username"),
        (site, "ghs_unknown", "could not read Username"),
        (site, secret, "not found"),
        (other, blind, "403"),
    ):
        refused = git.run("ls-remote", f"{one.url}.git", secret=used, check=False)
        assert refused.returncode != 0
        assert said in refused.stderr
    github.suspend(installation)
    assert "403" in git.run("ls-remote", f"{other.url}.git", secret=secret, check=False).stderr


def test_a_former_name_and_a_public_repository(github: GitHubDouble, git: Git) -> None:
    site = github.repository("octo/site", {"a": "b"}, private=False)
    site.rename("page")
    listed = git.run("ls-remote", f"{github.web}/octo/site", "refs/heads/main").stdout
    assert listed.split() == [site.head(), "refs/heads/main"]


def test_a_person_pushes_by_git(github: GitHubDouble, git: Git) -> None:
    site = github.repository("octo/site")
    github.installed_app("octo", hook_url="https://127.0.0.1:1/webhook/1")
    secret = github.personal_token("octo")
    git.run("init", "--quiet", "--initial-branch=main", "work")
    git.run("-C", "work", "commit", "--quiet", "--allow-empty", "-m", "First")
    git.run("-C", "work", "push", "--quiet", f"{site.url}.git", "main", secret=secret)
    head = git.run("-C", "work", "rev-parse", "HEAD").stdout.strip()
    assert site.head() == head
    github.deliveries.settle()
    pushed = [one.payload for one in github.world.deliveries if one.event == "push"]
    assert [(one["ref"], one["after"], one["created"]) for one in pushed] == [("refs/heads/main", head, True)]
    refused = git.run(
        "-C", "work", "push", f"{site.url}.git", "main:x", secret=github.personal_token("hexa"), check=False
    )
    assert "not found" in refused.stderr
