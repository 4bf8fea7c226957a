"""One process that uses a SQLite database in the current directory, as an app would; it runs in a container of its own.

    python sqlite_process.py write NAME [--journal WAL] [--synchronous NORMAL] [--copies] [--exclusive] [--reopen 50]
    python sqlite_process.py boot NAME [--migration add_column|rebuild|copy_then_drop|replace_file]

What a write was acknowledged for goes to `acknowledged-NAME`, one identity per line, after the commit has returned.
"""

import argparse
import contextlib
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

DATABASE = Path("app.db")
PATIENCE = 5.0  # seconds that a statement waits for a lock: sqlite3's own default


def connect(asked: argparse.Namespace) -> sqlite3.Connection:
    """Return a connection in the mode that was asked for."""
    connection = sqlite3.connect(DATABASE, timeout=PATIENCE, isolation_level=None)
    if asked.exclusive:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute(f"PRAGMA journal_mode = {asked.journal}")
    connection.execute(f"PRAGMA synchronous = {asked.synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {asked.checkpoint}")
    connection.execute("CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, filler BLOB)")
    return connection


def write(asked: argparse.Namespace) -> None:
    """Write and acknowledge until the process is ended. A copy of the file by this very process drops its locks."""
    acknowledged = os.open(f"acknowledged-{asked.name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    connection = connect(asked)
    number = 0
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    while not ending.is_set():
        number += 1
        identity = f"{asked.name}-{number}"
        insert(connection, identity, asked)
        os.write(acknowledged, f"{identity}\n".encode())
        if asked.reopen and number % asked.reopen == 0:
            connection.close()
            connection = connect(asked)
        if asked.copies and number == asked.copies:
            DATABASE.read_bytes()  # opens and closes the file: POSIX then drops every lock this process holds on it
            Path(f"copied-{asked.name}").touch()
        time.sleep(asked.pause)
    if not asked.abrupt:
        connection.close()


def insert(connection: sqlite3.Connection, identity: str, asked: argparse.Namespace) -> None:
    """Insert one row and return once it is committed; with `hold`, the transaction is kept open so long."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO entries (id, filler) VALUES (?, randomblob(?))", (identity, asked.filler))
    if asked.hold:
        if asked.copies and identity.endswith(f"-{asked.copies}"):
            DATABASE.read_bytes()
            Path(f"copied-{asked.name}").touch()
        time.sleep(asked.hold)
    connection.execute("COMMIT")


def add_column(connection: sqlite3.Connection) -> None:
    """The most usual migration."""
    connection.execute("ALTER TABLE entries ADD COLUMN colour TEXT DEFAULT 'green'")


def rebuild(connection: sqlite3.Connection) -> None:
    """A new table in place of the old one, in one transaction, as SQLite's documentation advises."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE rebuilt (id TEXT PRIMARY KEY, filler BLOB, colour TEXT)")
    connection.execute("INSERT INTO rebuilt SELECT id, filler, 'green' FROM entries")
    time.sleep(0.3)
    connection.execute("DROP TABLE entries")
    connection.execute("ALTER TABLE rebuilt RENAME TO entries")
    connection.execute("COMMIT")


def copy_then_drop(connection: sqlite3.Connection) -> None:
    """The same without a transaction around it, as tools do that commit each statement."""
    connection.execute("CREATE TABLE rebuilt (id TEXT PRIMARY KEY, filler BLOB, colour TEXT)")
    connection.execute("INSERT INTO rebuilt SELECT id, filler, 'green' FROM entries")
    time.sleep(0.3)
    connection.execute("DROP TABLE entries")
    connection.execute("ALTER TABLE rebuilt RENAME TO entries")


def replace_file(connection: sqlite3.Connection) -> None:
    """A smaller or restored database takes the place of the file."""
    Path("smaller.db").unlink(missing_ok=True)
    connection.execute("VACUUM INTO 'smaller.db'")
    connection.close()
    time.sleep(0.3)
    Path("smaller.db").replace(DATABASE)
    for suffix in ("-wal", "-shm"):
        DATABASE.with_name(DATABASE.name + suffix).unlink(missing_ok=True)


MIGRATIONS: dict[str, Callable[[sqlite3.Connection], None]] = {
    "add_column": add_column,
    "rebuild": rebuild,
    "copy_then_drop": copy_then_drop,
    "replace_file": replace_file,
}


def boot(asked: argparse.Namespace) -> None:
    """Open, migrate and close, as a release does before it serves. Ends with 75 if the database is locked."""
    try:
        connection = connect(asked)
        if asked.migration:
            MIGRATIONS[asked.migration](connection)
        with contextlib.suppress(sqlite3.ProgrammingError):
            connection.close()
    except sqlite3.OperationalError as error:
        print(error, flush=True)
        sys.exit(75)


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("write", "boot"))
    parser.add_argument("name")
    parser.add_argument("--journal", default="WAL")
    parser.add_argument("--synchronous", default="NORMAL")
    parser.add_argument("--copies", type=int, default=0, help="read the whole file after so many writes")
    parser.add_argument("--exclusive", action="store_true")
    parser.add_argument("--reopen", type=int, default=0, help="close and open again after so many writes")
    parser.add_argument("--hold", type=float, default=0.0, help="seconds that a transaction is kept open")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between writes")
    parser.add_argument("--checkpoint", type=int, default=1000, help="pages in the WAL: SQLite's default is 1000")
    parser.add_argument("--filler", type=int, default=700, help="bytes of each row")
    parser.add_argument("--abrupt", action="store_true", help="end without closing the connection")
    parser.add_argument("--migration", choices=tuple(MIGRATIONS))
    asked = parser.parse_args()
    (write if asked.what == "write" else boot)(asked)


if __name__ == "__main__":
    main()
