"""Apps from before builds had to be allowed what the host logs in with, for which that is still to be decided."""

from dataclasses import dataclass

from deployhost.journal.database import Database
from deployhost.model import AppName


@dataclass(frozen=True)
class LentBefore:
    """Keeps which these are; an upgrade's migration made the list, and nothing is ever added to it."""

    database: Database

    def apps(self) -> list[AppName]:
        """Return them. Raise FileProblem."""
        return [AppName(row["app"]) for row in self.database.all("SELECT app FROM lent_before ORDER BY app")]

    def decided(self, app: AppName) -> None:
        """Take an app off the list. Raise FileProblem."""
        self.database.change("DELETE FROM lent_before WHERE app = ?", app, durable=True)
