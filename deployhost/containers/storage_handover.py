"""Storage in other hands for the time of a deploy: given to the new release's user before it starts, and back if it does not become live."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.release_containers import ReleaseContainers
from deployhost.containers.storage import Storage
from deployhost.errors import DeployhostError
from deployhost.model import AppName
from deployhost.system.owners import Owner

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StorageHandover:
    """Hands an app's storage over, and back. `leads_to` is whether the requests of an app go to a container (its id)."""

    storage: Storage
    containers: ReleaseContainers
    leads_to: Callable[[AppName, str], bool]

    @contextlib.contextmanager
    def handed_over(self, attempt: Attempt, owner: Owner | None) -> Iterator[None]:
        """Have an attempt's storage belong to an owner before the block, and to the one of before again if the block fails.

        Where it is another's until then, nothing may run that has it mounted. Raise FileProblem.
        """
        app = attempt.deploy.app
        if not self.storage.is_anothers(app, owner):
            yield
            return
        try:
            with attempt.progress.stage("storage"):
                self.storage.hand_over(app, owner)
            yield
        except Exception:
            self._give_back(attempt)
            raise

    def _give_back(self, attempt: Attempt) -> None:
        """Have the storage as it was, unless the requests go to the new release all the same."""
        app = attempt.deploy.app
        try:
            new = [one for one in self.containers.of_deploy(attempt.deploy) if one.running]
            if any(self.leads_to(app, one.id) for one in new):
                return
            self.containers.stop(new, timeout=1)
            self.storage.give_back(app)
        except DeployhostError as error:  # the journal knows whose it was: who goes back, or converges, tries again
            log.warning("the storage of %s is not given back yet: %s", app, error)
