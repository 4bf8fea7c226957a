"""Stopping what was replaced: after its requests are done, in the background. What a crash of ours leaves, converge ends."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable

from deployhost.errors import CommandTimedOut, DeployhostError, NotFound
from deployhost.journal.releases import Releases
from deployhost.model import WEB
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.switch import Switched

MARGIN = 5.0  # seconds beyond the drain's limit before a container is stopped in any case
log = logging.getLogger(__name__)


class Drainer:
    """Given the engine and the journal's releases, stop the containers that the journal lists as draining."""

    def __init__(self, docker: Docker, releases: Releases) -> None:
        self._docker = docker
        self._releases = releases

    def follow(
        self,
        switched: Switched | None,
        replaced: Iterable[Container],
        limit: float,
        afterwards: Callable[[], None],
    ) -> None:
        """Given a switch that has happened, the containers it replaced and its drain's limit in seconds, return at once.

        Workers are stopped now, web containers once their requests are done; then `afterwards` is called.
        """
        arguments = (switched, tuple(replaced), limit, afterwards)
        threading.Thread(target=self._after, args=arguments, name="drain", daemon=True).start()

    def stop(self, container: str) -> None:
        """Given a container that gets no requests any more, stop it and note that. One that is gone is no error."""
        with contextlib.suppress(NotFound):
            self._docker.stop(container)
        self._releases.drained(container)

    def _after(
        self,
        switched: Switched | None,
        replaced: tuple[Container, ...],
        limit: float,
        afterwards: Callable[[], None],
    ) -> None:
        try:
            serving = [one for one in replaced if one.labels.get("role") == WEB]
            for container in replaced:
                if container not in serving:
                    self.stop(container.id)
            if switched is not None:
                with contextlib.suppress(CommandTimedOut):
                    switched.call.wait(limit + MARGIN)
                switched.log.unlink(missing_ok=True)
            for container in serving:
                self.stop(container.id)
            afterwards()
        except DeployhostError as error:
            log.warning("draining: %s", error)
