"""How much room there is on the disks that deploys need: Docker's and ours."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.system import files
from deployhost.system.docker import Docker
from deployhost.upkeep.disk_plan import Space


@dataclass(kw_only=True)
class Disks:
    """The disks that deploys need. `measure` returns the room on the file system of a path."""

    docker: Docker
    state: Path
    measure: Callable[[Path], Space]
    _root: Path | None = field(default=None, init=False)  # where Docker keeps its data: asked once

    def engine(self) -> Space:
        """Return the room where Docker keeps images, containers and its cache. Raise DockerUnavailable, FileProblem."""
        if self._root is None:
            self._root = Path(self.docker.info().root or "/var/lib/docker")
        return self.measure(self._root)

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
