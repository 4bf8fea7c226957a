"""A tunnel that is not connected is an error in status; one that nobody wants, or that is, is nothing."""

import json

import pytest

from deployhost.edge import connection
from deployhost.edge.connector import TunnelWatch, is_connected, running_tunnel
from deployhost.model import Secret
from deployhost.steps import Severity
from deployhost.system.http import Answer
from tests.fakes.assembled import Server
from tests.fakes.joined import Joined


def watch(server: Server, status: int) -> TunnelWatch:
    def get(ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
        assert (ip, port, path, host) == ("127.0.0.1", 20246, "/ready", "127.0.0.1")
        assert timeout <= 2
        return Answer(status)

    daemon = server.start()
    return TunnelWatch(paths=server.paths, cloudflare_connection=daemon.cloudflare_connection, get=get)


def note(server: Server, text: str = "") -> None:
    server.paths.run.mkdir(parents=True, exist_ok=True)
    found = {"program": ["cloudflared"], "secret": "digest", "file": "1:2:3", "port": 20246, "pid": 7}
    server.paths.tunnel_note.write_text(text or json.dumps(found))


@pytest.mark.parametrize(("status", "findings"), [(200, 0), (503, 1), (0, 1)])
def test_whether_it_is_connected(server: Server, status: int, findings: int) -> None:
    Joined(server)
    connection.save_tunnel_token(server.paths, Secret("joins"))
    note(server)
    found = watch(server, status).findings()
    assert len(found) == findings
    for one in found:
        assert one.severity is Severity.ERROR
        assert one.fix == "deployhost connect cloudflare"


def test_one_that_never_ran(server: Server) -> None:
    Joined(server)
    connection.save_tunnel_token(server.paths, Secret("joins"))
    assert len(watch(server, 200).findings()) == 1
    note(server, "{")
    assert running_tunnel(server.paths.tunnel_note) is None
    assert len(watch(server, 200).findings()) == 1


def test_one_that_nobody_wants(server: Server) -> None:
    note(server)
    assert watch(server, 503).findings() == ()
    Joined(server)
    assert watch(server, 503).findings() == (), "set-up has not come to it yet"


def test_a_port_that_nobody_has() -> None:
    assert not is_connected(1, lambda *_, **__: Answer(0, "refused", "refused"))
