"""The connection as it is now: read when its file has changed; a damaged one is none, and a finding."""

from deployhost.edge import connection
from deployhost.edge.ownership import CONNECTION
from tests.fakes.assembled import Server
from tests.fakes.joined import Joined


def test_it_is_as_its_file_says(server: Server) -> None:
    daemon = server.start()
    assert daemon.cloudflare_connection.now() is None
    joined = Joined(server)
    assert daemon.cloudflare_connection.now() == joined.connection
    assert daemon.cloudflare_connection.now() is daemon.cloudflare_connection.now(), "not read again"
    joined.tunnel_id = "another"
    joined.write()
    assert daemon.cloudflare_connection.now() == joined.connection
    joined.tunnel_id = ""
    joined.write()
    assert daemon.cloudflare_connection.now() is None, "it is only being made"
    connection.delete(server.paths)
    assert daemon.cloudflare_connection.now() is None
    assert daemon.cloudflare_connection.findings() == ()


def test_it_is_used_only_while_it_is_the_one(server: Server) -> None:
    daemon, joined = server.start(), Joined(server)
    now = daemon.cloudflare_connection
    with now.in_use(joined.connection) as still:
        assert still
    connection.set_aside(server.paths)
    with now.in_use(joined.connection) as still:
        assert not still


def test_a_damaged_one(server: Server) -> None:
    daemon, joined = server.start(), Joined(server)
    (server.paths.connections / CONNECTION).write_text('{"token": "cf-secret"')
    assert daemon.cloudflare_connection.now() is None
    [found] = daemon.records.findings()
    assert "is damaged" in found.what
    assert "cf-secret" not in str(found)
    joined.write()
    assert daemon.cloudflare_connection.now() is not None
    assert daemon.records.findings() == ()
