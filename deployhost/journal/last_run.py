"""The last run of a periodic job, as a value. Pure."""

from dataclasses import dataclass

from deployhost.model import AppName

JobKey = tuple[str, AppName | None]  # a job, and the app that it is done for; None: the whole server


@dataclass(frozen=True)
class Run:
    """The last run of a job. Times are in seconds of the clock that the job goes by, unix seconds in the journal.

    `ended_at` is None while it runs, and of one that broke off; `done_at` is when the job last ended well.
    """

    begun_at: float
    ended_at: float | None = None
    done_at: float | None = None
    error: str = ""

    @property
    def went_well(self) -> bool:
        """Return whether this run did what the job is for."""
        return self.ended_at is not None and self.ended_at == self.done_at
