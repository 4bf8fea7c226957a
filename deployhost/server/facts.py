"""What a server is found to be (ServerFacts) and what it shall be (WantedServer): data, and where set-up's files lie."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from deployhost.paths import Paths
from deployhost.server.facts_kamal import KamalFacts, WantedKamal

DAEMON = "deployhostd"  # the service's name with either manager
STORAGE = "deployhost-storage"  # systemd's unit that binds the apps' storage at boot
# Where install.sh puts the program: venv-<hash>/, and current, which points at one of them.
INSTALLED = Path("/opt/deployhost")

Manager = Literal["systemd", "supervisor", "other", ""]


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The Docker engine: `installed` is its program, `manager` who keeps it running, `builder` a docker CLI that can build."""

    installed: bool = False
    answers: bool = False
    version: str = ""
    manager: Manager = ""
    enabled: bool = False
    definition: str | None = None
    builder: str = ""


@dataclass(frozen=True, kw_only=True)
class ProxyFacts:
    """The kamal-proxy container as it is; `bindings` are (container port, host address, host port)."""

    image: str
    running: bool
    titled: bool
    bindings: tuple[tuple[int, str, int], ...]
    mounts: tuple[tuple[str, str], ...]
    networks: tuple[str, ...]
    restart: str
    log_max_size: str
    mac: str  # on Kamal's network, while it runs


@dataclass(frozen=True, kw_only=True)
class DaemonFacts:
    """deployhostd: how its service is defined, and what answers on the control socket; `prefix` is the venv it runs from."""

    definition: str | None = None
    enabled: bool = False
    active: bool = False
    version: str = ""
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class StorageFacts:
    """The apps' storage: `bound` is whether setuid programs and devices there have no power; how its service is defined."""

    bound: bool = False
    definition: str | None = None
    enabled: bool = False


@dataclass(frozen=True)
class PortHolder:
    """Who holds a port: a process, and the container that it serves if it is Docker's."""

    pid: int = 0
    program: str = ""
    container: str = ""

    def __str__(self) -> str:
        if self.container:
            return f"the container {self.container}"
        if self.program:
            return f"{self.program} (process {self.pid})"
        return "another process"


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """Everything that set-up looks at, read at one moment."""

    distribution: str = ""
    distribution_name: str = ""
    systemd: bool = False
    packages: frozenset[str] = frozenset()
    install_interrupted: bool = False
    git: bool = False
    apparmor_parser_missing: bool = False
    daemon_json: bool = False
    engine: EngineFacts = field(default_factory=EngineFacts)
    directories: Mapping[Path, int] = field(default_factory=dict)
    http_port: int = 80
    port_holder: PortHolder | None = None
    network: bool = False
    proxy_image: str = ""
    proxy: ProxyFacts | None = None
    proxy_binary: str = ""
    daemon: DaemonFacts = field(default_factory=DaemonFacts)
    storage: StorageFacts = field(default_factory=StorageFacts)
    completions: Mapping[Path, str] = field(default_factory=dict)
    old_installs: tuple[Path, ...] = ()
    stopped_apps: tuple[str, ...] = ()
    on_the_host: tuple[
        tuple[str, str], ...
    ] = ()  # apps that are connected to this server itself, and to what; before they are kept away
    kamal: KamalFacts | None = None  # None: nobody wants Kamal's CLI


@dataclass(frozen=True, kw_only=True)
class WantedServer:
    """What the server shall be. `prefix` is the venv of the program that sets it up, `proxy_image` a file with kamal-proxy's image."""

    paths: Paths
    http_port: int
    version: str
    prefix: str
    daemon_definition: str
    engine_definition: str
    storage_definition: str = ""  # of the service that binds the storage at boot; "": the supervisor does it
    completions: Mapping[Path, str] = field(default_factory=dict)
    proxy_image: Path | None = None
    kamal: WantedKamal | None = None  # None: nobody wants Kamal's CLI

    @property
    def directories(self) -> Mapping[Path, int]:
        """Return each directory that there shall be, with its mode."""
        paths = self.paths
        return {
            paths.config: 0o755,
            paths.secrets: 0o700,
            paths.state: 0o711,  # the registry's user passes through
            paths.bin: 0o755,
            paths.services: 0o700,
            paths.repos: 0o700,
            paths.builds: 0o700,
            paths.deploy_logs: 0o700,
            paths.storage_root: 0o700,
            paths.run: 0o755,
            paths.logs: 0o750,
            paths.kamal: 0o755,
            apps_config(paths): 0o755,
        }


def apps_config(paths: Paths) -> Path:
    """Return the directory that kamal-proxy's container sees as .apps-config (Kamal 2.11, lib/kamal/commands/proxy.rb)."""
    return paths.kamal / "proxy/apps-config"


def daemon_json(paths: Paths) -> Path:
    """Return the Docker engine's settings."""
    return paths.root / "etc/docker/daemon.json"


def install_record(paths: Paths) -> Path:
    """Return the record of what set-up installed."""
    return paths.state / "installed.json"


def stopped_record(paths: Paths) -> Path:
    """Return the record of the apps' containers that uninstalling stopped."""
    return paths.state / "stopped-by-uninstall.json"


def proxy_binary(paths: Paths) -> Path:
    """Return kamal-proxy's program on the host."""
    return paths.bin / "kamal-proxy"


def proxy_binary_note(paths: Paths) -> Path:
    """Return the file that says which image kamal-proxy's program was taken from."""
    return paths.bin / "kamal-proxy.image"


def completion_files(paths: Paths) -> dict[str, Path]:
    """Return by shell where its completion for us belongs: the directories of the machine's own software."""
    share = paths.root / "usr/local/share"
    return {
        "bash": share / "bash-completion/completions/deployhost",
        "zsh": share / "zsh/site-functions/_deployhost",
        "fish": share / "fish/vendor_completions.d/deployhost.fish",
    }
