"""GitHub Apps on the disk: whole or not at all, root's only, one file each."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployhost.errors import DeployhostError, InvalidConfig
from deployhost.github.connection import GITHUB, connect_command, delete, for_owner, load_all, save, stamp
from deployhost.model import Secret
from deployhost.paths import Paths
from tests.fakes.github import connection


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_save_load_delete(paths: Paths) -> None:
    assert load_all(paths) == ()
    one, two = (
        connection("octo", 1),
        connection("Acme", 2, kind="organization", webhook_secret=None, installation_id=None),
    )
    save(paths, one)
    save(paths, two)
    assert load_all(paths) == (two, one)
    path = paths.connections / "github-0000000000000001"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert paths.connections.stat().st_mode & 0o7777 == 0o700
    assert delete(paths, one) is True
    assert delete(paths, one) is False
    assert load_all(paths) == (two,)


def test_owners_are_found_in_any_case_and_by_their_github(paths: Paths) -> None:
    save(paths, connection("Octo-Cat", 1))
    elsewhere = connection("octo-cat", 2, html_url="https://git.example.com")
    save(paths, elsewhere)
    found = for_owner(paths, "oCTO-cat")
    assert found is not None
    assert found.html_url == GITHUB
    assert for_owner(paths, "octo-cat", "https://git.example.com") == elsewhere
    assert for_owner(paths, "octo") is None


def test_pages() -> None:
    person, org = connection("octo"), connection("acme", kind="organization", html_url="https://git.example.com")
    assert person.settings_page == "https://github.com/settings/apps/deployhost-1"
    assert org.settings_page == "https://git.example.com/organizations/acme/settings/apps/deployhost-1"
    assert org.delete_page == f"{org.settings_page}/advanced"
    assert person.install_page == "https://github.com/apps/deployhost-1/installations/new"
    assert person.webhook_path == "/webhook/0000000000000001"


def test_a_secret_is_never_shown() -> None:
    assert "PRIVATE KEY" not in repr(connection())
    assert "webhook-secret" not in repr(connection())


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0000000000000002"}, {"id": "../x"}, {"key": ""}, {"key": None}, {"owner": 5}, {"owner_id": "5"}, {"app_id": True},
        {"kind": "enterprise"}, {"webhook_secret": ""}, {"hooked": 1}, {"webhook_url": None}, {"installation_id": "7"},
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(paths: Paths, change: dict[str, object]) -> None:
    save(paths, connection())
    save(paths, connection("acme", 9))
    path = paths.connections / "github-0000000000000001"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidConfig, match="is damaged") as damaged:
        load_all(paths)
    assert "PRIVATE KEY" not in str(damaged.value.to_json())
    assert damaged.value.__cause__ is None
    assert damaged.value.hint == f"rm {path}"
    problems: list[DeployhostError] = []
    assert [one.owner for one in load_all(paths, problems.append)] == ["acme"]
    assert [one.code for one in problems] == ["invalid_config"]


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\xff"])
def test_a_file_that_lost_what_it_held(paths: Paths, data: bytes) -> None:
    """Nobody can put a key back with an editor."""
    save(paths, connection())
    path = paths.connections / "github-0000000000000001"
    path.write_bytes(data)
    with pytest.raises(InvalidConfig, match="is damaged") as damaged:
        load_all(paths)
    assert damaged.value.hint == f"rm {path}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(min_size=1, max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_whatever_the_file_holds_is_an_error_of_ours(paths: Paths, data: bytes) -> None:
    paths.connections.mkdir(parents=True, exist_ok=True)
    (paths.connections / "github-0000000000000001").write_bytes(data)
    with pytest.raises(InvalidConfig):
        load_all(paths)


def test_other_files_are_none(paths: Paths) -> None:
    save(paths, connection())
    for name in (
        "github-pending",
        "github-000000000000000G",
        "github-00000000000000012",
        "cloudflare",
        ".github-0000000000000001.x.tmp",
    ):
        (paths.connections / name).write_text("{}")
    assert load_all(paths) == (connection(),)


def test_the_stamp_changes_with_each_change(paths: Paths) -> None:
    seen = [stamp(paths)]
    save(paths, connection())
    seen.append(stamp(paths))
    save(paths, connection(webhook_secret=Secret("another")))
    seen.append(stamp(paths))
    assert stamp(paths) == seen[-1]
    delete(paths, connection())
    assert stamp(paths) == seen[0]
    assert len(set(seen)) == 3


def test_commands() -> None:
    assert connect_command("https://github.com") == "deployhost connect github"
    assert connection().connect_command == "deployhost connect github --user octo", "there may be two personal accounts"
    elsewhere = connection("acme", kind="organization", html_url="https://git.example.com")
    assert elsewhere.connect_command == "deployhost connect github --org acme --github-url https://git.example.com"
    assert elsewhere.disconnect_command == "deployhost disconnect github acme"
