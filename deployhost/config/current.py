"""apps.yml as it is now: read at each question, parsed only where its content has changed."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from deployhost.config import apps, yaml_file
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.model import AppName
from deployhost.system import files


class Apps:
    """The apps of apps.yml. Its bytes decide whether it is parsed again: two writes within a clock's tick have one time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[bytes | None, AppsFile] | None = None

    def now(self) -> AppsFile:
        """Return the apps, none if there is no file. Raise what `read` raises."""
        return self.read() or AppsFile()

    def get(self, name: AppName) -> AppConfig:
        """Return an app's settings. Raise AppNotFound, InvalidConfig, FileProblem."""
        return self.now().get(name)

    @property
    def known(self) -> Mapping[AppName, AppConfig | None]:
        """Return the settings of every app, None where they can't be read. Raise what `read` raises."""
        return self.now().known

    def may_reach(self) -> dict[AppName, tuple[AppName, ...] | None]:
        """Return whom each app may connect to, None where its own settings can't be read. Raise what `read` raises."""
        return {name: None if config is None else config.may_reach for name, config in self.known.items()}

    def read(self) -> AppsFile | None:
        """Return the apps, or None if there is no file. Raise FileProblem, or InvalidConfig for a mistake outside the apps' own entries."""
        raw, seen = files.read(self.path), self._seen
        if raw is None:
            return None
        if seen is not None and seen[0] == raw:
            return seen[1]
        found = yaml_file.understood(
            self.path, raw, lambda root, name: apps.parse(root, name, yaml_file.hint(self.path))
        )
        self._seen = (raw, found)
        return found

    @contextlib.contextmanager
    def held(self) -> Iterator[AppsFile]:
        """Hold the lock of apps.yml and yield the apps: until the block ends, no command adds or removes one.

        Raise what `now` raises, and Conflict if the file stays locked.
        """
        with yaml_file.locked(self.path):
            yield self.now()
