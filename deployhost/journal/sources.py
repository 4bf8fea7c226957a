"""The repositories on GitHub that apps are deployed from: pinned by id, and why one can't be looked at."""

import json
from collections.abc import Callable
from dataclasses import fields

from deployhost.errors import DeployhostError
from deployhost.journal.database import Database, typed
from deployhost.journal.pinned import PinnedSource, SourceProblem
from deployhost.model import AppName, Branch, RepositoryName, Sha

_TYPES = {
    "app": AppName,
    "written": RepositoryName,
    "current": RepositoryName,
    "default_branch": Branch,
    "skipped": Sha,
}


class Sources:
    """Keeps which repository each app is deployed from."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def of(self, app: AppName) -> PinnedSource | None:
        """Return the repository of an app, or None if none is pinned."""
        return next(iter(self._found("app = ?", app)), None)

    def all(self) -> list[PinnedSource]:
        """Return the repository of every app that has one pinned."""
        return self._found("true ORDER BY app")

    def of_repository(self, repository: int) -> list[PinnedSource]:
        """Return the pins of every app that is deployed from a repository."""
        return self._found("repository = ? ORDER BY app", repository)

    def pin(self, pinned: PinnedSource) -> None:
        """Record the repository of an app in place of any other."""
        self._database.change(
            "INSERT OR REPLACE INTO sources"
            " (app, connection, host, repository, written, current, default_branch, skipped, skipped_after)"
            " VALUES (?,?,?,?,?,?,?,?,?)",
            *(getattr(pinned, one.name) for one in fields(PinnedSource)),
            durable=True,
        )

    def fails(self, app: AppName, error: DeployhostError) -> bool:
        """Record why an app's repository can't be looked at, since now if that is news; return whether it is."""
        said = json.dumps(error.to_json())
        before = self.problem(app)
        if before is not None and before.error["message"] == error.message:
            return False
        # The same kind of problem lasts, whatever the words of the moment.
        since = before.since if before is not None and before.error["code"] == error.code else self._clock()
        statement = "INSERT OR REPLACE INTO source_problems (app, error, since) VALUES (?,?,?)"
        self._database.change(statement, app, said, since)
        return before is None or before.error["code"] != error.code

    def went_well(self, app: AppName) -> bool:
        """Forget why an app's repository could not be looked at; return whether there was something."""
        if self.problem(app) is None:
            return False
        return self._database.change("DELETE FROM source_problems WHERE app = ?", app) > 0

    def problem(self, app: AppName) -> SourceProblem | None:
        """Return why an app's repository can't be looked at, or None."""
        row = self._database.first("SELECT * FROM source_problems WHERE app = ?", app)
        return None if row is None else SourceProblem(AppName(row["app"]), json.loads(row["error"]), row["since"])

    def forget(self, app: AppName) -> None:
        """Forget the repository of an app that is removed."""
        with self._database.transaction(durable=True) as db:
            db.execute("DELETE FROM sources WHERE app = ?", (app,))
            db.execute("DELETE FROM source_problems WHERE app = ?", (app,))

    def _found(self, where: str, *values: object) -> list[PinnedSource]:
        rows = self._database.all(f"SELECT * FROM sources WHERE {where}", *values)  # noqa: S608 - no outside text
        return [PinnedSource(**typed(row, _TYPES)) for row in rows]
