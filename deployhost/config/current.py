"""apps.yml as it is now: read at each question, parsed only where its content has changed."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from deployhost.config import apps, yaml_file
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.reachable import Reachable
from deployhost.model import AppName


class Apps(yaml_file.Current[AppsFile]):
    """The apps of apps.yml."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, apps.parse)

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

    def may_reach(self) -> dict[AppName, tuple[Reachable, ...] | None]:
        """Return whom each app may connect to, None where its own settings can't be read. Raise what `read` raises."""
        return {name: None if config is None else config.may_reach for name, config in self.known.items()}

    @contextlib.contextmanager
    def held(self) -> Iterator[AppsFile]:
        """Hold the lock of apps.yml and yield the apps: until the block ends, no command adds or removes one.

        Raise what `now` raises, and Conflict if the file stays locked.
        """
        with yaml_file.locked(self.path):
            yield self.now()
