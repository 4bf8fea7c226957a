"""server.yml: the server's settings, parsed once into types."""

import re
from dataclasses import dataclass
from pathlib import Path

from deployhost.config import yaml_file
from deployhost.config.schema import Problems, Section
from deployhost.config.settings import DAY, MOST_CPUS, Applies, number, read, rows, setting, size, whole, word, words
from deployhost.config.yaml_edit import YamlText
from deployhost.config.yaml_tree import Node
from deployhost.model import Domain
from deployhost.system import files

HEADER = """\
# Settings of this server: see "server.yml" in the README. A key that is missing has its default.
# `deployhost setup --local` applies changes of the ports and of webhook_host; all other changes apply by themselves.
"""
# Copies of Docker's official images, for when Docker Hub can't be reached or its pull limit is used up.
MIRRORS = ("public.ecr.aws/docker/library", "mirror.gcr.io/library")

_REGISTRY = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_PORT = whole(1, 65535)
_MEMORY = size(64 * 1024**2)  # with less hardly a compiler starts
_DISK = size(1024**2)


def _mirror(text: str) -> str:
    if not text or "://" in text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is not a registry's address, as in {MIRRORS[0]}")
    return text.rstrip("/")


def _registry(text: str) -> str:
    if not _REGISTRY.fullmatch(text.lower()):
        raise ValueError(f"{text!r} is not a registry's name, as in registry.example.com:5000")
    return text.lower()


@dataclass(frozen=True)
class ServerConfig:
    """The settings of the server, in the order of the README.

    What is None is decided by the machine (build/limits_plan.py, upkeep/disk_plan.py).
    """

    # fmt: off
    http_port: int = setting(80, _PORT,
        "port of kamal-proxy, on 127.0.0.1", Applies.SETUP, kamal="proxy.run.options.publish")
    # Below 1024: Kamal checks no host key there, and only root can listen on it.
    ssh_port: int = setting(822, _PORT,
        "port of the SSH server for Kamal, on 127.0.0.1", Applies.SETUP, kamal="ssh.port")
    webhook_host: Domain | None = setting(None, word(Domain, "a host name"),
        "host at which GitHub's deliveries arrive, in a zone of the account at Cloudflare",
        Applies.SETUP, shown="`deployhost-ID.ZONE`")
    # An empty list is a choice of its own: no mirrors.
    mirrors: tuple[str, ...] = setting(MIRRORS, words(_mirror, "a list of registries' addresses"),
        "copies of Docker's official images, asked after Docker Hub, in this order",
        Applies.ITSELF, shown=", ".join(f"`{mirror}`" for mirror in MIRRORS))
    registries: tuple[str, ...] = setting((), words(_registry, "a list of registries, as in registry.example.com:5000"),
        "further registries that Dockerfiles may name, such as those of your own network", Applies.ITSELF, shown="none")
    build_memory: int | None = setting(None, _MEMORY,
        "memory that all builds together may use", Applies.ITSELF, shown="half of the memory")
    build_cpus: float | None = setting(None, number(0.05, MOST_CPUS),
        "CPUs that all builds together may use", Applies.ITSELF, shown="all but one")
    build_timeout: float = setting(1800, number(10, DAY, "seconds"),
        "seconds that a deploy may take to have its image: fetching, base images, build", Applies.ITSELF)
    builds_at_once: int = setting(1, whole(1, 64),
        "builds that run at the same time; one that takes longer than 15 s is not counted", Applies.ITSELF)
    disk_reserve: int | None = setting(None, _DISK,
        "disk space that must be free for a build to begin", Applies.ITSELF, shown="5 % of the disk, 1 to 10 GB")
    build_cache: int | None = setting(None, _DISK,
        "size to which the build cache is trimmed", Applies.ITSELF, shown="10 % of the disk, at most 4 GB")
    # fmt: on


SETTINGS = rows(ServerConfig)
_KEYS = frozenset(SETTINGS)


class ServerSettings(yaml_file.Current[ServerConfig]):
    """server.yml as it is now."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, parse)

    def current(self) -> ServerConfig:
        """Return the settings as they are now. Raises InvalidConfig, FileProblem."""
        return self.read() or ServerConfig()

    def has(self, key: str) -> bool:
        """Return whether the file sets a key."""
        text = files.read(self.path) or b""
        return any(line.startswith(f"{key}:".encode()) for line in text.splitlines())


def load(path: Path) -> ServerConfig:
    """Return the settings of server.yml; a missing file means the defaults. Raises InvalidConfig, FileProblem."""
    return yaml_file.load(path, parse)


def set_port(path: Path, key: str, port: int) -> ServerConfig:
    """Set one of the ports and return the settings. Raises InvalidConfig, FileProblem, Conflict."""

    def edit(text: YamlText, now: ServerConfig) -> None:
        if getattr(now, key) != port:
            text.set((key,), port)

    return yaml_file.change(path, parse, edit, header=HEADER)


def parse(root: Node, name: str, hint: str = "") -> ServerConfig:
    """Return the settings of a file's tree; `hint` is the command that mends the file. Raises InvalidConfig with every mistake."""
    problems = Problems(name, hint)
    section = Section(root, "", _KEYS, problems)
    config = ServerConfig(**read(SETTINGS, section))
    problems.check()
    return config
