"""Receives what listeners hand over, and has it looked at."""

from collections.abc import Callable
from dataclasses import dataclass

from deployhost.daemon.troubles import Troubles
from deployhost.daemon.webhook.inbox import Inbox
from deployhost.github.delivery_plan import LookAt, delivery_of, what_to_look_at
from deployhost.system.clock import Clock

WHAT = "receiving deliveries"
RETRY = 10.0  # seconds until the inbox is opened again if that failed


@dataclass(frozen=True, kw_only=True)
class DeliveryReceiver:
    """Reads the inbox. `look` returns at once; what it is asked for may be unknown to it, or be asked for many times."""

    inbox: Inbox
    look: Callable[[LookAt], object]
    troubles: Troubles
    clock: Clock

    def run(self) -> None:
        """Receive deliveries for ever; those that came while no daemon ran are there already."""
        while True:
            self.troubles.went_well(WHAT, self.follow)
            self.clock.sleep(RETRY)

    def follow(self) -> None:
        """Take each line that comes. Raise FileProblem if the inbox can't be opened."""
        for line in self.inbox.lines():
            self.take(line)

    def take(self, line: bytes) -> None:
        """Have looked at what a line asks for, if it is a delivery that asks for something."""
        delivery = delivery_of(line)
        wanted = None if delivery is None else what_to_look_at(delivery)
        if wanted is not None:
            self.look(wanted)
