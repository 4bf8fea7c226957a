"""The last run of each periodic job, so that a restart neither skips nor doubles one."""

from dataclasses import dataclass

from deployhost.journal.database import Database
from deployhost.journal.last_run import JobKey, Run
from deployhost.model import AppName


@dataclass(frozen=True)
class Runs:
    """Keeps the last run of each job in the journal."""

    database: Database

    def last(self) -> dict[JobKey, Run]:
        """Return the last run of each job. Raise FileProblem."""
        return {
            (str(row["job"]), AppName(row["app"]) if row["app"] else None): Run(
                row["begun_at"], row["ended_at"], row["done_at"], row["error"]
            )
            for row in self.database.all("SELECT * FROM runs")
        }

    def write(self, key: JobKey, run: Run) -> None:
        """Record the last run of a job, on the disk before this returns. Raise FileProblem."""
        job, app = key
        statement = "INSERT OR REPLACE INTO runs (job, app, begun_at, ended_at, done_at, error) VALUES (?,?,?,?,?,?)"
        values = (job, app or "", run.begun_at, run.ended_at, run.done_at, run.error)
        self.database.change(statement, *values, durable=True)

    def forget(self, key: JobKey) -> None:
        """Delete the record of a job, of which the app is gone. Raise FileProblem."""
        job, app = key
        self.database.change("DELETE FROM runs WHERE job = ? AND app = ?", job, app or "")
