"""What the Docker engine has, as values: containers, images, what to create, lines of logs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Bytes of a file that `Docker.read_file` is to take from a container at most.
TABLE_LIMIT = 1024 * 1024  # passwd or group
PROGRAM_LIMIT = 512 * 1024 * 1024  # buildx v0.17 has 60 million, kamal-proxy v0.9.2 has 14


@dataclass(frozen=True)
class EngineInfo:
    """What the engine says of itself: its version and driver as it writes them, and the directory of its data."""

    version: str
    root: str
    cgroup_driver: str = "cgroupfs"
    snapshotter: bool = False  # whether containerd keeps the images: then those built here have digests too
    storage_driver: str = ""
    backing: str = ""  # the file system below the storage driver, as the engine calls it


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One container as the engine's list has it: less than a Container, for one call instead of one each.

    `ips` are its addresses by network.
    """

    id: str
    name: str
    image_id: str
    status: str
    labels: Mapping[str, str]
    ips: Mapping[str, str]
    ip6s: Mapping[str, str] = field(default_factory=dict)  # global IPv6 addresses by network

    @property
    def running(self) -> bool:
        """Return whether its process runs right now."""
        return self.status == "running"


@dataclass(frozen=True, kw_only=True)
class Container(Listed):
    """One container as the engine describes it. `pid` is 0 while it does not run.

    Limits are None where there is none; times are as the engine writes them (RFC 3339).
    """

    image: str
    pid: int
    exit_code: int
    started_at: str
    restart_count: int
    networks: tuple[str, ...]
    user: str
    oom_killed: bool
    bindings: tuple[tuple[int, str, int], ...] = ()  # container port, host address, host port
    mounts: tuple[tuple[str, str], ...] = ()  # host path or volume name, path in the container
    restart: str = ""
    log_max_size: str = ""
    created: str = ""
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = field(default=(), repr=False)  # NAME=VALUE, those of the image too; secrets among them
    memory: int | None = None  # bytes
    cpus: float | None = None
    pids_limit: int | None = None
    stop_timeout: int | None = None
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    health: str | None = None  # "starting", "healthy", "unhealthy"; None: its image has no health check
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # further names by network
    macs: Mapping[str, str] = field(default_factory=dict)  # hardware addresses by network, empty while it does not run

    @property
    def short_id(self) -> str:
        """Return the 12 digits that are its alias on user-defined networks."""
        return self.id[:12]


@dataclass(frozen=True)
class Ended:
    """How a container that does not run came to that: whether somebody stopped or killed it, and the engine's own trouble with it.

    `exit_codes` are those of each time that its process ended, as far as the engine remembers.
    """

    by_hand: bool
    exit_code: int
    trouble: str
    exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Network:
    """One bridge network: its name, the interface on the host, whether it has IPv6 addresses, its subnets and the host's addresses there."""

    name: str
    bridge: str
    ipv6: bool = False
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True)
class CacheRecord:
    """One record of BuildKit's cache. `shared` ones hold what an image has too, so that removing them frees nothing; times are unix seconds."""

    id: str
    size: int
    in_use: bool
    shared: bool
    created: float
    last_used: float


@dataclass(frozen=True)
class Image:
    """One image: its id, tags, labels, and the parts of its configuration that matter here."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    user: str
    exposed: tuple[int, ...]
    created: str
    env: tuple[str, ...] = ()  # NAME=VALUE
    digests: tuple[str, ...] = ()  # repository@sha256:…, of each registry that it was pulled from or pushed to
    on_build: tuple[str, ...] = ()  # instructions for builds upon it


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """What to create a container from. `binds` are "host:container[:ro]"; `ports` map container ports to (host ip, host port)."""

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # secrets among them
    network: str | None = None
    aliases: tuple[str, ...] = ()  # further names that it has on `network`
    mac: str | None = None  # its hardware address on `network`, the same after each restart; None: any
    hostname: str | None = None
    command: tuple[str, ...] | None = None
    binds: tuple[str, ...] = ()
    ports: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    restart: str = "no"
    log_max_size: str = "10m"
    stop_timeout: int | None = None
    init: bool = False
    security_opt: tuple[str, ...] = ()
    pids_limit: int | None = None
    memory: int | None = None  # bytes, swap included: what takes more is killed
    cpus: float | None = None
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    oom_score_adj: int | None = (
        None  # below 0: killed later than others where memory is short (proc_pid_oom_score_adj(5))
    )
    size: int | None = None  # bytes that it may write beyond its image, where the storage driver can limit that


@dataclass(frozen=True)
class LogLine:
    """One line of a container's output; `at` is the engine's time stamp (RFC 3339), or empty."""

    stream: str
    line: str
    at: str = ""


def variables(env: Iterable[str]) -> dict[str, str]:
    """Return by name the values of an environment as the engine has it, "NAME=value" each."""
    return {name: value for name, _, value in (entry.partition("=") for entry in env)}
