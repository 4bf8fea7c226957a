"""Questions and changes about deploys: accepted, claimed, staged, ended."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployhost.errors import AppNotFound, NotFound
from deployhost.journal.database import Database, typed
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Phase, Sha, Trigger, Version

Clock = Callable[[], float]
_OF_APP = "app = ? AND NOT forgotten"
# Of columns that SQLite has no type for.
_TYPES: dict[str, Callable[[Any], object]] = {
    "app": AppName,
    "sha": Sha,
    "branch": Branch,
    "trigger": Trigger,
    "rebuild": bool,
    "status": DeployStatus,
    "version": Version,
    "error": json.loads,
    "target": Version,
    "cancel": bool,
}


@dataclass(frozen=True)
class Push:
    """A push of one ref: its old commit, and the token by which the hook names it however often it has to ask."""

    ref: str
    old: str
    token: str | None = None


class Deploys:
    """Keeps the deploys."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def accept(
        self,
        app: AppName,
        sha: Sha,
        *,
        trigger: Trigger,
        subject: str = "",
        branch: Branch | None = None,
        rebuild: bool = False,
        push: Push | None = None,
        target: Version | None = None,
        reason: str = "",
        overtakes: Callable[[Deploy], bool] = lambda _: False,
    ) -> Deploy:
        """Write a deploy down as queued, on the disk before this returns, and return it.

        `push` is the push to record with it, `target` the release that a rollback goes back to, `reason` why deployhost itself
        asks for it; queued deploys of the app that it `overtakes` become superseded in the same transaction.
        """
        now = self._clock()
        with self._database.transaction(durable=True) as db:
            cursor = db.execute(
                "INSERT INTO deploys (app, sha, subject, branch, trigger, rebuild, status, requested_at, target, reason)"
                " VALUES (?,?,?,?,?,?,?,?,?,?)",
                (app, sha, subject, branch, trigger, int(rebuild), DeployStatus.QUEUED, now, target, reason),
            )
            new = int(cursor.lastrowid or 0)
            if push is not None:
                db.execute(
                    "INSERT INTO pushes (app, ref, old, new, token, deploy, received_at) VALUES (?,?,?,?,?,?,?)",
                    (app, push.ref, push.old, sha, push.token, new, now),
                )
            queued = db.execute(
                "SELECT * FROM deploys WHERE app = ? AND status = 'queued' AND id < ?", (app, new)
            ).fetchall()
            db.executemany(
                "UPDATE deploys SET status = 'superseded', superseded_by = ?, finished_at = ? WHERE id = ?",
                [(new, now, older.id) for older in map(_deploy, queued) if overtakes(older)],
            )
        return self.get(new)

    def get(self, number: int) -> Deploy:
        """Return a deploy with its phases. Raises NotFound."""
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM deploys WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise NotFound(f"there is no deploy {number}", hint="deployhost status")
            phases = db.execute("SELECT name, ms FROM phases WHERE deploy = ? ORDER BY position", (number,))
            return _deploy(row, tuple(Phase(item["name"], item["ms"]) for item in phases))

    def of_push(self, app: AppName, token: str) -> Deploy | None:
        """Return the deploy that this very push asked for before, or None."""
        return self._first("id IN (SELECT deploy FROM pushes WHERE app = ? AND token = ?)", app, token)

    def of_app(self, app: AppName, limit: int = 20) -> list[Deploy]:
        """Return an app's newest deploys, newest first."""
        return self._found(f"{_OF_APP} ORDER BY id DESC LIMIT ?", app, limit)

    def newest(self, app: AppName, *, by: Trigger | None = None) -> Deploy | None:
        """Return an app's newest deploy (with `by`: the newest of those with this trigger), or None."""
        only, values = ("", ()) if by is None else ("AND trigger = ?", (by,))
        return self._first(f"{_OF_APP} {only} ORDER BY id DESC", app, *values)

    def newest_head(self, app: AppName) -> Deploy | None:
        """Return the newest deploy of a head of an app's branch, pushed or chosen by a person, or None."""
        heads = "branch IS NOT NULL AND trigger IN ('push', 'manual')"
        return self._first(f"{_OF_APP} AND {heads} ORDER BY id DESC", app)

    def chosen(self, app: AppName) -> Deploy | None:
        """Return the deploy that chose what is live: the last to go live of those that repeat nothing, or None."""
        choices = "status = 'live' AND trigger NOT IN ('restart', 'settings')"
        return self._first(f"{_OF_APP} AND {choices} ORDER BY live_at DESC", app)

    def open(self) -> list[Deploy]:
        """Return every queued and running deploy, oldest first."""
        return self._found("status IN ('queued', 'running') ORDER BY id")

    def is_open(self, number: int) -> bool:
        """Return whether a deploy is there and has not ended."""
        return bool(self._ids("id = ? AND status IN ('queued', 'running')", number))

    def apps(self) -> list[AppName]:
        """Return every app that has had a deploy."""
        rows = self._database.all("SELECT DISTINCT app FROM deploys WHERE NOT forgotten ORDER BY app")
        return [AppName(row["app"]) for row in rows]

    def version_numbers(self, app: AppName, sha: Sha) -> set[str]:
        """Return the versions that an app's deploys of a commit have used."""
        question = "SELECT version FROM deploys WHERE app = ? AND sha = ? AND version IS NOT NULL"
        return {row["version"] for row in self._database.all(question, app, sha)}

    def begin(self, queued: Deploy, version: Version) -> Deploy | None:
        """Mark a queued deploy as running, with its version, sha and subject; return it as it is then.

        None if it is not queued any more: a newer one has superseded it, or its app was removed.
        """
        with self._database.transaction() as db:
            begun = db.execute(
                "UPDATE deploys SET status = 'running', stage = '', attempt = attempt + 1, version = ?, container = NULL,"
                " port = NULL, started_at = ?, sha = ?, subject = ? WHERE id = ? AND status = 'queued'",
                (version, self._clock(), queued.sha, queued.subject, queued.id),
            )
            db.execute("DELETE FROM phases WHERE deploy = ?", (queued.id,))
        return self.get(queued.id) if begun.rowcount else None

    def enter(self, number: int, stage: str, *, container: str | None = None, port: int | None = None) -> None:
        """Note the stage that a running deploy enters, and its container and port once they are known."""
        statement = (
            "UPDATE deploys SET stage = ?, container = coalesce(?, container), port = coalesce(?, port) WHERE id = ?"
        )
        self._database.change(statement, stage, container, port, number)

    def timed(self, number: int, phase: Phase) -> None:
        """Note how long a stage of a deploy took."""
        statement = (
            "INSERT OR REPLACE INTO phases (deploy, name, ms, position)"
            " SELECT id, ?2, ?3, (SELECT count(*) FROM phases WHERE deploy = ?1) FROM deploys WHERE id = ?1"
        )
        self._database.change(statement, number, phase.name, phase.ms)

    def end(
        self, number: int, status: DeployStatus, error: Mapping[str, Any] | None = None, *, by: int | None = None
    ) -> bool:
        """End an open deploy as failed, superseded (`by` a newer one) or cancelled; `error` says why.

        Return whether it was open: how a deploy has ended never changes.
        """
        statement = (
            "UPDATE deploys SET status = ?, error = ?, superseded_by = ?, finished_at = ?"
            " WHERE id = ? AND status IN ('queued', 'running')"
        )
        said = None if error is None else json.dumps(error)
        return self._database.change(statement, status, said, by, self._clock(), number, durable=True) > 0

    def ask_to_cancel(self, number: int, error: Mapping[str, Any] | None = None) -> bool:
        """Note that a person wants an open deploy to end, also after a restart; `error` says who. Return whether it was open.

        One that is only queued is cancelled with that; one that runs ends at its next step, unless it is live by then.
        """
        with self._database.transaction(durable=True) as db:
            asked = db.execute(
                "UPDATE deploys SET cancel = 1, error = ? WHERE id = ? AND status IN ('queued', 'running')",
                (None if error is None else json.dumps(error), number),
            )
            db.execute(
                "UPDATE deploys SET status = 'cancelled', finished_at = ? WHERE id = ? AND status = 'queued'",
                (self._clock(), number),
            )
        return asked.rowcount > 0

    def blame(self, number: int, error: Mapping[str, Any]) -> None:
        """Note the error that the release of a deploy showed after it went live; the deploy stays one that went live."""
        self._database.change("UPDATE deploys SET error = ? WHERE id = ?", json.dumps(error), number, durable=True)

    def highest(self) -> int:
        """Return the highest number that a deploy has had, also one that is forgotten by now."""
        row = self._database.first("SELECT seq FROM sqlite_sequence WHERE name = 'deploys'")
        return 0 if row is None else int(row["seq"])

    def skip_to(self, number: int) -> None:
        """Number every later deploy above a number."""
        with self._database.transaction(durable=True) as db:
            if db.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'deploys'").fetchone() is None:
                db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('deploys', 0)")
            db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'deploys'", (number,))

    def requeue(self, number: int) -> None:
        """Queue a running deploy again that was interrupted."""
        statement = (
            "UPDATE deploys SET status = 'queued', container = NULL, stage = '' WHERE id = ? AND status = 'running'"
        )
        self._database.change(statement, number, durable=True)

    def forget(self, app: AppName) -> list[int]:
        """Forget the deploys and pushes of an app that is removed; return the deploys' numbers.

        A deploy that still runs becomes cancelled and stays until `sweep`: whoever runs it finds out, and so does who follows
        it. It has no app any more: another one of that name is not shown it.
        """
        removed = json.dumps(AppNotFound(f"{app} was removed", hint=f"deployhost add {app}").to_json())
        with self._database.transaction(durable=True) as db:
            forgotten = db.execute(
                f"DELETE FROM deploys WHERE {_OF_APP} AND status <> 'running' RETURNING id",  # noqa: S608 - no outside text
                (app,),
            ).fetchall()
            db.execute(
                f"UPDATE deploys SET status = 'cancelled', error = ?, finished_at = ?, forgotten = 1 WHERE {_OF_APP}",  # noqa: S608 - no outside text
                (removed, self._clock(), app),
            )
            db.execute("DELETE FROM pushes WHERE app = ?", (app,))
        return [int(row["id"]) for row in forgotten]

    def is_forgotten(self, number: int) -> bool:
        """Return whether a deploy's app was removed while it was queued or ran."""
        return not self._ids("id = ? AND NOT forgotten", number)

    def forgotten(self) -> list[Deploy]:
        """Return the deploys that ran while their app was removed."""
        return self._found("forgotten ORDER BY id")

    def sweep(self, number: int) -> None:
        """Delete a forgotten deploy that has left nothing else. Only safe while no deploy runs."""
        self._database.change("DELETE FROM deploys WHERE id = ? AND forgotten", number)

    def _first(self, where: str, *values: object) -> Deploy | None:
        return next(iter(self._found(f"{where} LIMIT 1", *values)), None)

    def _found(self, where: str, *values: object) -> list[Deploy]:
        # In one turn: between two of them another thread may forget the app.
        with self._database.reading():
            return [self.get(number) for number in self._ids(where, *values)]

    def _ids(self, where: str, *values: object) -> list[int]:
        rows = self._database.all(f"SELECT id FROM deploys WHERE {where}", *values)  # noqa: S608 - no outside text
        return [row["id"] for row in rows]


def _deploy(row: sqlite3.Row, phases: tuple[Phase, ...] = ()) -> Deploy:
    """Return a row as a deploy: but for `forgotten`, a column has the name of its field."""
    values = typed(row, _TYPES)
    del values["forgotten"]
    return Deploy(**values, phases=phases)
