"""A wish that something ends is felt at once by everybody who waits, and by nobody who does not wait any more."""

import threading

import pytest

from deployhost.errors import BuildFailed, CommandStopped, DiskFull
from deployhost.system.stop import Deadline, Stop, unless_stopped


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


def test_a_deadline_comes_by_itself_with_its_reason() -> None:
    deadline = Deadline()

    def work() -> None:
        with deadline.running(Stop(), 0.01, lambda: BuildFailed("too long")):
            assert deadline.wait(5)
            raise CommandStopped("docker was stopped", details=("its last line",))

    with pytest.raises(BuildFailed, match="too long") as caught:
        work()
    assert caught.value.details == ("its last line",)
    with pytest.raises(BuildFailed):
        deadline.check()


def test_a_deadline_comes_with_the_stop_that_it_was_made_from() -> None:
    stop, deadline = Stop(), Deadline()
    with deadline.running(stop, 60, lambda: BuildFailed("too long")):
        deadline.check()
        stop.set()
        assert deadline.is_set()
        with pytest.raises(CommandStopped):
            deadline.check()
    assert deadline.why is None, "a person's wish has its own reason"


def test_the_first_reason_counts() -> None:
    deadline = Deadline()
    with deadline.running(Stop(), 60, lambda: BuildFailed("too long")):
        deadline.end(DiskFull("the disk is full"))
        deadline.end(BuildFailed("again"))
    assert isinstance(deadline.why, DiskFull)


def test_no_time_passes_in_a_pause() -> None:
    deadline = Deadline()
    with deadline.running(Stop(), 0.05, lambda: BuildFailed("too long")):
        with deadline.paused():
            assert not deadline.wait(0.2)
        assert deadline.wait(5)


def test_what_can_not_be_interrupted_is_left_alone() -> None:
    stop, release = Stop(), threading.Event()
    threading.Timer(0.01, stop.set).start()
    with pytest.raises(CommandStopped):
        unless_stopped(lambda: release.wait(30), stop)
    release.set()
    with pytest.raises(CommandStopped):
        unless_stopped(lambda: pytest.fail("it was not to begin"), stop)


def test_its_result_and_its_error_are_those_of_the_work() -> None:
    assert unless_stopped(lambda: 42, Stop()) == 42
    with pytest.raises(ZeroDivisionError):
        unless_stopped(lambda: 1 // 0, Stop())
