"""Telling whoever follows a deploy: stages with their times, output, notes; and the same times into the journal."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

from deployhost.errors import FileProblem
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.redactor import Redactor
from deployhost.model import Phase, Secret

LONGEST_LINE = 1000  # characters of a line of output that are told; some programs write megabytes in one


class Progress:
    """Tells a deploy's reporter and the journal what happens in it, but never a secret."""

    def __init__(self, number: int, deploys: Deploys, events: EventLog, secrets: Iterable[Secret]) -> None:
        self._number = number
        self._deploys = deploys
        self._events = events
        self._redactor = Redactor(frozenset(secrets))
        self._stage = ""

    def conceal(self, secrets: Iterable[Secret]) -> None:
        """Hide these secrets too from now on."""
        self._redactor = Redactor(self._redactor.secrets | frozenset(secrets))

    @contextlib.contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[None]:
        """Tell a stage's beginning and, when the block ends, its end and how long it took."""
        self._stage = name
        self._deploys.enter(self._number, name)
        self._tell({"event": "stage", "stage": name, "state": "start", "detail": detail})
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self._tell({"event": "stage", "stage": name, "state": "failed", "ms": _ms(started)})
            raise
        ms = _ms(started)
        self.timed(name, ms)
        self._tell({"event": "stage", "stage": name, "state": "done", "ms": ms})

    def timed(self, name: str, ms: float) -> None:
        """Write down a phase that is over and its milliseconds, if that can be done."""
        # What a deploy took is no reason for it to fail: where the journal matters, writing it down raises.
        with contextlib.suppress(FileProblem):
            self._deploys.timed(self._number, Phase(name, ms))

    def output(self, line: str) -> None:
        """Pass on a line that a build or an app wrote."""
        # Cut only once it has no secrets: half of one would not be recognised.
        self._tell({"event": "output", "stage": self._stage, "line": shortened(self.redacted(line))})

    def note(self, text: str) -> None:
        """Pass on something that the person should know."""
        self._tell({"event": "note", "text": self.redacted(text)})

    def redacted(self, text: str) -> str:
        """Return a text without the app's secrets."""
        return self._redactor.redacted(text)

    def _tell(self, event: dict[str, Any]) -> None:
        self._events.append(self._number, event)


def shortened(line: str) -> str:
    """Return a line in which LONGEST_LINE characters are left, and how many there were more."""
    more = len(line) - LONGEST_LINE
    return line if more <= 0 else f"{line[:LONGEST_LINE]}… ({more:,} more character{'' if more == 1 else 's'})"


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
