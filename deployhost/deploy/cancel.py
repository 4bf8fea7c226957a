"""Ending deploys that a person does not want any more, before they are live."""

import threading

from deployhost.errors import DeployCancelled, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.model import Deploy, Trigger
from deployhost.system.stop import Stop


class Cancellations:
    """Given the journal, carry the wish that a deploy ends from whoever has it to whoever runs the deploy."""

    def __init__(self, deploys: Deploys) -> None:
        self._deploys = deploys
        self._lock = threading.Lock()
        self._stops: dict[int, Stop] = {}

    def ask(self, number: int, by: str) -> bool:
        """Given a deploy and who asks, have it end; return whether it had not ended yet.

        One that is only queued is cancelled with that. One that runs ends at once, unless it is past the switch.
        """
        try:
            again = _again(self._deploys.get(number))
        except NotFound:
            return False  # its app was removed
        wish = DeployCancelled(f"cancelled by {by}", hint=again)
        wished = self._deploys.ask_to_cancel(number, wish.to_json())
        if wished:
            with self._lock:
                stop = self._stops.get(number)
            if stop is not None:
                stop.set()
        return wished

    def event(self, number: int) -> Stop:
        """Given a deploy that runs, return what is set once it is to end; it is set already if that was asked for before a restart."""
        with self._lock:
            known = self._stops.get(number)
            if known is not None:
                return known
            self._stops = {other: stop for other, stop in self._stops.items() if self._deploys.is_open(other)}
            stop = self._stops[number] = Stop()
        # Looked up only now: a wish that is written down from here on finds it.
        if self._wish(number) is not None:
            stop.set()
        return stop

    def check(self, number: int) -> None:
        """Given a deploy that runs, return if it may go on. Raise DeployCancelled."""
        if self.event(number).is_set():
            raise self._wish(number) or DeployCancelled("cancelled")

    def _wish(self, number: int) -> DeployCancelled | None:
        try:
            deploy = self._deploys.get(number)
        except NotFound:
            return None  # its app was removed: the pipeline finds that out by itself
        said = deploy.error or {}
        wish = DeployCancelled(str(said.get("message", "cancelled")), hint=str(said.get("hint", "")))
        return wish if deploy.cancel else None


def _again(deploy: Deploy) -> str:
    """Return the command that asks for a deploy once more."""
    match deploy.trigger:
        case Trigger.ROLLBACK | Trigger.AUTO_ROLLBACK if deploy.target is not None:
            return f"deployhost rollback {deploy.app} {deploy.target.short}"
        case Trigger.RESTART | Trigger.SETTINGS:
            return f"deployhost restart {deploy.app}"
        case Trigger.MANUAL:
            return f"deployhost deploy {deploy.app} {deploy.sha.short}"
        case _:
            return f"deployhost deploy {deploy.app}"
