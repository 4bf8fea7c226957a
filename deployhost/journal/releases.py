"""Questions and changes about releases: which is live, which are kept, which old containers still drain."""

import sqlite3
from collections.abc import Callable, Iterable

from deployhost.journal.database import Database
from deployhost.model import AppName, Drain, Release, Sha, Version


class Releases:
    """Keeps the releases and the drains."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def live(self, app: AppName) -> Release | None:
        """Return an app's live release, or None."""
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM releases WHERE app = ? AND is_live", (app,)).fetchone()
        return None if row is None else _release(row)

    def get(self, app: AppName, version: Version) -> Release | None:
        """Return an app's release of a version, or None."""
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM releases WHERE app = ? AND version = ?", (app, version)).fetchone()
        return None if row is None else _release(row)

    def all_live(self) -> list[Release]:
        """Return the live release of every app."""
        with self._database.reading() as db:
            return [_release(row) for row in db.execute("SELECT * FROM releases WHERE is_live ORDER BY app")]

    def apps(self) -> list[AppName]:
        """Return every app that has a release."""
        with self._database.reading() as db:
            return [AppName(row["app"]) for row in db.execute("SELECT DISTINCT app FROM releases ORDER BY app")]

    def of_app(self, app: AppName) -> list[Release]:
        """Return an app's releases, newest first."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM releases WHERE app = ? ORDER BY live_since DESC", (app,)).fetchall()
        return [_release(row) for row in rows]

    def went_live(self, release: Release, replaced: Iterable[str], stop_at: float) -> None:
        """Write down, all at once, that the proxy now sends requests to a release, and which containers it replaced.

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
        """Note why a release did not live through its first minute."""
        with self._database.transaction(durable=True) as db:
            db.execute("UPDATE releases SET failed = ? WHERE app = ? AND version = ?", (why, app, version))

    def mark_proven(self, app: AppName, version: Version) -> None:
        """Note when a release has lived through its first minute."""
        with self._database.transaction() as db:
            db.execute("UPDATE releases SET proven_at = ? WHERE app = ? AND version = ?", (self._clock(), app, version))

    def on_probation(self) -> list[Release]:
        """Return the live releases of which it is not settled yet whether they live through their first minute."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM releases WHERE is_live AND proven_at IS NULL").fetchall()
        return [_release(row) for row in rows]

    def mark_stopped(self, app: AppName, version: Version, how: str) -> None:
        """Note how a person stopped a release ("by Kamal"); "" once it runs again."""
        with self._database.transaction() as db:
            db.execute("UPDATE releases SET stopped = ? WHERE app = ? AND version = ?", (how, app, version))

    def adopt(self, release: Release, reason: str, replaced: Iterable[str], stop_at: float) -> int:
        """Write down, all at once, a release that somebody else brought live and the containers it replaced.

        The release's deploy is made with it, as Kamal's, and its number returned. It is on no probation: nobody asked us.
        """
        with self._database.transaction(durable=True) as db:
            cursor = db.execute(
                "INSERT INTO deploys (app, sha, subject, trigger, status, stage, attempt, version, container, port,"
                " requested_at, started_at, live_at, finished_at, reason)"
                " VALUES (?1,?2,?3,'kamal','live','live',1,?4,?5,?6,?7,?7,?7,?7,?8)",
                (
                    release.app, release.sha, release.subject, release.version, release.container, release.port,
                    release.live_since, reason,
                ),
            )  # fmt: skip
            number = int(cursor.lastrowid or 0)
            db.execute("UPDATE releases SET is_live = 0, stopped = '' WHERE app = ? AND is_live", (release.app,))
            db.execute(
                "INSERT OR REPLACE INTO releases"
                " (app, version, sha, subject, image, container, port, deploy, live_since, is_live, proven_at)"
                " VALUES (?,?,?,?,?,?,?,?,?,1,?)",
                (
                    release.app, release.version, release.sha, release.subject, release.image, release.container,
                    release.port, number, release.live_since, release.live_since,
                ),
            )  # fmt: skip
            db.execute("DELETE FROM drains WHERE container = ?", (release.container,))
            db.executemany(
                "INSERT OR REPLACE INTO drains (container, app, stop_at) VALUES (?,?,?)",
                [(container, release.app, stop_at) for container in replaced if container != release.container],
            )
        return number

    def drains(self) -> list[Drain]:
        """Return every container that is still to be stopped."""
        with self._database.reading() as db:
            return [
                Drain(row["container"], AppName(row["app"]), row["stop_at"])
                for row in db.execute("SELECT * FROM drains")
            ]

    def drained(self, container: str) -> None:
        """Note that a container has been stopped and nothing is left to do for it."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM drains WHERE container = ?", (container,))

    def drop(self, app: AppName, versions: Iterable[Version]) -> None:
        """Forget an app's releases of versions whose images are gone."""
        with self._database.transaction() as db:
            db.executemany(
                "DELETE FROM releases WHERE app = ? AND version = ? AND NOT is_live",
                [(app, version) for version in versions],
            )

    def forget(self, app: AppName) -> None:
        """Forget all releases and drains, and the hold, of an app that is removed."""
        with self._database.transaction(durable=True) as db:
            db.execute("DELETE FROM releases WHERE app = ?", (app,))
            db.execute("DELETE FROM drains WHERE app = ?", (app,))
            db.execute("DELETE FROM holds WHERE app = ?", (app,))


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
        stopped=row["stopped"],
    )
