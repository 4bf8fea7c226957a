"""Which periodic jobs are due, and which are gone."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from deployhost.daemon.schedule_plan import BROKEN_OFF, PAUSE, RETRY, Job, Lane, due, gone
from deployhost.journal.last_run import JobKey, Run
from deployhost.model import AppName

SHOP, BLOG = AppName("shop"), AppName("blog")
HOUR, DAY = 3600.0, 86400.0
NOW = 1_800_000_000.0
ROUNDING = 0.001  # seconds by which sums of times may be out


def job(name: str = "backing up", every: float = HOUR, jitter: float = 0.0, lane: Lane = Lane.SLOW) -> Job:
    return Job(name=name, every=every, run=lambda _app: None, lane=lane, jitter=jitter)


def is_due(one: Job, last: Run | None, now: float, every: float = HOUR, app: AppName | None = None) -> bool:
    runs = {} if last is None else {(one.name, app): last}
    return bool(due([one], runs, {one.name: {app: every}}, now))


times = st.floats(0, 10 * DAY)
runs = st.builds(
    lambda begun, took, done: Run(begun, None if took is None else begun + took, begun + (took or 0) if done else None),
    times,
    st.none() | st.floats(0, DAY),
    st.booleans(),
)
jobs = st.builds(job, st.sampled_from("abc"), jitter=st.floats(0, 1))
intervals = st.floats(0, 2 * DAY)


@given(jobs, times, intervals)
def test_what_has_never_run_is_due(one: Job, now: float, every: float) -> None:
    assert is_due(one, None, now, every)


@given(jobs, runs, intervals)
def test_a_run_in_the_future_is_due(one: Job, last: Run, every: float) -> None:
    assert is_due(one, last, last.begun_at - 0.001, every)


@given(jobs, runs, intervals, times, times)
def test_what_is_due_stays_due(one: Job, last: Run, every: float, now: float, later: float) -> None:
    now, later = sorted((now, later))
    if now >= (last.ended_at or last.begun_at) and is_due(one, last, now, every):
        assert is_due(one, last, later, every)


@given(jobs, runs, intervals, st.floats(0, DAY))
def test_it_is_done_once_in_an_interval(one: Job, last: Run, every: float, passed: float) -> None:
    """Not before, however it is jittered, and at the latest then, or a pause after its end."""
    now = last.begun_at + passed
    if last.went_well and passed < every * (1 - one.jitter) - ROUNDING:
        assert not is_due(one, last, now, every)
    if passed >= every + ROUNDING and (last.ended_at is None or now >= last.ended_at + PAUSE):
        assert is_due(one, last, now, every)


@given(runs, st.floats(0, DAY))
def test_what_did_not_end_well_is_tried_again_sooner(last: Run, passed: float) -> None:
    every, now = DAY, last.begun_at + passed
    if last.ended_at is None:
        assert is_due(job(), last, now, every) is (now >= last.begun_at + BROKEN_OFF)
    elif not last.went_well and last.ended_at + PAUSE <= now:
        assert is_due(job(), last, now, every) is (now >= last.begun_at + RETRY)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, SHOP, BLOG]), runs)), times)
def test_what_waits_longest_comes_first(seen: list[tuple[str, AppName | None, Run]], now: float) -> None:
    last: dict[JobKey, Run] = {(name, app): run for name, app, run in seen}
    table = [job(name) for name in "abc"]
    wanted: dict[str, dict[AppName | None, float]] = {"a": {None: HOUR}, "b": {SHOP: DAY, BLOG: HOUR}}
    found = due(table, last, wanted, now)
    assert [one.since for one in found] == sorted(one.since for one in found)
    assert {one.key for one in found} <= {("a", None), ("b", SHOP), ("b", BLOG)}
    assert len({one.key for one in found}) == len(found)
    assert due(table, {}, wanted, now) != []
    assert [one.key for one in due(table, {}, wanted, now)] == [("a", None), ("b", SHOP), ("b", BLOG)]


def test_each_app_has_its_interval() -> None:
    one, last = job(), Run(NOW, NOW + 60, NOW + 60)
    found = due(
        [one],
        {(one.name, SHOP): last, (one.name, BLOG): last},
        {one.name: {SHOP: HOUR, BLOG: DAY}},
        NOW + 2 * HOUR,
    )
    assert [(entry.app, entry.since, entry.last) for entry in found] == [(SHOP, NOW + HOUR, last)]


def test_jitter_is_of_each_app_and_always_the_same() -> None:
    """Of apps that were all seen to at once, not all are due at once again."""
    apps = [AppName(f"app-{number}") for number in range(50)]
    one, last = job(jitter=0.2), Run(NOW, NOW, NOW)

    def moments() -> list[float]:
        entries = due(
            [one], {(one.name, app): last for app in apps}, {one.name: dict.fromkeys(apps, HOUR)}, NOW + 2 * HOUR
        )
        return [entry.since for entry in entries]

    assert moments() == moments()
    assert len(set(moments())) > 40
    assert NOW + 0.8 * HOUR <= min(moments()) < NOW + 0.85 * HOUR
    assert NOW + 0.95 * HOUR < max(moments()) <= NOW + HOUR


def test_what_takes_longer_than_its_interval_pauses() -> None:
    last = Run(NOW, NOW + 30, NOW + 30)
    assert not is_due(job(every=10), last, NOW + 30 + PAUSE - 1, every=10)
    assert is_due(job(every=10), last, NOW + 30 + PAUSE, every=10)


def test_what_is_gone() -> None:
    seen: list[JobKey] = [("a", SHOP), ("a", BLOG), ("b", SHOP), ("c", SHOP), ("of an older version", SHOP)]
    wanted: Mapping[str, Mapping[AppName | None, float]] = {"a": {BLOG: HOUR}, "b": {SHOP: HOUR}}
    table = [job("a"), job("b"), job("c")]
    assert gone(table, seen, wanted) == [("a", SHOP)], "whom c is done for could not be found out"
