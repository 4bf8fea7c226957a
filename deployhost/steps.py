"""Step and Plan: what is to be done and why, as data; and the one loop that applies a plan."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do. `what` is imperative and short, `why` is written for the user; subclasses carry the typed details."""

    what: str
    why: str

    def to_json(self) -> dict[str, str]:
        """Return what and why, as --dry-run --json prints them."""
        return {"step": type(self).__name__, "what": self.what, "why": self.why}


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they are applied; `notes` say what was looked at and needs nothing."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


class Recorder(Protocol):
    """Whoever wants to be told about each step: the terminal, a log, the journal."""

    def started(self, step: Step) -> None:
        """Take note that a step begins."""

    def done(self, step: Step, said: str) -> None:
        """Take note that a step is done; `said` is a line about how, or empty."""

    def failed(self, step: Step, error: Exception) -> None:
        """Take note that a step failed; the error is raised after this."""


def apply(plan: Plan, act: Callable[[Step], str], recorder: Recorder) -> None:
    """Given a plan and what carries out one step, carry out all of them in order and tell the recorder.

    `act` returns one line on how it went (or ""). The first error ends the loop and is raised as it is.
    """
    for step in plan:
        recorder.started(step)
        try:
            said = act(step)
        except Exception as error:
            recorder.failed(step, error)
            raise
        recorder.done(step, said)
