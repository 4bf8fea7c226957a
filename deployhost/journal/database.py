"""Opening the journal: one connection behind one lock, migrations, transactions."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from deployhost.errors import FileProblem
from deployhost.journal.schema import MIGRATIONS


class Database:
    """Given the journal's path, open it (and bring its schema up to date). Raise FileProblem if that can't be done.

    Threads take turns: the journal sees a few small writes per deploy.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
        except (sqlite3.Error, OSError) as error:
            raise self._problem(error, "opened") from error

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one write transaction: all of it is kept, or nothing.

        Without `durable` the last moments may be lost in a power cut (never in a crash of ours); with it the commit is
        on the disk before this returns. Raise FileProblem if it can't be written (a full disk) or is damaged.
        """
        with self._lock:
            try:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.DatabaseError as error:
                raise self._problem(error, "written") from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for questions. Raise FileProblem if the journal can't be read or is damaged."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.DatabaseError as error:
                raise self._problem(error, "read") from error

    def _problem(self, error: Exception, what: str) -> FileProblem:
        # A file that is malformed or no database at all has no class of errors of its own; the disk's and locks' have. A table
        # that is missing although every migration has run is damage too; a row that breaks a rule is none.
        if type(error) is sqlite3.DatabaseError or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            return FileProblem(
                f"the journal {self._path} is damaged: {error}",
                hint=f"mv {self._path} {self._path}.damaged",
                details=(
                    "apps go on serving; what is known of past deploys is lost",
                    "deployhostd begins a new journal when it is started again",
                ),
            )
        hint = f"df -h {self._path.parent}" if what == "written" and isinstance(error, sqlite3.OperationalError) else ""
        return FileProblem(f"the journal {self._path} can't be {what}: {error}", hint=hint)

    def _migrate(self) -> None:
        done = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if done > len(MIGRATIONS):
            raise FileProblem("the journal was written by a newer deployhost", hint="./install.sh --local")
        for number, script in enumerate(MIGRATIONS[done:], start=done + 1):
            # executescript commits whatever is open, so the transaction and its record are part of the script.
            self._connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
