"""Questions and changes about releases: which is live, which are kept, which old containers still drain."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace

from deployhost.journal.database import Database, typed
from deployhost.model import AppName, Drain, Release, Sha, Version

_TYPES = {"app": AppName, "version": Version, "sha": Sha, "is_live": bool}  # of columns that SQLite has no type for


class Releases:
    """Keeps the releases and the drains."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def live(self, app: AppName) -> Release | None:
        """Return an app's live release, or None."""
        return self._first("app = ? AND is_live", app)

    def get(self, app: AppName, version: Version) -> Release | None:
        """Return an app's release of a version, or None."""
        return self._first("app = ? AND version = ?", app, version)

    def all_live(self) -> list[Release]:
        """Return the live release of every app."""
        return self._found("is_live ORDER BY app")

    def apps(self) -> list[AppName]:
        """Return every app that has a release."""
        return [AppName(row["app"]) for row in self._database.all("SELECT DISTINCT app FROM releases ORDER BY app")]

    def of_app(self, app: AppName) -> list[Release]:
        """Return an app's releases, newest first."""
        return self._found("app = ? ORDER BY live_since DESC", app)

    def went_live(self, release: Release, replaced: Iterable[str], stop_at: float) -> None:
        """Write down, all at once, that the proxy now sends requests to a release, and which containers it replaced.

        The deploy becomes live, the release becomes the live one, the replaced containers become drains.
        """
        with self._database.transaction(durable=True) as db:
            # Also one that was live before has to live through its first minute.
            _switch(db, replace(release, proven_at=None), replaced, stop_at)
            db.execute(
                "UPDATE deploys SET status = 'live', stage = 'live', live_at = ?, finished_at = ?, error = NULL WHERE id = ?",
                (release.live_since, release.live_since, release.deploy),
            )

    def mark_failed(self, app: AppName, version: Version, why: str) -> None:
        """Note why a release did not live through its first minute."""
        self._set("failed", why, app, version, durable=True)

    def mark_proven(self, app: AppName, version: Version) -> None:
        """Note when a release has lived through its first minute."""
        self._set("proven_at", self._clock(), app, version)

    def on_probation(self) -> list[Release]:
        """Return the live releases of which it is not settled yet whether they live through their first minute."""
        return self._found("is_live AND proven_at IS NULL")

    def mark_stopped(self, app: AppName, version: Version, how: str) -> None:
        """Note how a person stopped a release ("by Kamal"); "" once it runs again."""
        self._set("stopped", how, app, version)

    def adopt(self, release: Release, reason: str, replaced: Iterable[str], stop_at: float) -> int:
        """Write down, all at once, a release that somebody else brought live and the containers it replaced.

        The release's deploy is made with it, as Kamal's, and its number returned. It is on no probation: nobody asked us.
        """
        with self._database.transaction(durable=True) as db:
            cursor = db.execute(
                "INSERT INTO deploys (app, sha, subject, trigger, status, stage, attempt, version, container, port,"
                " requested_at, started_at, live_at, finished_at, reason)"
                " VALUES (:app,:sha,:subject,'kamal','live','live',1,:version,:container,:port,"
                " :live_since,:live_since,:live_since,:live_since,:reason)",
                vars(release) | {"reason": reason},
            )
            number = int(cursor.lastrowid or 0)
            db.execute("UPDATE releases SET stopped = '' WHERE app = ? AND is_live", (release.app,))
            db.execute("DELETE FROM drains WHERE container = ?", (release.container,))
            _switch(db, replace(release, deploy=number, proven_at=release.live_since), replaced, stop_at)
        return number

    def drains(self) -> list[Drain]:
        """Return every container that is still to be stopped."""
        rows = self._database.all("SELECT * FROM drains")
        return [Drain(row["container"], AppName(row["app"]), row["stop_at"]) for row in rows]

    def drained(self, container: str) -> None:
        """Note that a container has been stopped and nothing is left to do for it."""
        self._database.change("DELETE FROM drains WHERE container = ?", container)

    def drop(self, app: AppName, versions: Iterable[Version]) -> None:
        """Forget an app's releases of versions whose images are gone."""
        with self._database.transaction() as db:
            db.executemany(
                "DELETE FROM releases WHERE app = ? AND version = ? AND NOT is_live",
                [(app, version) for version in versions],
            )

    def forget(self, app: AppName) -> None:
        """Forget all releases and drains, the hold, and whose its storage was, of an app that is removed."""
        with self._database.transaction(durable=True) as db:
            db.execute("DELETE FROM releases WHERE app = ?", (app,))
            db.execute("DELETE FROM drains WHERE app = ?", (app,))
            db.execute("DELETE FROM holds WHERE app = ?", (app,))
            db.execute("DELETE FROM storage_owners WHERE app = ?", (app,))

    def _set(self, column: str, value: object, app: AppName, version: Version, *, durable: bool = False) -> None:
        statement = f"UPDATE releases SET {column} = ? WHERE app = ? AND version = ?"  # noqa: S608 - no outside text
        self._database.change(statement, value, app, version, durable=durable)

    def _first(self, where: str, *values: object) -> Release | None:
        return next(iter(self._found(where, *values)), None)

    def _found(self, where: str, *values: object) -> list[Release]:
        rows = self._database.all(f"SELECT * FROM releases WHERE {where}", *values)  # noqa: S608 - no outside text
        return [Release(**typed(row, _TYPES)) for row in rows]


def _switch(db: sqlite3.Connection, release: Release, replaced: Iterable[str], stop_at: float) -> None:
    """Make a release its app's live one, whose hands its storage is in, and the containers that it replaced drains."""
    db.execute("DELETE FROM storage_owners WHERE app = ?", (release.app,))
    db.execute("UPDATE releases SET is_live = 0 WHERE app = ? AND is_live", (release.app,))
    db.execute(
        "INSERT OR REPLACE INTO releases"
        " (app, version, sha, subject, image, container, port, deploy, live_since, is_live, proven_at)"
        " VALUES (:app,:version,:sha,:subject,:image,:container,:port,:deploy,:live_since,1,:proven_at)",
        vars(release),
    )
    db.executemany(
        "INSERT OR REPLACE INTO drains (container, app, stop_at) VALUES (?,?,?)",
        [(container, release.app, stop_at) for container in replaced if container != release.container],
    )
