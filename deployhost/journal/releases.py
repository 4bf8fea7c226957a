"""Questions and changes about releases: which is live, which are kept, which old containers still drain."""

import sqlite3
from collections.abc import Callable, Iterable

from deployhost.journal.database import Database
from deployhost.model import AppName, Drain, Release, Sha, Version


class Releases:
    """Given the journal and a clock, keep the releases and the drains."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def live(self, app: AppName) -> Release | None:
        """Given an app, return the release that serves it, or None."""
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM releases WHERE app = ? AND is_live", (app,)).fetchone()
        return None if row is None else _release(row)

    def all_live(self) -> list[Release]:
        """Return the live release of every app."""
        with self._database.reading() as db:
            return [_release(row) for row in db.execute("SELECT * FROM releases WHERE is_live ORDER BY app")]

    def of_app(self, app: AppName) -> list[Release]:
        """Given an app, return its releases, newest first."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM releases WHERE app = ? ORDER BY live_since DESC", (app,)).fetchall()
        return [_release(row) for row in rows]

    def went_live(self, release: Release, replaced: Iterable[str], stop_at: float) -> None:
        """Given the release that the proxy now sends requests to, and the containers it replaced, write all of it at once.

        The deploy becomes live, the release becomes the live one, the replaced containers become drains.
        """
        with self._database.transaction(durable=True) as db:
            db.execute("UPDATE releases SET is_live = 0 WHERE app = ? AND is_live", (release.app,))
            db.execute(
                "INSERT OR REPLACE INTO releases (app, version, sha, subject, image, container, port, deploy, live_since, is_live)"
                " VALUES (?,?,?,?,?,?,?,?,?,1)",
                (
                    release.app, release.version, release.sha, release.subject, release.image, release.container,
                    release.port, release.deploy, release.live_since,
                ),
            )  # fmt: skip
            db.execute(
                "UPDATE deploys SET status = 'live', stage = 'live', live_at = ?, finished_at = ?, error = NULL WHERE id = ?",
                (release.live_since, release.live_since, release.deploy),
            )
            db.executemany(
                "INSERT OR REPLACE INTO drains (container, app, stop_at) VALUES (?,?,?)",
                [(container, release.app, stop_at) for container in replaced if container != release.container],
            )

    def mark_failed(self, app: AppName, version: Version, why: str) -> None:
        """Given a release that did not live through its first minute, note why."""
        with self._database.transaction(durable=True) as db:
            db.execute("UPDATE releases SET failed = ? WHERE app = ? AND version = ?", (why, app, version))

    def mark_proven(self, app: AppName, version: Version) -> None:
        """Given a release that has lived through its first minute, note when."""
        with self._database.transaction() as db:
            db.execute("UPDATE releases SET proven_at = ? WHERE app = ? AND version = ?", (self._clock(), app, version))

    def drains(self) -> list[Drain]:
        """Return every container that is still to be stopped."""
        with self._database.reading() as db:
            return [
                Drain(row["container"], AppName(row["app"]), row["stop_at"])
                for row in db.execute("SELECT * FROM drains")
            ]

    def drained(self, container: str) -> None:
        """Given a container that has been stopped, note that nothing is left to do."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM drains WHERE container = ?", (container,))

    def drop(self, app: AppName, versions: Iterable[Version]) -> None:
        """Given an app and versions whose images are gone, forget these releases."""
        with self._database.transaction() as db:
            db.executemany(
                "DELETE FROM releases WHERE app = ? AND version = ? AND NOT is_live",
                [(app, version) for version in versions],
            )

    def forget(self, app: AppName) -> None:
        """Given an app that is removed, forget all its releases and drains."""
        with self._database.transaction(durable=True) as db:
            db.execute("DELETE FROM releases WHERE app = ?", (app,))
            db.execute("DELETE FROM drains WHERE app = ?", (app,))


def _release(row: sqlite3.Row) -> Release:
    return Release(
        app=AppName(row["app"]),
        version=Version(row["version"]),
        sha=Sha(row["sha"]),
        subject=row["subject"],
        image=row["image"],
        container=row["container"],
        port=row["port"],
        deploy=row["deploy"],
        live_since=row["live_since"],
        is_live=bool(row["is_live"]),
        failed=row["failed"],
        proven_at=row["proven_at"],
    )
