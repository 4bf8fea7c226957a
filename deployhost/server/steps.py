"""The steps that set-up and uninstalling are made of: data; act.py and uninstall.py carry them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployhost.steps import Step


@dataclass(frozen=True, kw_only=True)
class WriteEngineSettings(Step):
    """Write the Docker engine's settings before its first start."""

    path: Path
    text: str


@dataclass(frozen=True, kw_only=True)
class InstallPackages(Step):
    """Install packages of the distribution; `optional` ones where it has them."""

    packages: tuple[str, ...]
    optional: tuple[str, ...] = ()
    engine: bool = False


@dataclass(frozen=True, kw_only=True)
class DefineService(Step):
    """Write the definition of a service."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class StartService(Step):
    """Start a service, now and at each boot."""

    name: str


@dataclass(frozen=True, kw_only=True)
class RestartService(Step):
    """Restart a service."""

    name: str


@dataclass(frozen=True, kw_only=True)
class EnsureBuilder(Step):
    """Have a docker CLI that can build."""


@dataclass(frozen=True, kw_only=True)
class MakeDirectories(Step):
    """Have directories with their modes."""

    directories: Mapping[Path, int]


@dataclass(frozen=True, kw_only=True)
class SetHttpPort(Step):
    """Note kamal-proxy's port in server.yml."""

    port: int


@dataclass(frozen=True, kw_only=True)
class CreateNetwork(Step):
    """Create Kamal's network."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ObtainProxyImage(Step):
    """Have kamal-proxy's image: from a file if one is given."""

    file: Path | None


@dataclass(frozen=True, kw_only=True)
class CreateProxy(Step):
    """Create kamal-proxy's container, in place of one that is there; `drops` says what ends with that one, if anything does."""

    port: int
    drops: str = ""


@dataclass(frozen=True, kw_only=True)
class StartProxyContainer(Step, word="StartProxy"):
    """Start kamal-proxy's container."""


@dataclass(frozen=True, kw_only=True)
class ExtractProxyBinary(Step):
    """Copy kamal-proxy's program out of its image."""


@dataclass(frozen=True, kw_only=True)
class WriteCompletions(Step):
    """Write the completions of shells."""

    files: Mapping[Path, str]


@dataclass(frozen=True, kw_only=True)
class RemoveOldInstalls(Step):
    """Delete programs of earlier versions."""

    directories: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class StartContainers(Step):
    """Start containers again that uninstalling had stopped."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StopContainers(Step):
    """Stop containers; they stay."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UninstallContainers(Step, word="RemoveContainers"):
    """Remove containers."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RemoveService(Step):
    """Stop a service and forget it."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ReleaseService(Step):
    """Let a service run on without anybody who keeps it."""

    name: str


@dataclass(frozen=True, kw_only=True)
class UninstallImages(Step, word="RemoveImages"):
    """Remove images."""

    references: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RemoveNetwork(Step):
    """Remove a network and a volume."""

    network: str
    volume: str


@dataclass(frozen=True, kw_only=True)
class UninstallFiles(Step, word="RemoveFiles"):
    """Delete files and directories."""

    paths: tuple[Path, ...]
