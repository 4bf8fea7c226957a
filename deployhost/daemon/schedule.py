"""Runs the periodic jobs, each when it is due: `schedule_plan` says when that is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from deployhost.daemon.schedule_plan import Due, Intervals, Job, Lane, due, gone
from deployhost.daemon.troubles import Troubles
from deployhost.errors import AppNotFound
from deployhost.journal.last_run import JobKey, Run
from deployhost.journal.runs import Runs
from deployhost.system.clock import CLOCK, Clock

LOOK = {Lane.QUICK: 10.0, Lane.NETWORK: 10.0, Lane.SLOW: 60.0}  # seconds between looks at what is due


class PutOff(Exception):
    """A job can't be done just now, which is nobody's mistake: it is tried again as after a failure."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Does jobs again and again, those of each lane one after the other.

    What goes wrong in one is its own, and lasts in `troubles` until it goes well. All but slow jobs are due when the daemon starts.
    The last run of each slow job is in the journal; where that can't be written the job is done all the same, since it may be
    what makes room on the disk.
    """

    jobs: Sequence[Job]
    troubles: Troubles
    runs: Runs
    clock: Clock = CLOCK
    # Runs of the lanes that the journal does not have.
    _here: dict[Lane, dict[JobKey, Run]] = field(default_factory=lambda: {Lane.QUICK: {}, Lane.NETWORK: {}}, init=False)
    # Runs of slow jobs that the journal does not have.
    _unwritten: dict[JobKey, Run] = field(default_factory=dict, init=False)

    def run(self, lane: Lane) -> None:
        """Do the jobs of a lane for ever."""
        while True:
            self.troubles.went_well(f"doing {lane} jobs", lambda: self.round(lane))
            self.clock.sleep(LOOK[lane])

    def round(self, lane: Lane) -> None:
        """Do what is due in a lane, each once. What is due is looked at before each: an app may have gone meanwhile."""
        done: set[JobKey] = set()
        while (one := self._next(lane, done)) is not None:
            done.add(one.key)
            self._do(one)

    def _next(self, lane: Lane, done: set[JobKey]) -> Due | None:
        found: list[Due] = []

        def look() -> None:
            jobs = [job for job in self.jobs if job.lane is lane]
            runs, intervals = self._last(lane), self._intervals(jobs)
            for key in gone(jobs, list(runs), intervals):
                self._forget(lane, key)
            found.extend(due(jobs, runs, intervals, self._now(lane)))

        self.troubles.went_well(f"looking for {lane} jobs that are due", look)
        return next((one for one in found if one.key not in done), None)

    def _do(self, one: Due) -> None:
        lane, what = one.job.lane, one.job.what(one.app)
        begun = Run(self._now(lane), done_at=None if one.last is None else one.last.done_at)
        self._note(one, begun)
        ended_well = False

        def act() -> None:
            nonlocal ended_well
            try:
                one.job.run(one.app)
                ended_well = True
            except PutOff:
                pass
            except AppNotFound:
                if one.app is None:
                    raise  # else it was removed in the middle of this, and the next look forgets it

        self.troubles.went_well(what, act)
        now = self._now(lane)
        done_at = now if ended_well else begun.done_at
        self._note(one, Run(begun.begun_at, now, done_at, self.troubles.lasting(what)))

    def _intervals(self, jobs: Sequence[Job]) -> Mapping[str, Intervals]:
        found: dict[str, Intervals] = {}

        def ask(job: Job) -> Callable[[], None]:
            return lambda: found.update({job.name: job.intervals()})

        for job in jobs:
            self.troubles.went_well(f"looking whether {job.name} is due", ask(job))
        return found

    def _now(self, lane: Lane) -> float:
        # Only what outlives the daemon needs the wall clock, which can be set.
        return self.clock.time() if lane is Lane.SLOW else self.clock.monotonic()

    def _last(self, lane: Lane) -> Mapping[JobKey, Run]:
        return self.runs.last() | self._unwritten if lane is Lane.SLOW else dict(self._here[lane])

    def _note(self, one: Due, run: Run) -> None:
        if one.job.lane is not Lane.SLOW:
            self._here[one.job.lane][one.key] = run
            return
        self._unwritten[one.key] = run
        if self.troubles.went_well("writing down what jobs do", lambda: self.runs.write(one.key, run)):
            del self._unwritten[one.key]

    def _forget(self, lane: Lane, key: JobKey) -> None:
        name, app = key
        self.troubles.forget(next(job for job in self.jobs if job.name == name).what(app))
        if lane is not Lane.SLOW:
            self._here[lane].pop(key, None)
        elif app is not None:
            self._unwritten.pop(key, None)
            self.runs.forget(key)
