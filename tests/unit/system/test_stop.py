"""A wish that something ends is felt at once by everybody who waits, and by nobody who does not wait any more."""

import threading

import pytest

from deployhost.system.stop import Stop


def test_who_waits_is_woken() -> None:
    stop, woken = Stop(), threading.Event()
    with stop.waking(woken.set):
        assert not stop.is_set()
        assert not stop.wait(0)
        threading.Timer(0.01, stop.set).start()
        assert woken.wait(5)
    assert stop.is_set()
    assert stop.wait(60), "at once"


def test_a_wish_made_before_wakes_now() -> None:
    stop, woken = Stop(), list[str]()
    stop.set()
    stop.set()
    with stop.waking(lambda: woken.append("woken")):
        assert woken == ["woken"]


def test_nobody_is_woken_after_the_block() -> None:
    stop, woken = Stop(), list[str]()
    with pytest.raises(ValueError, match="broken"), stop.waking(lambda: woken.append("first")):
        raise ValueError("broken")
    with stop.waking(lambda: woken.append("second")):
        stop.set()
    assert woken == ["second"]
