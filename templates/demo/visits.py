"""Counts visits by release: in a SQLite file where there is storage, in memory where there is none."""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS releases (
    version TEXT PRIMARY KEY,
    first_seen REAL NOT NULL,
    took REAL,
    visits INTEGER NOT NULL DEFAULT 0
) STRICT
"""


@dataclass(frozen=True)
class Release:
    """A version that has run here: when it was first seen, the seconds from push to running (if known), its visits."""

    version: str
    first_seen: float
    took: float | None
    visits: int


class InMemory:
    """Counts for as long as this process lives."""

    kept = False

    def __init__(self, version: str, took: float | None) -> None:
        self._lock = threading.Lock()
        self._release = Release(version, time.time(), took, 0)

    def count(self) -> None:
        """Count one visit."""
        with self._lock:
            self._release = replace(self._release, visits=self._release.visits + 1)

    def releases(self) -> list[Release]:
        """Return the releases, newest first."""
        return [self._release]


class _OfThread(threading.local):
    connection: sqlite3.Connection | None = None


class InFile:
    """Counts in a file that outlives releases. During a deploy the old and the new release both write to it."""

    kept = True

    def __init__(self, file: Path, version: str, took: float | None) -> None:
        self._file = file
        self._version = version
        self._took = took
        self._thread = _OfThread()
        with closing(self._open()) as connection:
            # WAL: readers never wait for a writer. It is a property of the file, set once.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(SCHEMA)
        self._add(visits=0)

    def count(self) -> None:
        """Count one visit."""
        self._add(visits=1)

    def releases(self) -> list[Release]:
        """Return the releases, newest first."""
        rows = self._connection().execute(
            "SELECT version, first_seen, took, visits FROM releases ORDER BY first_seen DESC, version"
        )
        return [Release(*row) for row in rows]

    def _add(self, visits: int) -> None:
        # One statement is one transaction, so two containers that count at once lose nothing. A release that starts
        # again keeps what its first start took.
        self._connection().execute(
            "INSERT INTO releases (version, first_seen, took, visits) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (version) DO UPDATE SET visits = visits + excluded.visits",
            (self._version, time.time(), self._took, visits),
        )

    def _connection(self) -> sqlite3.Connection:
        # One per thread: a connection must not be shared, and closing the last one after each request would
        # checkpoint the file each time.
        if self._thread.connection is None:
            self._thread.connection = self._open()
        return self._thread.connection

    def _open(self) -> sqlite3.Connection:
        # `timeout` is SQLite's busy_timeout: wait for another writer instead of failing.
        connection = sqlite3.connect(self._file, timeout=10, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection
