"""Which apps apps.yml lists: read at each question, parsed only where its content has changed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from deployhost.config import apps, yaml_file
from deployhost.config.apps import AppsFile
from deployhost.system import files


class Listing:
    """The apps of apps.yml. Its bytes decide whether it is parsed again: two writes within a clock's tick have one time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[bytes | None, AppsFile] | None = None

    def now(self) -> AppsFile:
        """Return the apps, none if there is no file. Raise what `read` raises."""
        return self.read() or AppsFile()

    def read(self) -> AppsFile | None:
        """Return the apps, or None if there is no file. Raise FileProblem, or InvalidConfig for a mistake outside the apps' own entries."""
        raw, seen = files.read(self._path), self._seen
        if raw is None:
            return None
        if seen is not None and seen[0] == raw:
            return seen[1]
        found = yaml_file.understood(
            self._path, raw, lambda root, name: apps.parse(root, name, yaml_file.hint(self._path))
        )
        self._seen = (raw, found)
        return found

    @contextlib.contextmanager
    def held(self) -> Iterator[AppsFile]:
        """Hold the lock of apps.yml and yield the apps: until the block ends, no command adds or removes one.

        Raise what `now` raises, and Conflict if the file stays locked.
        """
        with yaml_file.locked(self._path):
            yield self.now()
