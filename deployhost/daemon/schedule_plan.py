"""Which periodic jobs are due. Pure; `schedule.py` runs them."""

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployhost.journal.last_run import JobKey, Run
from deployhost.model import AppName

PAUSE = 10.0  # seconds between two runs of a job that takes longer than its interval
BROKEN_OFF = 60.0  # seconds until a run that a restart broke off is repeated: it may have been the cause
RETRY = 3600.0  # seconds after which a job that failed, or could not be done just then, is tried again

Intervals = Mapping[AppName | None, float]


class Lane(StrEnum):
    """Jobs of one lane run one after the other. Those of another never wait for them."""

    QUICK = "quick"
    NETWORK = "network"  # asks a provider, whose answers may take until a time limit
    SLOW = "slow"  # minutes, perhaps; these runs are journalled


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something that is done again and again.

    `name` says what is done, in the log and in `status` ("converging"), and is the job's key in the journal. `every` is the
    seconds between runs, or returns them by app, of which only those are seen to; None there is the whole server. `run` gets the
    app, or None. With `jitter`, a fraction, intervals are shorter by up to that part of them, another part for each app.
    """

    name: str
    every: float | Callable[[], Intervals]
    run: Callable[[AppName | None], object]
    lane: Lane = Lane.QUICK
    jitter: float = 0.0
    retry: float = RETRY

    def intervals(self) -> Intervals:
        """Return the seconds between runs for each app, or for the whole server. Raise what `every` raises."""
        return self.every() if callable(self.every) else {None: self.every}

    def what(self, app: AppName | None) -> str:
        """Return how a run is called."""
        return self.name if app is None else f"{self.name} {app}"


@dataclass(frozen=True)
class Due:
    """A job that is to be done for an app, or for the whole server, since a moment; `last` is how it was done before."""

    job: Job
    app: AppName | None
    since: float
    last: Run | None

    @property
    def key(self) -> JobKey:
        """Return what its runs are recorded under."""
        return self.job.name, self.app


def due(jobs: Sequence[Job], runs: Mapping[JobKey, Run], intervals: Mapping[str, Intervals], now: float) -> list[Due]:
    """Return what is to be done now, what waits longest first; `intervals` are those of each job, by its name.

    A job that has never run is due, and so is one whose last run began in the future: the clock was set back.
    """
    found = []
    for job in jobs:
        for app, every in intervals.get(job.name, {}).items():
            last = runs.get((job.name, app))
            since = _due_at(job, app, every, last, now)
            if since <= now:
                found.append(Due(job, app, since, last))
    return sorted(found, key=lambda one: one.since)


def gone(jobs: Sequence[Job], seen: Collection[JobKey], intervals: Mapping[str, Intervals]) -> list[JobKey]:
    """Return what is not done any more, of all that is remembered: the app was removed, or wants none of it.

    A job without `intervals` is left out: whom it is done for could not be found out.
    """
    return [
        (job.name, app)
        for job in jobs
        for name, app in seen
        if name == job.name and name in intervals and app not in intervals[name]
    ]


def _due_at(job: Job, app: AppName | None, every: float, last: Run | None, now: float) -> float:
    if last is None or last.begun_at > now:
        return float("-inf")
    if last.ended_at is None:
        return last.begun_at + min(every, BROKEN_OFF)
    interval = every * (1 - job.jitter * _share(job.name, app)) if last.went_well else min(every, job.retry)
    rested = last.ended_at + min(every, PAUSE) if last.ended_at <= now else now
    return max(last.begun_at + interval, rested)


def _share(name: str, app: AppName | None) -> float:
    """Return a number from 0 up to 1, always the same of a job and an app."""
    return zlib.crc32(f"{name} {app or ''}".encode()) / 2**32
