"""Cloudflare as a whole: the API, the edge, and what connectors dial, on one address."""

import contextlib
import json
from pathlib import Path

from tests.doubles.certificates import Authority
from tests.doubles.cloudflare.api import PREFIX, Api, refusal
from tests.doubles.cloudflare.connectors import Connectors
from tests.doubles.cloudflare.edge import Edge
from tests.doubles.cloudflare.state import State
from tests.doubles.cloudflare.tunnels import Tunnels
from tests.doubles.serve import HttpsDouble, Record

API_HOST = "api.cloudflare.com"


class CloudflareDouble:
    """Cloudflare's double. Its `state` is what exists there; `api` and `edge` are where programs and visitors connect.

    For a server that reaches it by names, `host` is an address that the server can reach and `edge_port` is 443: the edge also serves
    api.cloudflare.com, and what else `edge.also_serve` was told (pkg.cloudflare.com, a GitHub).
    """

    def __init__(
        self,
        authority: Authority,
        *,
        host: str = "127.0.0.1",
        edge_port: int = 0,
    ) -> None:
        self.authority, self.state = authority, State()
        with contextlib.ExitStack() as started:
            self.connectors = Connectors(self.state, host)
            started.callback(self.connectors.stop)
            tunnels = Tunnels(self.state, self.connectors.changed, self.connectors.ended)
            context = authority.server_context(host, API_HOST)
            self.api = HttpsDouble(Api(self.state, tunnels).answer, context, host, refusal=refusal)
            started.callback(self.api.stop)
            self.edge = Edge(self.state, self.connectors, authority, host, edge_port)
            started.callback(self.edge.stop)
            self.edge.also_serve(API_HOST, self.api)
            self._started = started.pop_all()

    @property
    def record(self) -> Record:
        """The API's calls, violations, and faults."""
        return self.api.record

    @property
    def base_url(self) -> str:
        """What the SDK takes as CLOUDFLARE_BASE_URL."""
        return f"{self.api.url}{PREFIX}"

    def write_connector_settings(self, path: Path) -> Path:
        """Write the file that says where the double of cloudflared connects, and return its path."""
        path.write_text(json.dumps({"edge": self.connectors.address}), encoding="utf-8")
        return path

    def stop(self) -> None:
        """Stop everything."""
        self._started.close()
