"""The logs of deploys whose app was removed while they ran: kept while somebody may follow them, then deleted."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog

FOLLOWED = 60.0  # seconds that whoever follows a deploy, a hook that has lost its connection too, has to read the end of its log


@dataclass
class ForgottenLogs:
    """Deletes the logs of forgotten deploys. Their records stay until the next start, since their versions are taken.

    `works_on` tells whether a worker is at a deploy.
    """

    deploys: Deploys
    events: EventLog
    works_on: Callable[[int], bool]
    clock: Callable[[], float]
    _ended: dict[int, float] = field(default_factory=dict, init=False)  # when a deploy was first seen without a worker

    def keep(self) -> None:
        """Delete the logs of forgotten deploys, FOLLOWED seconds after no worker was at them any more."""
        now = self.clock()
        ended = [deploy.id for deploy in self.deploys.forgotten() if not self.works_on(deploy.id)]
        self._ended = {number: self._ended.get(number, now) for number in ended}
        for number, since in self._ended.items():
            if now - since >= FOLLOWED:
                self.events.remove(number)
