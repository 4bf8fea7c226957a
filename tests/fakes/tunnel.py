"""cloudflared on this machine, which a test has in place of server/tunnel.py: one step is missing until it was run."""

import pytest

from deployhost.errors import DeployhostError
from deployhost.server import tunnel
from deployhost.server.facts_tunnel import TUNNEL
from deployhost.server.steps_tunnel import StartTunnel
from deployhost.steps import Plan, Recorder

START = StartTunnel(what="start the tunnel", why="it is not running", name=TUNNEL)


class FakeTunnelSetup:
    """What server/tunnel.py has in its place; `error` is what running it raises."""

    missing = True
    error: DeployhostError | None = None

    def __init__(self, **_: object) -> None:
        pass

    def plan(self) -> Plan:
        return Plan((START,) if FakeTunnelSetup.missing else ())

    def run(self, _recorder: Recorder, *, dry_run: bool = False) -> Plan:
        if FakeTunnelSetup.error is not None:
            raise FakeTunnelSetup.error
        plan = self.plan()
        FakeTunnelSetup.missing = FakeTunnelSetup.missing and dry_run
        return plan


def no_cloudflared(monkeypatch: pytest.MonkeyPatch) -> type[FakeTunnelSetup]:
    """Have no command start anything on this machine."""
    monkeypatch.setattr(tunnel, "TunnelSetup", FakeTunnelSetup)
    monkeypatch.setattr(FakeTunnelSetup, "missing", True)
    monkeypatch.setattr(FakeTunnelSetup, "error", None)
    return FakeTunnelSetup
