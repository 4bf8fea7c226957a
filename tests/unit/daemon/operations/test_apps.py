"""What apps there are, and how they are."""

from dataclasses import replace

import pytest

from deployhost.edge import connection as cloudflare
from deployhost.errors import (
    AppNotFound,
    InvalidConfig,
)
from deployhost.github import connection as connections
from deployhost.model import Trigger
from tests.fakes.assembled import Server, sha
from tests.fakes.github import connection
from tests.fakes.joined import WEBHOOK, Joined
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)


def test_status_of_the_server(server: Server, ops: Operations) -> None:
    server.add("shop")
    status = ops.ask("app.status")
    assert status["server"]["docker"] == "20.10.24"
    assert status["server"]["proxy"] == "running"
    server.engine.proxy = None
    assert ops.ask("app.status")["server"]["proxy"] == "missing"
    assert [app["name"] for app in status["apps"]] == ["shop"]
    assert [app["name"] for app in ops.ask("app.list")["apps"]] == ["shop"]
    with pytest.raises(AppNotFound):
        ops.ask("app.status", name="nope")


def test_status_of_connections(server: Server, ops: Operations) -> None:
    """An App that was made before there was a tunnel; and a file that somebody damaged."""
    Joined(server)
    connections.save(server.paths, connection("octo", 1, hooked=False))
    connections.save(server.paths, connection("acme", 2, hooked=False))
    damaged = server.paths.connections / "github-0000000000000002"
    damaged.write_text("{")
    found = ops.ask("app.status")["server"]["findings"]
    assert [(one["severity"], one["what"], one["fix"]) for one in found] == [
        ("error", f"{damaged} is damaged: delete it, and connect its owner again", f"rm {damaged}"),
        ("warning", "GitHub does not report octo's pushes to this server", "deployhost connect github --user octo"),
    ]
    assert len(ops.ask("app.converge", dry_run=True)["notes"]) == 2
    damaged.unlink()
    connections.save(server.paths, connection("octo", 1, webhook_url=connection().hook_at(WEBHOOK)))
    assert ops.ask("app.status")["server"]["findings"] == []


def test_status_of_a_token_that_ends(server: Server, ops: Operations) -> None:
    """The server's clock is at June 15, 2025."""
    joined = Joined(server)
    cloudflare.save(server.paths, replace(joined.connection, expires_on="2025-06-25T00:00:00Z"))
    [found] = ops.ask("app.status")["server"]["findings"]
    assert found == {
        "severity": "warning",
        "what": "the token for Cloudflare expires on 2025-06-25 (in 9 days)",
        "why": "from then on no domain gets or loses a DNS record",
        "fix": "deployhost connect cloudflare --token FILE",
    }
    assert joined.calls() == []
    ops.ask("app.converge")
    assert joined.calls()[:2] == ["verify", "zones"]


def test_a_mistake_in_one_apps_entry_is_in_nobody_elses_way(server: Server, ops: Operations) -> None:
    app = server.add("shop", branch=None)
    own = server.add("own", text="domains: [own.example.com]")
    ops.push(own, ONE)
    server.paths.apps_yml.write_text(server.paths.apps_yml.read_text() + "    prot: 1\n")
    assert ops.push(app, ONE)["outcome"] == "ok", "the first push also notes its branch"
    assert ops.push(app, TWO)["outcome"] == "ok"
    assert ops.ask("app.rollback", name=app)["deploy"]["status"] == "live"
    for going in ("app.restart", "deploy.start"):
        assert ops.ask(going, name=app)["status"] == "live"
    assert ops.ask("env.set", name=app, values={"A": "1"})["deploy"]["status"] == "live"
    assert ops.ask("storage.enable", name=app)["deploy"]["status"] == "live"
    status = ops.ask("app.status")
    shop, broken = status["apps"]
    assert (shop["storage"], shop["branch"]) == (str(server.paths.storage(app)), "main")
    assert (broken["live"]["sha"], broken["storage"], broken["urls"][1:]) == (
        ONE,
        None,
        ["http://own.example.com:8000"],
    )
    assert status["problem"]["details"][0].startswith("apps.yml: apps/own/prot: unknown key; did you mean port?")
    for change in ("app.remove", "app.restart", "app.rollback", "storage.disable"):
        with pytest.raises(InvalidConfig, match=r"apps\.yml has a mistake") as caught:
            ops.ask(change, name=own)
        assert caught.value.hint == f"editor {server.paths.apps_yml}"
    with pytest.raises(InvalidConfig):
        ops.ask("domains.add", name=app, domains=["own.example.com"])
    waiting = ops.daemon.deploys.accept(own, TWO, trigger=Trigger.PUSH)
    assert [one["id"] for one in ops.ask("deploy.cancel", name=own)["deploys"]] == [waiting.id]
    assert ops.ask("app.remove", name=app, dry_run=True)["applied"] is False
    ops.ask("app.remove", name=app)
    assert "shop" not in server.paths.apps_yml.read_text()
    ops.daemon.converge.run()
    assert ops.daemon.live(own).sha == ONE, "an app with a mistake is not taken for one that was removed"
    assert "own.example.com" in server.table.routes["own-web"].hosts
