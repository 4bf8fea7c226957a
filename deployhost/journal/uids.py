"""The uids of apps whose images are generated here, and whose storage is being given to another owner."""

import json

from deployhost.journal.database import Database
from deployhost.model import AppName
from deployhost.system.owners import Owner


class Uids:
    """Keeps the uid of each app. An app that was removed keeps its own: nobody else ever gets it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, app: AppName) -> int | None:
        """Return an app's uid, or None if it has none yet."""
        row = self._database.first("SELECT uid FROM uids WHERE app = ?", app)
        return None if row is None else int(row["uid"])

    def all(self) -> dict[AppName, int]:
        """Return every uid that an app has or had last."""
        return {AppName(row["app"]): int(row["uid"]) for row in self._database.all("SELECT app, uid FROM uids")}

    def app_of(self, uid: int) -> AppName | None:
        """Return the app that has a uid, or None."""
        row = self._database.first("SELECT app FROM uids WHERE uid = ?", uid)
        return None if row is None else AppName(row["app"])

    def give(self, app: AppName, uid: int) -> None:
        """Write down an app's uid, on the disk before this returns. Raises FileProblem also if another app has it."""
        statement = "INSERT INTO uids (app, uid) VALUES (?,?) ON CONFLICT (app) DO UPDATE SET uid = excluded.uid"
        self._database.change(statement, app, uid, durable=True)


class StorageOwners:
    """Keeps of whose hands an app's storage came, until the release that has it now is live or has given it back.

    `Releases` forgets it together with what makes a release live.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, app: AppName) -> tuple[Owner, ...]:
        """Return the owners that files in an app's storage may have, first the one to go back to; none if it is in nobody's way."""
        row = self._database.first("SELECT owners FROM storage_owners WHERE app = ?", app)
        return () if row is None else tuple(Owner(*pair) for pair in json.loads(row["owners"]))

    def note(self, app: AppName, owners: tuple[Owner, ...]) -> None:
        """Write down these owners before the first file changes hands."""
        statement = "INSERT OR REPLACE INTO storage_owners (app, owners) VALUES (?,?)"
        self._database.change(statement, app, json.dumps(owners), durable=True)

    def settled(self, app: AppName) -> None:
        """Forget an app's, once all files are back in the first one's hands."""
        self._database.change("DELETE FROM storage_owners WHERE app = ?", app, durable=True)
