"""Stopping what was replaced: after its requests are done, in the background. What a crash of ours leaves, converge ends."""

import contextlib
import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from deployhost.errors import CommandTimedOut, DeployhostError, NotFound
from deployhost.journal.releases import Releases
from deployhost.model import WEB
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.traffic.switch import Switched

MARGIN = 5.0  # seconds beyond the drain's limit before a container is stopped in any case
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drainer:
    """Stops the containers that the journal lists as draining."""

    docker: Docker
    releases: Releases

    def follow(
        self,
        switched: Switched | None,
        replaced: Collection[Container],
        limit: float,
        afterwards: Callable[[], None],
    ) -> None:
        """Stop in the background what a switch has replaced; `limit` is its drain's, in seconds.

        Workers are stopped now, web containers once their requests are done; then `afterwards` is called.
        """
        serving = [one for one in replaced if one.labels.get("role") == WEB]
        workers = [one for one in replaced if one not in serving]

        def drain() -> None:
            try:
                for container in workers:
                    self.stop(container.id)
                if switched is not None:
                    with contextlib.suppress(CommandTimedOut):
                        switched.call.wait(limit + MARGIN)
                    switched.forget()
                for container in serving:
                    self.stop(container.id)
                afterwards()
            except DeployhostError as error:
                log.warning("draining: %s", error)

        threading.Thread(target=drain, name="drain", daemon=True).start()

    def stop(self, container: str) -> None:
        """Stop a container that gets no requests any more, and note that. One that is gone is no error."""
        with contextlib.suppress(NotFound):
            self.docker.stop(container)
        self.releases.drained(container)
