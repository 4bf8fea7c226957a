"""One try at one deploy: what it is given."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from deployhost.config.app import AppConfig
from deployhost.errors import CommandStopped
from deployhost.journal.telling import Progress
from deployhost.kamal.contract import STOPPED
from deployhost.model import Deploy, Secret, Version
from deployhost.system.stop import Stop


@dataclass(frozen=True)
class Attempt:
    """What one try is given, read once at its beginning.

    `stop` is set once somebody wants it to end, and `check` raises DeployCancelled then.
    """

    deploy: Deploy
    version: Version
    config: AppConfig
    env: Mapping[str, Secret]
    progress: Progress
    stop: Stop
    check: Callable[[], None]

    @contextlib.contextmanager
    def cancellable(self) -> Iterator[None]:
        """Raise DeployCancelled where the block's command was stopped because somebody wants the deploy to end."""
        try:
            yield
        except CommandStopped:
            self.check()
            raise

    def tell_maintenance(self, state: str | None) -> None:
        """Say so if visitors do not reach the new release, by its route's state: a deploy ends no maintenance."""
        if state == STOPPED:
            app = self.deploy.app
            self.progress.note(f"{app} is in maintenance: visitors get 503 until `deployhost kamal {app} -- app live`")
