"""Doing the same to several things: side by side, in order, and to the end whatever fails."""

import threading

import pytest

from deployhost.system.side_by_side import Beside, side_by_side


def test_results_are_in_the_order_of_the_items() -> None:
    both_there = threading.Barrier(2, timeout=5)

    def act(item: int) -> int:
        both_there.wait()  # neither goes on before the other has begun
        return item * 2

    assert side_by_side(act, [1, 2]) == [2, 4]


def test_no_more_are_done_at_once_than_may_be() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def act(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.002)
        with lock:
            running -= 1

    side_by_side(act, list(range(12)), at_once=3)
    assert most <= 3


def test_a_single_item_is_done_in_the_thread_that_asks() -> None:
    assert side_by_side(lambda _: threading.current_thread(), ["one"]) == [threading.current_thread()]
    assert side_by_side(str, []) == []


def test_what_fails_is_raised_once_what_was_begun_has_ended() -> None:
    all_begun = threading.Barrier(3, timeout=5)
    ended: list[int] = []

    def act(item: int) -> None:
        all_begun.wait()
        if item == 0:
            raise ValueError("the first")
        threading.Event().wait(0.01)
        ended.append(item)

    with pytest.raises(ValueError, match="the first"):
        side_by_side(act, [0, 1, 2])
    assert sorted(ended) == [1, 2]


def test_beside() -> None:
    """It goes on by itself, and its result or its error is for whoever wants it."""
    begun, go_on = threading.Event(), threading.Event()

    def act() -> int:
        begun.set()
        assert go_on.wait(10)
        return 7

    asked = Beside(act)
    assert begun.wait(10)
    go_on.set()
    assert (asked.result(), asked.result()) == (7, 7)

    def fail() -> int:
        raise KeyError("no")

    with pytest.raises(KeyError):
        Beside(fail).result()
