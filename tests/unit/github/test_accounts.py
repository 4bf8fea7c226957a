"""The daemon's Apps follow the files, and keep their tokens as long as a file is as it was."""

from pathlib import Path

import pytest

from deployhost.github.accounts import GitHubAccounts
from deployhost.github.connection import delete, save
from deployhost.paths import Paths
from tests.fakes.github import WEBHOOK_HOST, FakeGitHub, connection


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_they_follow_the_files(paths: Paths) -> None:
    accounts = GitHubAccounts(paths, FakeGitHub())
    assert accounts.all() == ()
    save(paths, connection("octo", 1))
    save(paths, connection("acme", 2))
    acme, octo = accounts.all()
    assert (acme.connection.owner, octo.connection.owner) == ("acme", "octo")
    assert accounts.for_owner("OCTO") is octo
    assert accounts.for_owner("octo", "https://git.example.com") is None
    assert accounts.by_id(acme.connection.id) is acme
    assert accounts.by_id("f" * 16) is None
    save(paths, connection("octo", 1, installation_id=77))
    after = accounts.all()
    assert after[0] is acme
    assert after[1].calls is not octo.calls
    delete(paths, acme.connection)
    assert [one.connection.owner for one in accounts.all()] == ["octo"]


def test_a_damaged_file_is_in_nobody_elses_way(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    save(paths, connection("octo", 1))
    save(paths, connection("acme", 2))
    (paths.connections / "github-0000000000000002").write_text("{")
    accounts = GitHubAccounts(paths, FakeGitHub())
    assert [one.connection.owner for one in accounts.all()] == ["octo"]
    (found,) = accounts.findings("")
    assert "github-0000000000000002 is damaged" in found.what
    assert found.fix.startswith("rm /")
    accounts.all()
    assert len(caplog.records) == 1
    save(paths, connection("acme", 2))
    assert len(accounts.all()) == 2
    assert accounts.findings("") == ()


def test_owners_whose_pushes_github_does_not_report(paths: Paths) -> None:
    """The tunnel came later, or has another name now: the owner's command puts it right."""
    accounts = GitHubAccounts(paths, FakeGitHub())
    save(paths, connection("octo", 1))
    save(paths, connection("acme", 2, kind="organization", hooked=False))
    assert accounts.findings("") == ()
    (found,) = accounts.findings(WEBHOOK_HOST)
    assert found.what == "GitHub does not report acme's pushes to this server"
    assert found.fix == "deployhost connect github --org acme"
    assert [one.fix for one in accounts.findings("other.example.com")] == [
        found.fix,
        "deployhost connect github --user octo",
    ]
