"""server.yml: the server's settings, parsed once into types."""

from dataclasses import dataclass
from pathlib import Path

from deployhost.config import yaml_file
from deployhost.config.app import DAY, MOST_CPUS
from deployhost.config.schema import Problems, Section
from deployhost.config.yaml_edit import YamlText
from deployhost.config.yaml_tree import Node
from deployhost.system import files

HEADER = """\
# Settings of this server. Whatever is not here has its default; `deployhost setup` applies changes.
"""
MIRRORS = ("public.ecr.aws/docker/library", "mirror.gcr.io/library")


@dataclass(frozen=True)
class ServerConfig:
    """What the person wants of the server."""

    http_port: int = 80  # of kamal-proxy, on loopback
    # Of the SSH server for Kamal, on loopback. Below 1024: Kamal checks no host key there, and only root can listen on it.
    ssh_port: int = 822
    mirrors: tuple[str, ...] = MIRRORS  # of Docker's official images, asked after Docker Hub, in this order
    # What is None is decided by the machine: build.limits_plan, deploy.disk_plan.
    build_memory: int | None = None  # bytes that all builds together may use
    build_cpus: float | None = None  # CPUs that all builds together may use
    build_timeout: float = 1800  # seconds
    builds_at_once: int = 1
    disk_reserve: int | None = None  # bytes that a build must find free
    build_cache: int | None = None  # bytes of BuildKit's cache that our builds may leave behind


_KEYS = frozenset(ServerConfig.__dataclass_fields__)
_LEAST_MEMORY = 64 * 1024**2  # bytes; with less hardly a compiler starts
_LEAST_DISK = 1024**2


class ServerSettings:
    """Given the path of server.yml, say what stands there now; it is read anew only once it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._known = ServerConfig()

    def current(self) -> ServerConfig:
        """Return the settings as they are now. Raise InvalidConfig, FileProblem."""
        seen = self._mark()
        if seen != self._seen or seen is None:
            self._known = load(self.path)
            self._seen = seen
        return self._known

    def has(self, key: str) -> bool:
        """Given a key, return whether a line of the file begins with it."""
        text = files.read(self.path) or b""
        return any(line.startswith(f"{key}:".encode()) for line in text.splitlines())

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def load(path: Path) -> ServerConfig:
    """Given the path of server.yml, return its settings; a missing file means the defaults. Raise InvalidConfig, FileProblem."""
    return yaml_file.load(path, parse)


def set_http_port(path: Path, port: int) -> ServerConfig:
    """Given the path and kamal-proxy's port, note it and return the settings then. Raise InvalidConfig, FileProblem, Conflict."""

    def edit(text: YamlText, now: ServerConfig) -> None:
        if now.http_port != port:
            text.set(("http_port",), port)

    return yaml_file.change(path, parse, edit, header=HEADER)


def set_ssh_port(path: Path, port: int) -> ServerConfig:
    """Given the path and the port of the SSH server for Kamal, note it and return the settings then. Raise InvalidConfig, FileProblem, Conflict."""

    def edit(text: YamlText, now: ServerConfig) -> None:
        if now.ssh_port != port:
            text.set(("ssh_port",), port)

    return yaml_file.change(path, parse, edit, header=HEADER)


def parse(root: Node, name: str) -> ServerConfig:
    """Given the file's tree and name, return its settings. Raise InvalidConfig with every mistake."""
    problems = Problems(name)
    section = Section(root, "", _KEYS, problems)
    mirrors = tuple(mirror for _, _, mirror in section.words("mirrors", _mirror))
    config = ServerConfig(
        http_port=section.whole("http_port", ServerConfig.http_port, 1, 65535),
        ssh_port=section.whole("ssh_port", ServerConfig.ssh_port, 1, 65535),
        # An empty list is a wish of its own: no mirrors.
        mirrors=mirrors if section.node("mirrors") is not None else MIRRORS,
        build_memory=section.size("build_memory", _LEAST_MEMORY),
        build_cpus=section.number("build_cpus", None, 0.05, MOST_CPUS),
        build_timeout=section.number("build_timeout", ServerConfig.build_timeout, 10, DAY, " of seconds"),
        builds_at_once=section.whole("builds_at_once", ServerConfig.builds_at_once, 1, 64),
        disk_reserve=section.size("disk_reserve", _LEAST_DISK),
        build_cache=section.size("build_cache", _LEAST_DISK),
    )
    problems.check()
    return config


def _mirror(text: str) -> str:
    if not text or "://" in text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is not a registry's address, as in {MIRRORS[0]}")
    return text.rstrip("/")
