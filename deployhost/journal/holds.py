"""Questions and changes about holds: requests that the proxy keeps waiting while one release hands over to the next."""

import json
import sqlite3

from deployhost.journal.database import Database
from deployhost.model import AppName, Hold


class Holds:
    """Keeps the holds: written before the proxy is told, deleted once it lets the requests go."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, hold: Hold) -> None:
        """Write a hold down before it begins, on the disk before this returns."""
        statement = "INSERT OR REPLACE INTO holds (app, deploy, proxy, containers, since) VALUES (?,?,?,?,?)"
        containers = json.dumps(hold.containers)
        self._database.change(statement, hold.app, hold.deploy, hold.proxy, containers, hold.since, durable=True)

    def all(self) -> list[Hold]:
        """Return every hold."""
        return [_hold(row) for row in self._database.all("SELECT * FROM holds ORDER BY app")]

    def of_app(self, app: AppName) -> Hold | None:
        """Return an app's hold, or None."""
        row = self._database.first("SELECT * FROM holds WHERE app = ?", app)
        return None if row is None else _hold(row)

    def end(self, app: AppName) -> None:
        """Forget an app's hold, once its requests are not held any more."""
        self._database.change("DELETE FROM holds WHERE app = ?", app, durable=True)


def _hold(row: sqlite3.Row) -> Hold:
    return Hold(AppName(row["app"]), row["deploy"], row["proxy"], tuple(json.loads(row["containers"])), row["since"])
