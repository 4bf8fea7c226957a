"""Waiting for something: asked at least once, ended by the answer, the time or whoever checks."""

import pytest

from deployhost.errors import DeployCancelled
from deployhost.system.clock import Clock, retry, until


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


def failing(clock: Stepped, until: float, error: Exception) -> str:
    """Raise an error before a moment of a clock, and return "done" from then on."""
    if clock.now < until:
        raise error
    return "done"


def test_what_fails_for_a_while_is_done_again() -> None:
    clock = Stepped()
    lost = ConnectionError("lost")
    assert retry(lambda: failing(clock, 4, lost), again=lambda _: True, within=10, every=2, clock=clock) == "done"
    assert clock.now == 4


def test_its_last_error_is_raised_when_the_time_is_over() -> None:
    clock = Stepped()
    with pytest.raises(ConnectionError, match="lost"):
        retry(lambda: failing(clock, 9, ConnectionError("lost")), again=lambda _: True, within=3, every=1, clock=clock)
    assert clock.now == 3


def test_an_error_of_another_kind_is_raised_at_once() -> None:
    clock = Stepped()
    with pytest.raises(ValueError, match="wrong"):
        retry(
            lambda: failing(clock, 9, ValueError("wrong")),
            again=lambda error: isinstance(error, ConnectionError),
            within=3,
            every=1,
            clock=clock,
        )
    assert clock.now == 0
