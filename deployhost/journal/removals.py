"""Removals of apps that have begun: what a crash leaves half removed is removed whole."""

from deployhost.journal.database import Database
from deployhost.model import AppName

TAKEN_OUT = "taken out"  # in place of an entry: apps.yml does not have the app any more


class Removals:
    """Keeps the removals under way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, app: AppName, *, with_storage: bool, listed: bool = True) -> None:
        """Record that an app's removal begins, whether its data goes too, and whether apps.yml lists the app."""
        statement = "INSERT OR REPLACE INTO removals (app, storage, taken_from) VALUES (?,?,?)"
        self._database.change(statement, app, int(with_storage), "" if listed else TAKEN_OUT, durable=True)

    def note_taken_out(self, app: AppName, entry: str) -> None:
        """Record the digest of the entry that is being taken out of apps.yml, TAKEN_OUT once it is out, or "" if it stays."""
        self._database.change("UPDATE removals SET taken_from = ? WHERE app = ?", entry, app, durable=True)

    def taken_out(self, app: AppName) -> str:
        """Return what `note_taken_out` recorded last, or "" if the removal has not come to that."""
        row = self._database.first("SELECT taken_from FROM removals WHERE app = ?", app)
        return "" if row is None else str(row["taken_from"])

    def done(self, app: AppName) -> None:
        """Write down that nothing is left of an app."""
        self._database.change("DELETE FROM removals WHERE app = ?", app, durable=True)

    def open(self) -> dict[AppName, bool]:
        """Return the apps whose removal has begun, each with whether its data goes too."""
        return {AppName(row["app"]): bool(row["storage"]) for row in self._database.all("SELECT * FROM removals")}
