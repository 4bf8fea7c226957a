"""What is to be done and why (Step, Plan), what is wrong (Finding, Diagnosis), as data; and the one loop that applies a plan."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do. `what` is imperative and short, `why` is written for the user; subclasses carry the typed details.

    A subclass is a dataclass as this one is, without saying so.
    `word` names the kind of step in --json. It is an interface: a class may be renamed, its word may not.
    """

    what: str
    why: str
    word: ClassVar[str] = ""

    def __init_subclass__(cls, *, word: str = "", **options: Any) -> None:
        """Take the kind's word; without one it is the class's name."""
        super().__init_subclass__(**options)
        cls.word = word or cls.__name__
        dataclass(frozen=True, kw_only=True)(cls)

    def to_json(self) -> dict[str, str]:
        """Return the word, what and why, as --dry-run --json prints them."""
        return {"step": self.word, "what": self.what, "why": self.why}


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


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # something does not work
    WARNING = "warning"  # something may fail later, or works only in part


@dataclass(frozen=True)
class Finding:
    """Something wrong with the server or an app: `what` it is, `why` it matters or came about, and the command that fixes it, or ""."""

    severity: Severity
    what: str
    why: str = ""
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as `status --json` prints it."""
        return {"severity": str(self.severity), "what": self.what, "why": self.why, "fix": self.fix}


@dataclass(frozen=True)
class Diagnosis:
    """Steps that put things right, and remarks in the order in which they are shown.

    A remark is a finding, which only a person can fix, or a note on what is as somebody wants it, or will be soon.
    """

    steps: tuple[Step, ...] = ()
    remarks: tuple[Finding | str, ...] = ()

    def __add__(self, other: "Diagnosis") -> "Diagnosis":
        """Return both, this one first."""
        return Diagnosis(self.steps + other.steps, self.remarks + other.remarks)

    def __bool__(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.steps)

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps."""
        return iter(self.steps)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return those of the remarks that are findings."""
        return tuple(one for one in self.remarks if isinstance(one, Finding))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return all remarks as sentences."""
        return tuple(one if isinstance(one, str) else sentence(one) for one in self.remarks)

    @property
    def plan(self) -> Plan:
        """Return it as the plan that commands print."""
        return Plan(self.steps, self.notes)


def sentence(finding: Finding) -> str:
    """Return a finding as one line: what is wrong, why, and the command that fixes it."""
    why = f"; {finding.why}" if finding.why else ""
    fix = f": {finding.fix}" if finding.fix else ""
    return f"{finding.what}{why}{fix}"


class Recorder(Protocol):
    """Whoever wants to be told about each step: the terminal, a log, the journal."""

    def started(self, step: Step) -> None:
        """Take note that a step begins."""

    def done(self, step: Step, said: str) -> None:
        """Take note that a step is done; `said` is a line about how, or empty."""

    def failed(self, step: Step, error: Exception) -> None:
        """Take note that a step failed; the error is raised after this."""


Act = Callable[[Any], str | None]  # carries out one step of its type; returns a line on how it went, or nothing
Acts = Mapping[type[Step], Act]  # one row for each type of step that a room has


def carry_out(step: Step, acts: Acts) -> str:
    """Carry out one step by its type's row and return the line on how it went, or "". Raises TypeError if there is no such row."""
    act = acts.get(type(step))
    if act is None:
        raise TypeError(f"no row of the table carries out {type(step).__name__}")
    return act(step) or ""


def apply(plan: Plan, acts: Acts, recorder: Recorder) -> None:
    """Carry out a plan's steps in order and tell the recorder.

    The first error ends the loop and is raised as it is.
    """
    for step in plan:
        recorder.started(step)
        try:
            said = carry_out(step, acts)
        except Exception as error:
            recorder.failed(step, error)
            raise
        recorder.done(step, said)
