"""Removals of apps that have begun: what a crash leaves half removed is removed whole."""

from deployhost.journal.database import Database
from deployhost.model import AppName


class Removals:
    """Given the journal, keep the removals under way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, app: AppName, *, with_storage: bool) -> None:
        """Given an app and whether its data goes too, write down that its removal begins."""
        with self._database.transaction(durable=True) as db:
            db.execute("INSERT OR REPLACE INTO removals (app, storage) VALUES (?,?)", (app, int(with_storage)))

    def takes_out(self, app: AppName, text: str) -> None:
        """Given an app and what names the text of apps.yml, write down that the app is taken out of that text now ("": not yet)."""
        with self._database.transaction(durable=True) as db:
            db.execute("UPDATE removals SET taken_from = ? WHERE app = ?", (text, app))

    def taken_from(self, app: AppName) -> str:
        """Return what names the text of apps.yml that an app's removal took it out of, "" if it has not come to that."""
        with self._database.reading() as db:
            row = db.execute("SELECT taken_from FROM removals WHERE app = ?", (app,)).fetchone()
        return "" if row is None else str(row["taken_from"])

    def done(self, app: AppName) -> None:
        """Given an app, write down that nothing is left of it."""
        with self._database.transaction(durable=True) as db:
            db.execute("DELETE FROM removals WHERE app = ?", (app,))

    def open(self) -> dict[AppName, bool]:
        """Return the apps whose removal has begun, each with whether its data goes too."""
        with self._database.reading() as db:
            return {AppName(row["app"]): bool(row["storage"]) for row in db.execute("SELECT * FROM removals")}
