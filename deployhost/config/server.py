"""server.yml: the server's settings, parsed once into types."""

from dataclasses import dataclass
from pathlib import Path

from deployhost.config import yaml_file
from deployhost.config.schema import Problems, Section
from deployhost.config.yaml_edit import YamlText
from deployhost.config.yaml_tree import Node

HEADER = """\
# Settings of this server. Whatever is not here has its default; `deployhost setup` applies changes.
"""
MIRRORS = ("public.ecr.aws/docker/library", "mirror.gcr.io/library")


@dataclass(frozen=True)
class ServerConfig:
    """What the person wants of the server."""

    http_port: int = 80  # of kamal-proxy, on loopback
    mirrors: tuple[str, ...] = MIRRORS  # of Docker's official images, asked after Docker Hub, in this order


_KEYS = frozenset(ServerConfig.__dataclass_fields__)


def load(path: Path) -> ServerConfig:
    """Given the path of server.yml, return its settings; a missing file means the defaults. Raise InvalidConfig, FileProblem."""
    return yaml_file.load(path, parse)


def set_http_port(path: Path, port: int) -> ServerConfig:
    """Given the path and kamal-proxy's port, note it and return the settings then. Raise InvalidConfig, FileProblem, Conflict."""

    def edit(text: YamlText, now: ServerConfig) -> None:
        if now.http_port != port:
            text.set(("http_port",), port)

    return yaml_file.change(path, parse, edit, header=HEADER)


def parse(root: Node, name: str) -> ServerConfig:
    """Given the file's tree and name, return its settings. Raise InvalidConfig with every mistake."""
    problems = Problems(name)
    section = Section(root, "", _KEYS, problems)
    mirrors = tuple(mirror for _, _, mirror in section.words("mirrors", _mirror))
    config = ServerConfig(
        http_port=section.whole("http_port", ServerConfig.http_port, 1, 65535),
        # An empty list is a wish of its own: no mirrors.
        mirrors=mirrors if section.node("mirrors") is not None else MIRRORS,
    )
    problems.check()
    return config


def _mirror(text: str) -> str:
    if not text or "://" in text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is not a registry's address, as in {MIRRORS[0]}")
    return text.rstrip("/")
