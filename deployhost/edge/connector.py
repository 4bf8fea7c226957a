"""What cloudflared on this machine says of itself: what it runs, and whether it is connected to Cloudflare."""

from dataclasses import dataclass
from pathlib import Path

from deployhost.edge.account import RunningTunnel
from deployhost.edge.connection_now import ConnectionNow
from deployhost.edge.ownership import TUNNEL_TOKEN
from deployhost.paths import Paths
from deployhost.steps import Finding, Severity
from deployhost.system import json_file
from deployhost.system.http import Get
from deployhost.system.http import get as get_http

READY_TIMEOUT = 2.0


def running_tunnel(note: Path) -> RunningTunnel | None:
    """Return what a service noted that it runs, or None."""
    content = json_file.read_json(note)
    try:
        return RunningTunnel(
            program=tuple(map(str, content["program"])),
            secret=str(content["secret"]),
            file=str(content["file"]),
            port=int(content["port"]),
            pid=int(content["pid"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def is_connected(port: int, get: Get = get_http) -> bool:
    """Return whether the cloudflared with its metrics on that port says that it is connected (cloudflared 2026.8.2, metrics/readiness.go)."""
    return get("127.0.0.1", port, "/ready", host="127.0.0.1", timeout=READY_TIMEOUT).status == 200


@dataclass(frozen=True, kw_only=True)
class TunnelWatch:
    """Says whether requests reach this server through its tunnel."""

    paths: Paths
    cloudflare_connection: ConnectionNow
    get: Get

    def findings(self) -> tuple[Finding, ...]:
        """Return that the tunnel is not connected, if that is so."""
        if self.cloudflare_connection.now() is None or not (self.paths.connections / TUNNEL_TOKEN).exists():
            return ()
        running = running_tunnel(self.paths.tunnel_note)
        if running is not None and is_connected(running.port, self.get):
            return ()
        return (
            Finding(
                Severity.ERROR,
                "the tunnel to Cloudflare is not connected",
                "domains and GitHub's deliveries do not reach this server",
                "deployhost connect cloudflare",
            ),
        )
