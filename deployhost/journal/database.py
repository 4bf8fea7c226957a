"""Opening the journal: one connection behind one lock, migrations, transactions."""

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deployhost.errors import FileProblem
from deployhost.journal.schema import MIGRATIONS
from deployhost.system import files
from deployhost.system.service_manager import restart_command

BUSY = 10.0  # seconds to wait for another program that has the journal locked
MODE = 0o600
MEMORY = ":memory:"  # SQLite's name of a database that is no file
PRIMARY = 0xFF  # what of SQLite's extended error codes names the kind
# Every Debian and Ubuntu has it, unlike fuser and lsof; it names the file and the program.
WHO_LOCKS = "lslocks --notruncate"
log = logging.getLogger(__name__)


class Database:
    """The journal's file, opened, with its schema brought up to date. Raises FileProblem if that can't be done.

    Threads take turns: the journal sees a few small writes per deploy.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            self._migrate()
        except (sqlite3.Error, OSError) as error:
            raise self._problem(error, "opened") from error

    @property
    def changes(self) -> int:
        """Return a number that is another one whenever something was written."""
        with self._lock:
            return self._connection.total_changes

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._connection.close()

    def keep(self) -> tuple[str, ...]:
        """Have the journal at its path again if somebody deleted its file: what is open has everything yet. Return notes on that.

        Raises FileProblem if it can't be written there, or if another file lies there, which is left as it is.
        """
        with self._lock:
            found = _identity(self._path)
            if found == self._file:
                return ()
            if found is not None:
                raise FileProblem(
                    f"somebody replaced the journal {self._path}: what happens from now on is lost when deployhostd restarts",
                    hint=f"mv {self._path} {self._path}.other",
                    details=("once that file is moved away, the journal is written there again",),
                )
            try:
                self._write_anew()
            except (sqlite3.Error, OSError) as error:
                raise self._not_anew(error) from error
        note = (
            f"the journal {self._path} was deleted while deployhostd ran; it is written anew, with all that was in it"
        )
        log.warning("%s", note)
        return (note,)

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one write transaction: all of it is kept, or nothing.

        Without `durable` the last moments may be lost in a power cut (never in a crash of ours); with it the commit is
        on the disk before this returns. Raises FileProblem if it can't be written (a full disk) or is damaged.
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
        """Yield the connection for questions. Raises FileProblem if the journal can't be read or is damaged."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.DatabaseError as error:
                raise self._problem(error, "read") from error

    def all(self, question: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows that a question finds. Raises what `reading` raises."""
        with self.reading() as db:
            return db.execute(question, values).fetchall()

    def first(self, question: str, *values: object) -> sqlite3.Row | None:
        """Return the first row that a question finds, or None. Raises what `reading` raises."""
        return next(iter(self.all(question, *values)), None)

    def change(self, statement: str, *values: object, durable: bool = False) -> int:
        """Make one change in a transaction of its own and return how many rows it changed. Raises what `transaction` raises."""
        with self.transaction(durable=durable) as db:
            return db.execute(statement, values).rowcount

    def _write_anew(self) -> None:
        made = self._path.with_name(f"{self._path.name}.anew")
        made.unlink(missing_ok=True)
        made.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, MODE))  # an empty file is taken
        self._connection.execute("VACUUM INTO ?", (str(made),))
        with made.open("rb") as file:
            os.fsync(file.fileno())
        for log_of_before in ("-wal", "-shm"):  # SQLite would take them for the new file's
            self._path.with_name(f"{self._path.name}{log_of_before}").unlink(missing_ok=True)
        os.link(made, self._path)  # unlike a rename it never replaces what somebody has just put there
        made.unlink()
        files.sync_directory(made.parent)
        before = self._connection
        self._open()
        before.close()

    def _not_anew(self, error: Exception) -> FileProblem:
        said = f"the journal {self._path} was deleted and can't be written again: {error}"
        if isinstance(error, OSError | sqlite3.OperationalError):
            return FileProblem(said, hint=f"df -h {self._path.parent}")
        return FileProblem(
            said,
            hint=restart_command("deployhostd", os.getpid()),
            details=("deployhostd creates a new one when it starts",),
        )

    def _problem(self, error: Exception, what: str) -> FileProblem:
        # A file that is malformed or no database at all has no class of errors of its own; the disk's and locks' have. A table
        # that is missing although every migration has run is damage too; a row that breaks a rule is none.
        if type(error) is sqlite3.DatabaseError or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            return FileProblem(
                f"the journal {self._path} is damaged: {error}",
                hint=f"mv {self._path} {self._path}.damaged",
                details=(
                    "apps keep serving; the record of past deploys is lost",
                    "deployhostd creates a new journal when it starts",
                ),
            )
        hint = f"df -h {self._path.parent}" if what == "written" and isinstance(error, sqlite3.OperationalError) else ""
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            hint = WHO_LOCKS
        return FileProblem(f"the journal {self._path} can't be {what}: {error}", hint=hint)

    def _open(self) -> None:
        self._close_to_others()
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=BUSY)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        self._connection, self._file = connection, _identity(self._path)

    def _close_to_others(self) -> None:
        """Have the file, and its logs, readable by root only: whoever can read them can lock them, and stop every deploy.

        SQLite gives new logs the file's mode. Closing a descriptor would end the locks of a connection to the same file, so
        one that is there is not opened (sqlite.org/howtocorrupt.html, section 2.2).
        """
        if self._path.name == MEMORY:
            return
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, MODE))
        for log_of_it in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self._path.with_name(f"{self._path.name}{log_of_it}").chmod(MODE)

    def _migrate(self) -> None:
        done = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if done > len(MIGRATIONS):
            raise FileProblem("the journal was written by a newer deployhost", hint="./install.sh --local")
        for number, script in enumerate(MIGRATIONS[done:], start=done + 1):
            # executescript commits whatever is open, so the transaction and its record are part of the script.
            self._connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def typed(row: sqlite3.Row, types: Mapping[str, Callable[[Any], object]]) -> dict[str, Any]:
    """Return a row's values by column, made into the types that are given; NULL is None."""
    return {
        column: value if value is None or column not in types else types[column](value)
        for column, value in dict(row).items()
    }


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
