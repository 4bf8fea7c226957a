"""Containers that carry higher deploy numbers than the journal has given: it was lost and begun again. Pure."""

from deployhost.converge.facts import MachineFacts
from deployhost.steps import Diagnosis, Step


class SkipNumbers(Step):
    """Have the next deploy's number lie above this one."""

    above: int


def numbers(facts: MachineFacts) -> Diagnosis:
    """Return the step that keeps a deploy's number from being used twice."""
    if facts.highest_label <= facts.highest_number:
        return Diagnosis()
    step = SkipNumbers(
        what=f"go on numbering deploys after {facts.highest_label}",
        why="containers of before this journal carry numbers up to that",
        above=facts.highest_label,
    )
    return Diagnosis((step,))
