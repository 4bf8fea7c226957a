"""How much room there is on the disks that deploys need: Docker's and ours."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.system import files
from deployhost.system.docker import Docker
from deployhost.system.docker_model import EngineInfo
from deployhost.system.machine import mount_options
from deployhost.upkeep.disk_plan import Space, container_limit


@dataclass(kw_only=True)
class Disks:
    """The disks that deploys need. `measure` returns the room on the file system of a path."""

    docker: Docker
    state: Path
    measure: Callable[[Path], Space]
    _info: EngineInfo | None = field(default=None, init=False)  # where and how Docker keeps its data: asked once

    def engine(self) -> Space:
        """Return the room where Docker keeps images, containers and its cache. Raise DockerUnavailable, FileProblem."""
        return self.measure(self._root(self._asked()))

    def container_limit(self) -> int | None:
        """Return the bytes that a container may write beyond its image, None where the engine can't limit that. Raise as `engine`."""
        info = self._asked()
        options = mount_options(self._root(info).resolve())
        return container_limit(info.storage_driver, info.backing, options, self.engine().total)

    def _asked(self) -> EngineInfo:
        if self._info is None:
            self._info = self.docker.info()
        return self._info

    def _root(self, info: EngineInfo) -> Path:
        return Path(info.root or "/var/lib/docker")

    def all(self) -> list[Space]:
        """Return the room on Docker's disk and on ours; one of them if they are the same. Raise DockerUnavailable, FileProblem."""
        engine, state = self.engine(), self.measure(self.state)
        return [engine] if Path(engine.path).stat().st_dev == Path(state.path).stat().st_dev else [engine, state]


def space(path: Path) -> Space:
    """Return the room on the file system of a path. Raise FileProblem."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise files.problem("read", path, error) from error
    return Space(
        str(path), found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, found.f_files, found.f_favail
    )
