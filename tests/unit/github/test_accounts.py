"""The daemon's Apps follow the files, and keep their tokens as long as a file is as it was."""

from pathlib import Path

import pytest

from deployhost.github.accounts import GitHubAccounts
from deployhost.github.connection import delete, save
from deployhost.paths import Paths
from tests.fakes.github import FakeGitHub, connection


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
    assert ["github-0000000000000002 is damaged" in one.message for one in accounts.problems()] == [True]
    accounts.all()
    assert len(caplog.records) == 1
    save(paths, connection("acme", 2))
    assert len(accounts.all()) == 2
    assert accounts.problems() == ()
