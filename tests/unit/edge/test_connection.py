"""The connection's file: what is written can be read, only root can, and a damaged one is told without its token."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.edge import connection
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import CONNECTION, TUNNEL_TOKEN
from deployhost.edge.zones_plan import Zone
from deployhost.errors import Conflict, InvalidConfig
from deployhost.model import Domain, Secret
from deployhost.paths import Paths

ONE = CloudflareConnection(
    server_id="0123456789",
    token=Secret("cf-token-0123456789"),
    account_id="account",
    account_name="Example",
    zones=(Zone(Domain("example.com"), "zone-1"), Zone(Domain("example.org"), "zone-2")),
    webhook_zone=Domain("example.com"),
    webhook_host=Domain("deployhost-0123456789.example.com"),
    tunnel_id="tunnel-1",
    expires_on="2027-05-01T00:00:00+00:00",
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_there_and_back(paths: Paths) -> None:
    assert connection.load(paths) is None
    assert connection.tunnel_token(paths) is None
    connection.save(paths, ONE)
    connection.save_tunnel_token(paths, Secret("tunnel-secret"))
    assert connection.load(paths) == ONE
    assert connection.tunnel_token(paths) == Secret("tunnel-secret")
    assert {one.stat().st_mode & 0o7777 for one in paths.connections.iterdir()} == {0o600}
    assert paths.connections.stat().st_mode & 0o7777 == 0o700
    assert "cf-token" not in repr(connection.load(paths))
    connection.delete(paths)
    assert connection.load(paths) is None
    assert connection.tunnel_token(paths) is None


def test_an_account_with_thousands_of_zones(paths: Paths) -> None:
    many = tuple(Zone(Domain(f"a-rather-long-name-{n}.example.com"), f"{n:032x}") for n in range(2500))
    connection.save(paths, replace(ONE, zones=many))
    assert connection.load(paths) == replace(ONE, zones=many)


@pytest.mark.parametrize(
    "change",
    [
        {"token": 7},
        {"token": None},
        {"server_id": "x"},
        {"zones": ["example.com"]},
        {"zones": {"not a domain": "id"}},
        {"account": "a"},
        {"webhook_host": "nowhere"},
        {"expires_on": None},
        None,
    ],
)
def test_a_damaged_file(paths: Paths, change: dict[str, object] | None) -> None:
    connection.save(paths, ONE)
    file = paths.connections / CONNECTION
    text = file.read_text()
    file.write_text("{" + text if change is None else json.dumps({**json.loads(text), **change}))
    with pytest.raises(InvalidConfig, match="is damaged") as told:
        connection.load(paths)
    assert "cf-token" not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.hint == f"rm {file}"


@pytest.mark.parametrize("data", [b"", b" \n", b"\0\0\0", b"\xff"])
def test_a_file_that_lost_what_it_held(paths: Paths, data: bytes) -> None:
    """Nobody can put it back with an editor: connecting again does."""
    connection.save(paths, ONE)
    (paths.connections / CONNECTION).write_bytes(data)
    with pytest.raises(InvalidConfig, match="is damaged") as told:
        connection.load(paths)
    assert told.value.hint == f"rm {paths.connections / CONNECTION}"
    connection.save_tunnel_token(paths, Secret("a token"))
    (paths.connections / TUNNEL_TOKEN).write_bytes(data)
    assert connection.tunnel_token(paths) is None, "Cloudflare gives it again"


def test_a_file_from_before_the_tokens_end_was_kept(paths: Paths) -> None:
    connection.save(paths, ONE)
    file = paths.connections / CONNECTION
    file.write_text(
        json.dumps({name: value for name, value in json.loads(file.read_text()).items() if name != "expires_on"})
    )
    assert connection.load(paths) == replace(ONE, expires_on="")


def test_what_the_daemon_learns_replaces_nothing_newer(paths: Paths) -> None:
    later = replace(ONE, zones=ONE.zones[:1])
    assert not connection.refresh(paths, ONE, later)
    assert connection.load(paths) is None, "it is disconnected"
    connection.save(paths, ONE)
    assert connection.refresh(paths, ONE, later)
    assert not connection.refresh(paths, ONE, ONE)
    assert connection.load(paths) == later
    connection.set_aside(paths)
    assert not connection.refresh(paths, later, ONE)
    assert connection.load(paths) is None


def test_who_is_alone_waits_for_all_others(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LONGEST_USE", 0.05)
    with (
        connection.in_use(paths),
        connection.in_use(paths),
        pytest.raises(Conflict),
        connection.in_use(paths, alone=True),
    ):
        pass
    with connection.in_use(paths, alone=True), pytest.raises(Conflict), connection.in_use(paths):
        pass


def test_the_servers_id_is_made_once(paths: Paths) -> None:
    assert connection.known_server_id(paths) == ""
    made = connection.server_id(paths)
    assert connection.SERVER_ID.fullmatch(made)
    assert connection.server_id(paths) == connection.known_server_id(paths) == made
    assert connection.server_id(paths, "ffffffffff") == made


def test_the_connection_knows_the_id_where_its_file_was_lost(paths: Paths) -> None:
    connection.save(paths, ONE)
    assert connection.known_server_id(paths) == ONE.server_id
    assert connection.server_id(paths, "ffffffffff") == ONE.server_id
    assert (paths.state / "server-id").read_text() == "0123456789\n"


def test_a_damaged_id_is_made_anew(paths: Paths) -> None:
    paths.state.mkdir(parents=True)
    (paths.state / "server-id").write_text("")
    assert connection.server_id(paths, "aaaaaaaaaa") == "aaaaaaaaaa"
