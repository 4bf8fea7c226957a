"""Requests that are held: let go as the proxy allows, and not held at all where that fails."""

from deployhost.errors import SwitchFailed
from deployhost.model import DeployStatus
from tests.fakes.asking import is_let_go
from tests.fakes.assembled import Server, sha
from tests.fakes.life import Life

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_proxy_that_restarts_in_a_handover_is_not_resumed(server: Server) -> None:
    """It would die of it, again and again (kamal-proxy v0.9.2, internal/server/pause_controller.go)."""
    app, daemon = server.add("shop", text="strategy: handover"), server.start()
    daemon.deploy(app, ONE)
    begin = daemon.holding.begin

    def begin_and_restart(*arguments: object, **named: object) -> None:
        begin(*arguments, **named)  # type: ignore[arg-type]
        server.table.restart()

    def patched(_holding: object, *arguments: object, **named: object) -> None:
        begin_and_restart(*arguments, **named)

    server.monkeypatch.setattr(type(daemon.holding), "begin", patched)
    daemon.life.effects.clear()
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    assert "proxy resume" not in daemon.life.effects
    assert daemon.live(app).sha == TWO
    assert is_let_go(server, daemon)
    assert server.table.starts == 2


def test_pause_that_fails_leaves_everything(server: Server) -> None:
    app = server.add("shop", text="strategy: handover")
    daemon = server.start()
    daemon.deploy(app, ONE)
    before = daemon.live(app)
    daemon = server.start(Life())

    def refuse(service: str, *, drain: float, max_pause: float) -> None:
        raise SwitchFailed(f"not now: {service} ({drain:g}, {max_pause:g})")

    daemon.proxy.pause = refuse  # type: ignore[method-assign]
    assert daemon.deploy(app, TWO).status is DeployStatus.FAILED
    assert daemon.live(app) == before
    assert is_let_go(server, daemon)
