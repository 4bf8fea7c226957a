"""Waiting for something: asked at least once, ended by the answer, the time or whoever checks."""

import pytest

from deployhost.errors import DeployCancelled
from deployhost.system.clock import Clock, until


class Stepped(Clock):
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_first_true_answer_is_returned() -> None:
    clock, answers = Stepped(), iter([None, "", "here", "later"])
    assert until(lambda: next(answers), within=10, every=2, clock=clock) == "here"
    assert clock.now == 4


def test_it_is_asked_once_even_without_time() -> None:
    assert until(lambda: "there", within=0, every=1, clock=Stepped()) == "there"
    assert until(lambda: None, within=0, every=1, clock=Stepped()) is None


def test_the_time_ends_it() -> None:
    clock = Stepped()
    assert until(lambda: None, within=3, every=1, clock=clock) is None
    assert clock.now == 3


def test_who_checks_ends_it_before_a_wait() -> None:
    clock = Stepped()

    def check() -> None:
        if clock.now >= 2:
            raise DeployCancelled("cancelled")

    with pytest.raises(DeployCancelled):
        until(lambda: None, within=100, every=1, check=check, clock=clock)
    assert clock.now == 2
