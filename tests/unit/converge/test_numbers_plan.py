"""Containers that carry higher deploy numbers than the journal has given."""

from dataclasses import replace

from deployhost.converge.findings.numbers_plan import SkipNumbers, numbers
from tests.unit.converge.seen import MACHINE


def test_a_journal_that_was_begun_again() -> None:
    [step] = numbers(replace(MACHINE, highest_label=77))
    assert isinstance(step, SkipNumbers)
    assert step.above == 77


def test_nothing_to_skip() -> None:
    assert not numbers(MACHINE)
    assert not numbers(replace(MACHINE, highest_number=9))
