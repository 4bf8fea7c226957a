"""What a plan file makes of the facts: steps, findings and notes. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from deployhost.steps import Finding, Plan, Step


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
