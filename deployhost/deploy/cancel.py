"""Ending deploys that a person does not want any more, before they are live."""

import threading
from dataclasses import dataclass, field

from deployhost.errors import DeployCancelled, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Deploy, Trigger
from deployhost.system.stop import Stop


@dataclass(kw_only=True)
class Cancellations:
    """Carries the wish that a deploy ends from whoever has it to whoever runs the deploy."""

    deploys: Deploys
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _stops: dict[int, Stop] = field(default_factory=dict, init=False, repr=False)

    def ask_all(self, app: AppName, by: str) -> list[int]:
        """Have an app's deploys end, the queued ones first; return those that had not ended yet.

        One of them may go live nevertheless: it is past its switch.
        """
        return [one.id for one in reversed(self.deploys.open()) if one.app == app and self.ask(one.id, by)]

    def ask(self, number: int, by: str) -> bool:
        """Have a deploy end; return whether it had not ended yet. `by` is who asks.

        One that is only queued is cancelled with that. One that runs ends at once, unless it is past the switch.
        """
        try:
            again = _again(self.deploys.get(number))
        except NotFound:
            return False  # its app was removed
        wished = self.deploys.ask_to_cancel(number, DeployCancelled(f"cancelled by {by}", hint=again).to_json())
        with self._lock:
            stop = self._stops.get(number)
        if wished and stop is not None:
            stop.set()
        return wished

    def event(self, number: int) -> Stop:
        """Return what is set once a running deploy is to end; it is set already if that was asked for before a restart."""
        with self._lock:
            if (known := self._stops.get(number)) is not None:
                return known
            self._stops = {other: stop for other, stop in self._stops.items() if self.deploys.is_open(other)}
            stop = self._stops[number] = Stop()
        # Looked up only now: a wish that is written down from here on finds it.
        if self._wish(number) is not None:
            stop.set()
        return stop

    def check(self, number: int) -> None:
        """Return if a running deploy may go on. Raise DeployCancelled."""
        if self.event(number).is_set():
            raise self._wish(number) or DeployCancelled("cancelled")

    def _wish(self, number: int) -> DeployCancelled | None:
        try:
            deploy = self.deploys.get(number)
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
