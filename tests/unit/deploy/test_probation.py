"""A release's first minute: what fails it, what does not, and where that leads."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.deploy.probation import (
    BAD,
    MINUTE,
    TRIES,
    Observation,
    ProcessSeen,
    WayBack,
    bad_answer,
    judge,
    way_back,
)
from deployhost.model import AppName, Deploy, DeployStatus, NoAnswer, Release, Sha, Trigger, Version

WELL = ProcessSeen("web", "running", 0)


def seen(*rounds: tuple[float, ProcessSeen, bool | None]) -> list[Observation]:
    return [Observation(at, (process,), bad, "GET / → 500") for at, process, bad in rounds]


def minute(process: ProcessSeen = WELL, bad: bool | None = False) -> list[Observation]:
    return seen(*((float(at), process, bad) for at in range(61)))


def why(observations: Sequence[Observation], lived: float = 30) -> str:
    verdict = judge(observations, lived)
    assert not (verdict.why and verdict.proven)
    return verdict.why


def test_a_good_minute() -> None:
    assert not judge([], 70).proven
    assert not judge(minute()[:59], 59).proven
    assert judge(minute(), MINUTE).proven


@pytest.mark.parametrize(("restarts", "fails"), [(0, False), (1, False), (2, True), (9, True)])
def test_crash_loop(restarts: int, fails: bool) -> None:
    ended = ProcessSeen("worker", "restarting", restarts, exit_code=3)
    said = why([*seen((0, WELL, None)), Observation(1, (WELL, ended))])
    assert said == (f"the process worker ended {restarts} times (exit code 3)" if fails else "")


def test_the_exit_code_is_that_of_before_where_it_runs_again() -> None:
    looks = seen((0, ProcessSeen("web", "restarting", 1, 7), None), (1, ProcessSeen("web", "running", 2), None))
    assert why(looks) == "the process web ended 2 times (exit code 7)"


def test_out_of_memory() -> None:
    looks = seen((0, ProcessSeen("web", "restarting", 1, 137, out_of_memory=True), None))
    assert why(looks) == "the process web ran out of memory and was killed"
    assert why([*looks, *seen((1, ProcessSeen("web", "running", 1), None))])
    assert not why(seen((0, ProcessSeen("web", "running", 0, out_of_memory=True), None))), "a child of it was killed"


def test_does_not_come_back() -> None:
    down = ProcessSeen("web", "restarting", 1, 1)
    assert not why(seen((0, WELL, None), (1, down, None), (5, down, None)))
    assert "does not come back" in why(seen((0, WELL, None), (1, down, None), (6, down, None)))
    assert not why(seen((1, down, None), (5, WELL, None), (6, down, None)))


def test_stopped_by_a_person() -> None:
    """The engine would have started it again: `exited` is what somebody wanted."""
    stopped = ProcessSeen("web", "exited", 0, 143)
    assert judge(minute(stopped, None), MINUTE).proven


@pytest.mark.parametrize(
    ("times", "fails"),
    [((0, 2, 4, 6, 8), True), ((0, 2, 4, 6), False), ((0, 8), False), ((0, 1, 7, 9), True), ((), False)],
)
def test_bad_answers(times: tuple[float, ...], fails: bool) -> None:
    looks = seen(*((float(at), WELL, True) for at in times))
    assert bool(why(looks)) is fails
    verdict = judge(looks, 30)
    assert verdict.by_answers is fails


def test_bad_answers_have_to_follow_each_other() -> None:
    good_between = [(0, True), (2, True), (4, False), (6, True), (8, True), (10, True)]
    assert not why(seen(*((float(at), WELL, bad) for at, bad in good_between)))
    slow_between = [(0, True), (2, None), (4, None), (6, True), (7, True), (8, True)]
    assert why(seen(*((float(at), WELL, bad) for at, bad in slow_between))) == "it answered badly for 8 s: GET / → 500"


def test_a_process_that_boots_again_has_more_time() -> None:
    again = ProcessSeen("web", "running", 1)
    assert not why(seen(*((float(at), again, True) for at in range(0, 19, 2))))
    assert why(seen(*((float(at), again, True) for at in range(0, 22, 2))))


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from([False, None])), max_size=80))
def test_slow_answers_alone_fail_nothing(gaps: list[tuple[float, bool | None]]) -> None:
    at = 0.0
    looks: list[Observation] = []
    for gap, bad in gaps:
        at += gap
        looks.append(Observation(at, (WELL,), bad))
    assert not why(looks, at)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.booleans()), min_size=1, max_size=80))
def test_only_a_streak_fails(gaps: list[tuple[float, bool]]) -> None:
    at = 0.0
    looks: list[Observation] = []
    streak: list[float] = []
    for gap, bad in gaps:
        at += gap
        looks.append(Observation(at, (WELL,), bad, "GET / → 502"))
        streak = [*streak, at] if bad else []
    expected = len(streak) >= TRIES and streak[-1] - streak[0] >= BAD
    assert bool(why(looks, at)) is expected


@pytest.mark.parametrize(
    ("statuses", "missing", "expected"),
    [
        ((200,), (None,), False),
        ((404, 302), (None, None), False),
        ((500, 200), (None, None), False),
        ((500, 500), (None, None), True),
        ((502,), (None,), True),
        ((0,), ("not HTTP",), True),
        ((0,), ("late",), None),
        ((500, 0), (None, "late"), None),
        ((504,), (None,), None),
        ((), (), False),
    ],
)
def test_what_is_a_bad_answer(
    statuses: tuple[int, ...], missing: tuple[NoAnswer | None, ...], expected: bool | None
) -> None:
    assert bad_answer(statuses, missing) is expected


SHOP, ONE = AppName("shop"), Sha("1" * 40)


def release(number: int, *, failed: str = "", live: bool = False, proven: bool = False) -> Release:
    return Release(
        SHOP, Version(f"{ONE}-{number}"), ONE, "", "i", f"c{number}", 80, number, float(number), live, failed,
        proven_at=number + MINUTE if proven else None,
    )  # fmt: skip


def deploy(number: int, trigger: Trigger, status: DeployStatus = DeployStatus.LIVE) -> Deploy:
    return Deploy(
        id=number, app=SHOP, sha=ONE, subject="", branch=None, trigger=trigger, rebuild=False, status=status, stage="",
        attempt=1, version=None, container=None, port=None, requested_at=0, started_at=None, live_at=None,
        finished_at=None, superseded_by=None, error=None,
    )  # fmt: skip


FAILED = release(3, failed="it crashed", live=True)


def back(
    *others: Deploy, by: Trigger = Trigger.PUSH, allowed: bool = True, earlier: Sequence[Release] | None = None
) -> WayBack:
    given_ = [FAILED, release(2), release(1)] if earlier is None else earlier
    return way_back(FAILED, deploy(3, by), allowed=allowed, earlier=given_, others=others)


@pytest.mark.parametrize(
    "by", [Trigger.PUSH, Trigger.SETTINGS, Trigger.RESTART, Trigger.ROLLBACK, Trigger.MANUAL], ids=str
)
def test_back_to_the_release_before(by: Trigger) -> None:
    assert back(by=by) == WayBack(target=release(2))


def test_not_to_one_that_failed_itself() -> None:
    assert back(earlier=[FAILED, release(2, failed="out of memory"), release(1)]).target == release(1)


def test_to_one_that_served_well() -> None:
    """The one directly before was replaced within its first minute: nobody knows of it that it is any better."""
    assert back(earlier=[FAILED, release(2), release(1, proven=True)]).target == release(1, proven=True)
    both = [FAILED, release(2, proven=True), release(1, proven=True)]
    assert back(earlier=both).target == both[1], "the newest of those"


def test_a_failed_one_that_was_settled_is_not_proven() -> None:
    settled = release(2, failed="it crashed", proven=True)
    assert back(earlier=[FAILED, settled, release(1)]).target == release(1)
    assert back(earlier=[FAILED, settled]).target is None


def test_only_earlier_ones_count_as_proven() -> None:
    assert back(earlier=[release(4, proven=True), FAILED, release(1)]).target == release(1)


def test_what_is_under_way_is_waited_for() -> None:
    assert back(deploy(4, Trigger.PUSH, DeployStatus.RUNNING)) == WayBack(wait=True)
    assert back(deploy(4, Trigger.AUTO_ROLLBACK, DeployStatus.QUEUED)) == WayBack(wait=True)
    assert back(deploy(4, Trigger.PUSH, DeployStatus.FAILED)) == WayBack(target=release(2))


@pytest.mark.parametrize(
    ("way", "note"),
    [
        (back(allowed=False), "auto_rollback is off"),
        (back(by=Trigger.AUTO_ROLLBACK), "itself rolled back"),
        (back(deploy(4, Trigger.AUTO_ROLLBACK, DeployStatus.FAILED)), "the automatic rollback failed"),
        (back(earlier=[FAILED]), "no earlier release"),
        (back(earlier=[FAILED, release(2, failed="x")]), "no earlier release"),
        (back(earlier=[release(4), FAILED]), "no earlier release"),
    ],
)
def test_it_stays(way: WayBack, note: str) -> None:
    assert way.target is None
    assert not way.wait
    assert note in way.note


def test_never_to_itself() -> None:
    assert back(earlier=[replace(FAILED, failed="", live_since=1.0)]).target is None
