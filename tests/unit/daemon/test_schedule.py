"""Periodic jobs: when each is due, and what a restart, a mistake, a set clock or a removed app does to them."""

import itertools
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.daemon.schedule import LOOK, PutOff, Schedule
from deployhost.daemon.schedule_plan import BROKEN_OFF, RETRY, Job, Lane
from deployhost.daemon.troubles import Troubles
from deployhost.errors import AppNotFound, DeployhostError, FileProblem, InvalidConfig
from deployhost.journal.database import Database
from deployhost.journal.last_run import JobKey, Run
from deployhost.journal.runs import Runs
from deployhost.model import AppName
from deployhost.system.clock import Clock

SHOP, BLOG = AppName("shop"), AppName("blog")
HOUR, DAY = 3600.0, 86400.0
NOW = 1_800_000_000.0


def job(name: str = "backing up", every: float = HOUR, jitter: float = 0.0, lane: Lane = Lane.SLOW) -> Job:
    return Job(name=name, every=every, run=lambda _app: None, lane=lane, jitter=jitter)


class SetClock(Clock):
    """A clock that only sleeping moves on, and whose wall clock can be set."""

    def __init__(self) -> None:
        self.now, self.set = 0.0, NOW

    def time(self) -> float:
        return self.set + self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Killed(BaseException):
    """The daemon ends here, whatever it is at."""


class Host:
    """What outlives the daemon, `restart` of which is a new life; `did` is what its jobs did, and when."""

    def __init__(self, path: Path) -> None:
        self.clock, self.path = SetClock(), path
        self.did: list[tuple[str, AppName | None, float]] = []
        self.acts: dict[str, Callable[[AppName | None], None]] = {}
        self.jobs: list[Job] = []
        self.database = Database(path)
        self.restart()

    def restart(self) -> None:
        self.troubles, self.runs = Troubles(self.clock.time), Runs(self.database)
        self.schedule = Schedule(jobs=self.jobs, troubles=self.troubles, runs=self.runs, clock=self.clock)

    def add(
        self,
        name: str,
        every: float | Callable[[], Mapping[AppName | None, float]],
        lane: Lane = Lane.SLOW,
        act: Callable[[AppName | None], None] = lambda _app: None,
    ) -> None:
        self.acts[name] = act

        def run(app: AppName | None) -> None:
            self.did.append((name, app, self.clock.now))
            self.acts[name](app)

        self.jobs.append(Job(name=name, every=every, run=run, lane=lane))

    def pass_(self, seconds: float, lane: Lane = Lane.SLOW) -> None:
        """Look as often as the daemon does until that time is over."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.sleep(min(LOOK[lane], end - self.clock.now))
            self.schedule.round(lane)

    def warnings(self) -> list[str]:
        return [one["message"] for one in self.troubles.now()]

    def counts(self) -> dict[str, int]:
        return {name: [one for one, _, _ in self.did].count(name) for name in self.acts}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "journal.db")


def fail(error: BaseException) -> Callable[[AppName | None], None]:
    def act(_app: AppName | None) -> None:
        raise error

    return act


def test_each_in_its_interval(host: Host) -> None:
    host.add("hourly", HOUR)
    host.add("daily", DAY)
    host.schedule.round(Lane.SLOW)
    host.pass_(DAY - 60)
    assert host.counts() == {"hourly": 24, "daily": 1}
    host.pass_(60)
    assert host.counts() == {"hourly": 25, "daily": 2}


def test_the_loop_looks_and_sleeps(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.add("often", 10, Lane.QUICK)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        host.clock.now += seconds
        if len(slept) == 3:
            raise Killed

    monkeypatch.setattr(host.clock, "sleep", sleep)
    with pytest.raises(Killed):
        host.schedule.run(Lane.QUICK)
    assert [when for _, _, when in host.did] == [0, 10, 20]
    assert slept == [LOOK[Lane.QUICK]] * 3


def test_a_restart_neither_skips_nor_doubles(host: Host) -> None:
    host.add("daily", DAY)
    host.add("often", 10, Lane.QUICK)
    host.schedule.round(Lane.SLOW)
    host.pass_(DAY / 2)
    host.restart()
    host.schedule.round(Lane.QUICK)
    host.schedule.round(Lane.SLOW)
    assert host.counts() == {"daily": 1, "often": 1}, "quick ones are due at the start"
    host.pass_(DAY / 2 - 60)
    assert host.counts()["daily"] == 1
    host.pass_(60)
    assert host.counts()["daily"] == 2


def test_an_upgrade(host: Host) -> None:
    """What the journal's file has counts for whoever opens it next."""
    host.add("daily", DAY)
    host.schedule.round(Lane.SLOW)
    host.database.close()
    host.database = Database(host.path)
    host.restart()
    host.schedule.round(Lane.SLOW)
    assert host.counts() == {"daily": 1}


def test_restart_between_begin_and_end(host: Host) -> None:
    """What broke off is repeated, but not at once: it may be what ended the daemon."""
    host.add("daily", DAY, act=fail(Killed()))
    with pytest.raises(Killed):
        host.schedule.round(Lane.SLOW)
    [begun] = host.runs.last().values()
    assert (begun.ended_at, begun.went_well) == (None, False)
    host.restart()
    host.schedule.round(Lane.SLOW)
    assert host.counts() == {"daily": 1}
    host.acts["daily"] = lambda _app: None
    host.pass_(BROKEN_OFF)
    assert host.counts() == {"daily": 2}
    host.pass_(DAY - 60)
    assert host.counts() == {"daily": 2}


@settings(max_examples=25, deadline=None)
@given(events=st.lists(st.sampled_from(["pass", "pass", "restart", "killed", "fails", "put off"]), max_size=12))
def test_lives(events: list[str]) -> None:
    """A job is never done twice within its interval, and where nothing happens but restarts, always within it."""
    host = Host(Path(":memory:"))
    host.add("hourly", HOUR)
    well: list[float] = []
    mishap: list[BaseException] = []

    def act(_app: AppName | None) -> None:
        host.clock.sleep(5)
        if mishap:
            raise mishap.pop()
        well.append(host.clock.now)

    host.acts["hourly"] = act
    for event in [*events, *(["pass"] * 12)]:
        if event == "restart":
            host.restart()
        elif event != "pass":
            mishap[:] = [{"killed": Killed(), "fails": DeployhostError("no"), "put off": PutOff()}[event]]
        try:
            host.pass_(HOUR / 4)
        except Killed:
            host.restart()
    gaps = [later - earlier for earlier, later in itertools.pairwise(well)]
    assert all(gap >= HOUR for gap in gaps)
    if not {"killed", "fails", "put off"} & set(events):
        assert all(gap <= HOUR + LOOK[Lane.SLOW] + 10 for gap in gaps)
    assert well
    host.database.close()


def test_a_mistake_stays_its_own(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """The next job is done; it is logged once, shown while it lasts, and tried again within the hour."""
    host.add("first", DAY, act=fail(KeyError("x")))
    host.add("second", DAY, act=fail(DeployhostError("no room")))
    host.add("third", DAY)
    host.schedule.round(Lane.SLOW)
    host.pass_(3 * RETRY)
    assert host.counts() == {"first": 4, "second": 4, "third": 1}
    assert caplog.messages == ["first failed", "second: no room"]
    assert host.warnings() == ["first: a defect of deployhost: KeyError('x')", "second: no room"]
    assert {key[0]: run.error for key, run in host.runs.last().items()} == {
        "first": "a defect of deployhost: KeyError('x')",
        "second": "no room",
        "third": "",
    }
    for name in ("first", "second"):
        host.acts[name] = lambda _app: None
    host.pass_(RETRY)
    assert host.warnings() == []
    assert all(run.went_well and not run.error for run in host.runs.last().values())


def test_what_is_put_off(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """It is nobody's mistake, and not done either: what was done before counts."""
    host.add("daily", DAY)
    host.schedule.round(Lane.SLOW)
    host.acts["daily"] = fail(PutOff())
    host.pass_(DAY)
    [run] = host.runs.last().values()
    assert (run.went_well, run.done_at, run.error) == (False, NOW, "")
    assert (caplog.messages, host.warnings()) == ([], [])
    host.acts["daily"] = lambda _app: None
    host.pass_(RETRY)
    assert host.counts() == {"daily": 3}


def test_a_slow_job_delays_no_quick_one(host: Host) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def act(_app: AppName | None) -> None:
        begun.set()
        assert go_on.wait(10)

    host.add("slow", HOUR, act=act)
    host.add("slow too", HOUR)
    host.add("quick", 10, Lane.QUICK)
    slow = threading.Thread(target=host.schedule.round, args=(Lane.SLOW,))
    slow.start()
    assert begun.wait(10)
    host.schedule.round(Lane.QUICK)
    host.pass_(100, Lane.QUICK)
    assert host.counts() == {"slow": 1, "slow too": 0, "quick": 11}, "slow ones wait for each other"
    go_on.set()
    slow.join(10)
    assert host.counts()["slow too"] == 1


def test_a_provider_that_hangs_delays_no_other_lane(host: Host) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def act(_app: AppName | None) -> None:
        begun.set()
        assert go_on.wait(10)

    host.add("asking", 60, Lane.NETWORK, act)
    host.add("quick", 10, Lane.QUICK)
    host.add("slow", HOUR)
    asking = threading.Thread(target=host.schedule.round, args=(Lane.NETWORK,))
    asking.start()
    assert begun.wait(10)
    host.schedule.round(Lane.QUICK)
    host.schedule.round(Lane.SLOW)
    assert host.counts() == {"asking": 1, "quick": 1, "slow": 1}
    go_on.set()
    asking.join(10)
    host.restart()
    host.schedule.round(Lane.NETWORK)
    assert host.counts()["asking"] == 2, "due at each start: the journal has nothing of it"
    assert {name for name, _ in host.runs.last()} == {"slow"}


@pytest.mark.parametrize("lane", Lane)
def test_two_at_once(host: Host, lane: Lane) -> None:
    """At first in the order of the table, later the one that waits longest first."""
    host.add("a", 100, lane)
    host.add("b", 90, lane)
    host.schedule.round(lane)
    host.clock.sleep(1000)
    host.schedule.round(lane)
    assert [name for name, _, _ in host.did] == ["a", "b", "b", "a"]


def test_a_clock_that_is_set(host: Host) -> None:
    """Back: what is journalled is due once. Quick jobs go by a clock that can't be set."""
    host.add("daily", DAY)
    host.add("often", 10, Lane.QUICK)
    for lane in Lane:
        host.schedule.round(lane)
    host.clock.set -= 30 * DAY
    for _ in range(3):
        for lane in Lane:
            host.schedule.round(lane)
    assert host.counts() == {"daily": 2, "often": 1}
    host.pass_(DAY - 60)
    assert host.counts()["daily"] == 2
    host.pass_(60)
    assert host.counts()["daily"] == 3
    host.clock.set += 30 * DAY
    host.schedule.round(Lane.SLOW)
    assert host.counts() == {"daily": 4, "often": 1}


def per_app(apps: Mapping[AppName, float]) -> Callable[[], Mapping[AppName | None, float]]:
    return lambda: dict(apps.items())


def test_apps_with_intervals_of_their_own(host: Host) -> None:
    apps = {SHOP: HOUR, BLOG: DAY}
    host.add("backing up", per_app(apps))
    host.schedule.round(Lane.SLOW)
    host.pass_(3 * HOUR)
    assert [app for _, app, _ in host.did] == [SHOP, BLOG, SHOP, SHOP, SHOP]
    apps[BLOG] = HOUR
    host.pass_(60)
    assert host.did[-1][1] == BLOG, "a changed setting counts at once"
    apps[AppName("new")] = DAY
    host.pass_(60)
    assert host.did[-1][1] == "new"


@pytest.mark.parametrize("lane", Lane)
def test_an_app_that_is_removed_while_due(host: Host, lane: Lane) -> None:
    apps = {SHOP: HOUR, BLOG: HOUR}

    def no_room(app: AppName | None) -> None:
        raise DeployhostError(f"no room for {app}")

    def remove_other(_app: AppName | None) -> None:
        apps.pop(BLOG, None)

    host.add("backing up", per_app(apps), lane, no_room)
    host.schedule.round(lane)
    assert sorted(host.warnings()) == ["backing up blog: no room for blog", "backing up shop: no room for shop"]
    host.acts["backing up"] = remove_other
    host.pass_(2 * HOUR, lane)
    assert [app for _, app, _ in host.did][2:] == [SHOP] * (len(host.did) - 2), "the other is not begun any more"
    assert host.warnings() == []
    if lane is Lane.SLOW:
        assert set(host.runs.last()) == {("backing up", SHOP)}
    apps[BLOG] = HOUR
    host.clock.sleep(1)
    host.acts["backing up"] = lambda _app: None
    host.schedule.round(lane)
    assert host.did[-1][1] == BLOG, "a new app of that name has never been seen to"


def test_an_app_that_is_removed_in_the_middle(host: Host) -> None:
    apps = {SHOP: HOUR}

    def act(app: AppName | None) -> None:
        assert app is not None
        del apps[app]
        raise AppNotFound(f"{app} was removed")

    host.add("backing up", per_app(apps), act=act)
    host.schedule.round(Lane.SLOW)
    assert host.warnings() == []
    host.schedule.round(Lane.SLOW)
    assert host.runs.last() == {}


def test_settings_that_can_not_be_read(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """Whom a job is done for is its own trouble; nothing of it is forgotten, and the others are done."""
    mistakes: list[InvalidConfig] = []

    def apps() -> Mapping[AppName | None, float]:
        if mistakes:
            raise mistakes[0]
        return {SHOP: HOUR}

    host.add("backing up", apps)
    host.add("daily", DAY)
    host.schedule.round(Lane.SLOW)
    mistakes.append(InvalidConfig("apps.yml is broken"))
    host.pass_(2 * DAY)
    assert host.counts() == {"backing up": 1, "daily": 3}
    assert caplog.messages == ["looking whether backing up is due: apps.yml is broken"]
    mistakes.clear()
    host.schedule.round(Lane.SLOW)
    assert host.counts()["backing up"] == 2
    assert len(host.runs.last()) == 2


def test_a_journal_that_can_not_be_written(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """What is due is done all the same, since it may free the disk, and not over and over."""
    host.add("daily", DAY)
    with host.database.transaction() as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    host.schedule.round(Lane.SLOW)
    host.pass_(DAY / 2)
    assert host.counts() == {"daily": 1}
    assert host.runs.last() == {}
    [warning] = host.warnings()
    assert warning.startswith("writing down what jobs do: the journal ")
    assert len(caplog.messages) == 1
    with host.database.transaction() as connection:
        connection.execute("DROP TRIGGER full")
    host.pass_(DAY / 2)
    assert host.counts() == {"daily": 2}
    assert host.warnings() == []
    assert len(host.runs.last()) == 1
    host.restart()
    host.schedule.round(Lane.SLOW)
    assert host.counts() == {"daily": 2}


def test_a_journal_that_can_not_be_read(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow jobs wait, since nobody knows when they were done; quick ones need no journal."""

    def unreadable(_self: Runs) -> dict[JobKey, Run]:
        raise FileProblem("the journal is damaged")

    host.add("daily", DAY)
    host.add("often", 10, Lane.QUICK)
    with monkeypatch.context() as patch:
        patch.setattr(Runs, "last", unreadable)
        for lane in Lane:
            host.schedule.round(lane)
        assert host.counts() == {"daily": 0, "often": 1}
        assert host.warnings() == ["looking for slow jobs that are due: the journal is damaged"]
    host.schedule.round(Lane.SLOW)
    assert (host.counts()["daily"], host.warnings()) == (1, [])


def test_a_journal_that_is_no_journal_any_more(host: Host) -> None:
    host.add("daily", DAY)
    raw = sqlite3.connect(host.path)
    raw.execute("DROP TABLE runs")
    raw.close()
    host.schedule.round(Lane.SLOW)
    assert "is damaged" in host.warnings()[0]
