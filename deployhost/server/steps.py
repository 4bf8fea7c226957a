"""The steps that set-up and uninstalling are made of: data; act.py and uninstall.py carry them out."""

from collections.abc import Mapping
from pathlib import Path

from deployhost.steps import Step


class WriteEngineSettings(Step):
    """Write the Docker engine's settings before its first start."""

    path: Path
    text: str


class InstallPackages(Step):
    """Install packages of the distribution; `optional` ones where it has them."""

    packages: tuple[str, ...]
    optional: tuple[str, ...] = ()
    engine: bool = False


class DefineService(Step):
    """Write the definition of a service."""

    name: str
    text: str


class StartService(Step):
    """Start a service, now and at each boot."""

    name: str


class RestartService(Step):
    """Restart a service."""

    name: str


class EnsureBuilder(Step):
    """Have a docker CLI that can build."""


class MakeDirectories(Step):
    """Have directories with their modes."""

    directories: Mapping[Path, int]


class BindStorage(Step):
    """Bind the apps' storage to itself, without setuid programs and devices."""


class UnbindStorage(Step):
    """Undo that."""


class SetHttpPort(Step):
    """Note kamal-proxy's port in server.yml."""

    port: int


class CreateNetwork(Step):
    """Create Kamal's network."""

    name: str


class ObtainProxyImage(Step):
    """Have kamal-proxy's image: from a file if one is given."""

    file: Path | None


class CreateProxy(Step):
    """Create kamal-proxy's container, in place of one that is there; `drops` says what ends with that one, if anything does."""

    port: int
    drops: str = ""


class StartProxyContainer(Step, word="StartProxy"):
    """Start kamal-proxy's container."""


class ExtractProxyBinary(Step):
    """Copy kamal-proxy's program out of its image."""


class WriteCompletions(Step):
    """Write the completions of shells."""

    files: Mapping[Path, str]


class RemoveOldInstalls(Step):
    """Delete programs of earlier versions."""

    directories: tuple[Path, ...]


class StartContainers(Step):
    """Start containers again that uninstalling had stopped."""

    names: tuple[str, ...]


class StopContainers(Step):
    """Stop containers; they stay."""

    names: tuple[str, ...]


class UninstallContainers(Step, word="RemoveContainers"):
    """Remove containers."""

    names: tuple[str, ...]


class RemoveService(Step):
    """Stop a service and forget it."""

    name: str


class ReleaseService(Step):
    """Let a service run on without anybody who keeps it."""

    name: str


class EndListener(Step):
    """End the webhook's listener, which outlives the daemon."""


class UninstallImages(Step, word="RemoveImages"):
    """Remove images."""

    references: tuple[str, ...]


class RemoveNetwork(Step):
    """Remove a network and a volume."""

    network: str
    volume: str


class UninstallFiles(Step, word="RemoveFiles"):
    """Delete files and directories."""

    paths: tuple[Path, ...]
