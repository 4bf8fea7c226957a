"""The apps' storage, mounted so that setuid programs and devices in it have no power: set-up does it, and boot; here it is kept so."""

import logging
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import FileProblem
from deployhost.paths import Paths
from deployhost.system import bind_mount

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StorageMount:
    """Keeps the storage's mount. It is the server's own: a tree below another root has none."""

    paths: Paths

    def keep(self) -> tuple[str, ...]:
        """Mount the storage again where somebody took that away, and return a note on it. Raise FileProblem if that fails."""
        storage = self.paths.storage_root
        if self.paths.root != Path("/") or not storage.is_dir() or bind_mount.is_bound(storage):
            return ()
        try:
            bind_mount.bind(storage)
        except OSError as error:
            raise FileProblem(
                f"{storage} is not mounted nosuid,nodev, and can't be: {error.strerror}",
                hint=f"findmnt --target {storage}",
            ) from error
        note = (
            f"{storage} was not mounted nosuid,nodev; it is again, for each container that is started from now on: "
            "deployhost restart NAME"
        )
        log.warning("%s", note)
        return (note,)
