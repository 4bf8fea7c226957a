"""Questions and changes about builds: when they ran, which tells what of BuildKit's cache is ours."""

import contextlib
from collections.abc import Callable

from deployhost.errors import FileProblem
from deployhost.journal.database import Database
from deployhost.model import Span

SEEN_EVERY = 2.0  # seconds between the entries of a build that goes on


class Builds:
    """Keeps when builds ran."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def begin(self) -> "RunningBuild":
        """Note that a build begins, and return what notes that it continues and ends."""
        now = self._clock()
        with self._database.transaction() as db:
            begun = db.execute("INSERT INTO builds (started_at, ended_at) VALUES (?,?)", (now, now))
        return RunningBuild(self._database, self._clock, int(begun.lastrowid or 0), now)

    def spans(self) -> list[Span]:
        """Return when each build ran, oldest first."""
        rows = self._database.all("SELECT started_at, ended_at FROM builds ORDER BY started_at")
        return [Span(row["started_at"], row["ended_at"]) for row in rows]

    def forget_before(self, moment: float) -> None:
        """Forget the builds that had ended by a moment."""
        self._database.change("DELETE FROM builds WHERE ended_at < ?", moment)


class RunningBuild:
    """One build that runs: `seen` while it does, `end` once it is over. After a crash the last of them counts."""

    def __init__(self, database: Database, clock: Callable[[], float], number: int, now: float) -> None:
        self._database, self._clock, self._number, self._last = database, clock, number, now

    def seen(self) -> None:
        """Note that the build still runs; cheap, so that it may be called for every line of output."""
        if self._clock() - self._last >= SEEN_EVERY:
            with contextlib.suppress(FileProblem):  # a build does not fail for that
                self.end()

    def end(self) -> None:
        """Note that the build has ended."""
        self._last = self._clock()
        self._database.change("UPDATE builds SET ended_at = ? WHERE id = ?", self._last, self._number)
