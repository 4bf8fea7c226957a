"""What there is of the tunnel on this machine (TunnelFacts) and what there shall be (WantedTunnel): data, and where its files lie. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.edge.account import RunningTunnel
from deployhost.edge.ownership import TUNNEL_TOKEN
from deployhost.paths import Paths

TUNNEL = "deployhost-tunnel"  # the service's name with either manager
USER = TUNNEL  # whom cloudflared runs as
LISTENER = "deployhost-webhook"  # the user of the webhook's listener
USERS = (USER, LISTENER)
PACKAGE = "cloudflared"
PROGRAM = Path("/usr/bin/cloudflared")  # where the package has it
LEAST = (2025, 4, 0)  # the first one that reads a token from a file
# Of its metrics, by which one sees whether it is connected; other cloudflareds take the first free one of 20241 to 20245.
PORTS = (20246, 20275)
REPOSITORY = "pkg.cloudflare.com/cloudflared"
# "CloudFlare Software Packaging 2025 <help@cloudflare.com>", which signs that repository since October 2025.
KEY_FINGERPRINT = "CC94B39C77AE7342A68B89628A682D308D4E5E73"
NOLOGIN = "/usr/sbin/nologin"


@dataclass(frozen=True)
class TunnelSetupFiles:
    """Where set-up's files for the tunnel lie."""

    paths: Paths

    @property
    def key(self) -> Path:
        """The key that signs Cloudflare's packages; only our source goes by it."""
        return self.paths.root / "etc/apt/keyrings/deployhost-cloudflare.asc"

    @property
    def source(self) -> Path:
        """Cloudflare's packages, for apt."""
        return self.paths.root / "etc/apt/sources.list.d/deployhost-cloudflare.list"

    @property
    def token(self) -> Path:
        """The token with which cloudflared joins the tunnel."""
        return self.paths.connections / TUNNEL_TOKEN

    @property
    def note(self) -> Path:
        """What says what runs."""
        return self.paths.tunnel_note

    @property
    def second_note(self) -> Path:
        """The same of the one that stands in while the service is restarted."""
        return self.paths.run / "tunnel-stand-in.json"

    def texts(self, key: str) -> Mapping[Path, str]:
        """Return the text of each of apt's files; `key` is the text of the key."""
        source = (
            "# Written by `deployhost connect cloudflare`: where cloudflared comes from.\n"
            f"deb [signed-by={self.key}] https://{REPOSITORY} any main\n"
        )
        return {self.key: key, self.source: source}


@dataclass(frozen=True, kw_only=True)
class TunnelFacts:
    """What there is. `version` is cloudflared's, () if there is none; `ours` whether set-up installed it.

    `listed` is whether somebody else's source of apt has Cloudflare's packages already. `connected`: cloudflared says so itself.
    """

    distribution: str = ""
    distribution_name: str = ""
    packages: frozenset[str] = frozenset()
    install_interrupted: bool = False
    version: tuple[int, ...] = ()
    ours: bool = False
    listed: bool = False
    files: Mapping[Path, str] = field(default_factory=dict)
    users: frozenset[str] = frozenset()
    definition: str | None = None
    enabled: bool = False
    active: bool = False
    running: RunningTunnel | None = None
    connected: bool = False


@dataclass(frozen=True, kw_only=True)
class WantedTunnel:
    """What there shall be: the texts of apt's files, the service's definition, and what it then runs."""

    files: Mapping[Path, str]
    definition: str
    running: RunningTunnel  # its port does not count
