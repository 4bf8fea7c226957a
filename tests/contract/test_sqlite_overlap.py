"""Can two releases that overlap lose a committed write of a SQLite database on the host's file system? Asked of SQLite itself.

Each process is a container of its own (own PID and mount namespaces) with the same directory bound into it, as storage is.
A write counts as acknowledged once its COMMIT has returned. ARCHITECTURE.md says what follows from the answers.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployhost.build.bases import Bases
from deployhost.system.docker import Docker
from tests.real.system_under_test import docker, eventually

BASE = "python:3.13-slim"
PROGRAM = Path(__file__).with_name("sqlite_process.py")
LABEL = "xsqlite-overlap"


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the image of Python: from a registry or made here."""
    Bases(Docker(), tmp_path_factory.mktemp("bases")).ensure(BASE, say=print)


@dataclass(frozen=True)
class Outcome:
    """By process the writes it was told are committed and those of them that are lost, and what SQLite says of the file."""

    acknowledged: dict[str, int]
    lost: dict[str, int]
    integrity: str

    @property
    def harmed(self) -> bool:
        """Return whether a committed write is lost or the file is damaged."""
        return any(self.lost.values()) or self.integrity != "ok"


class Storage:
    """A directory on the host, and the containers that have it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._containers: dict[str, str] = {}

    def run(self, what: str, name: str, *arguments: str, writes: int = 3) -> None:
        """Start a process; return, for a writer, once so many writes of it are acknowledged."""
        self._containers[name] = docker(
            *("run", "--detach", "--init", f"--label={LABEL}", "--stop-timeout=5", "--workdir=/storage"),
            *(f"--volume={self.directory}:/storage", f"--volume={PROGRAM}:/sqlite_process.py:ro"),
            *(BASE, "python", "/sqlite_process.py", what, name, *arguments),
        )
        if what == "write":
            eventually(lambda: len(self.acknowledged(name)) >= writes, within=20, what=f"{name} writes")

    def boot(self, name: str, *arguments: str) -> tuple[int, str]:
        """Run a release's boot to its end; return its exit code and what it said."""
        self.run("boot", name, *arguments)
        code = int(docker("wait", self._containers[name]))
        return code, docker("logs", self._containers[name])

    def end(self, name: str, how: str = "TERM") -> None:
        """End a process that must still be running, by a signal, and wait until it has ended."""
        container = self._containers[name]
        assert self.running(name), docker("logs", container, check=False)
        if how == "TERM":
            docker("stop", "--time=10", container)
        else:
            docker("kill", "--signal=KILL", container)
            docker("wait", container)

    def end_if_running(self, name: str) -> None:
        """End a process that may have ended by itself, as one does whose database is damaged."""
        if self.running(name):
            self.end(name)

    def running(self, name: str) -> bool:
        """Return whether that process has not ended."""
        return docker("inspect", "--format={{.State.Running}}", self._containers[name]) == "true"

    def acknowledged(self, name: str) -> list[str]:
        """Return the writes that this process was told are committed."""
        path = self.directory / f"acknowledged-{name}"
        return path.read_text().split() if path.exists() else []

    def copied(self, name: str) -> bool:
        """Return whether that process has copied the database's file."""
        return (self.directory / f"copied-{name}").exists()

    def outcome(self) -> Outcome:
        """Return what became of the acknowledged writes. Every process must have ended."""
        writers = sorted(path.name.removeprefix("acknowledged-") for path in self.directory.glob("acknowledged-*"))
        told = {name: self.acknowledged(name) for name in writers}
        counts = {name: len(identities) for name, identities in told.items()}
        try:
            with contextlib.closing(sqlite3.connect(self.directory / "app.db")) as connection:
                integrity = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
                there = {row[0] for row in connection.execute("SELECT id FROM entries NOT INDEXED")}
        except sqlite3.DatabaseError as error:
            return Outcome(counts, counts, str(error))
        return Outcome(counts, {name: len(set(told[name]) - there) for name in writers}, integrity)

    def remove(self) -> None:
        """Remove the containers."""
        for container in self._containers.values():
            docker("rm", "--force", "--volumes", container, check=False)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    made = Storage(tmp_path)
    yield made
    made.remove()


@pytest.mark.parametrize("end", ["TERM", "KILL"])
@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
@pytest.mark.parametrize("journal", ["WAL", "DELETE", "TRUNCATE"])
def test_processes_that_keep_to_sqlites_rules_lose_nothing(
    storage: Storage, journal: str, synchronous: str, end: str
) -> None:
    """Four generations; each begins while the one before writes, which is then ended in the middle of its writes."""
    mode = (f"--journal={journal}", f"--synchronous={synchronous}", "--pause=0.002", "--reopen=40", "--checkpoint=20")
    storage.run("write", "release1", *mode)
    for number in (2, 3, 4):
        old, new = f"release{number - 1}", f"release{number}"
        storage.run("write", new, *mode)
        before = {name: len(storage.acknowledged(name)) for name in (old, new)}

        def both_write(before: dict[str, int] = before) -> bool:
            return all(len(storage.acknowledged(name)) > count for name, count in before.items())

        time.sleep(0.6)
        # A machine that is busy with other things may take longer for a write that waits for the disk.
        eventually(both_write, within=20, what="both write at once")
        storage.end(old, end)
    storage.end("release4", end)
    outcome = storage.outcome()
    print(f"{journal}, {synchronous}, ended by {end}: {outcome}")
    assert not outcome.harmed


class TestAProcessThatCopiedTheFileItself:
    """It opened and closed the database's file: POSIX drops every lock that the process has on it.

    That is https://www.sqlite.org/howtocorrupt.html section 2.2, and harmless for as long as no other process comes.
    """

    WRITER = ("--pause=0.005", "--copies=20", "--filler=100")

    @pytest.mark.parametrize("end", ["TERM", "KILL"])
    def test_in_an_overlap_it_writes_on_into_a_wal_that_is_gone(self, storage: Storage, end: str) -> None:
        storage.run("write", "old", *self.WRITER)
        eventually(lambda: storage.copied("old"), within=20, what="the copy")
        # The new release's boot is the last connection as far as locks tell: it removes the WAL as it closes.
        assert storage.boot("boot", "--migration=add_column") == (0, "")
        before = len(storage.acknowledged("old"))
        storage.run("write", "new", "--pause=0.005", "--filler=100")
        eventually(lambda: len(storage.acknowledged("old")) > before + 100, within=20, what="the old one writes on")
        storage.end("old", end)
        storage.end("new")
        outcome = storage.outcome()
        print(f"WAL, copied, overlap, old ended by {end}: {outcome}")
        assert outcome.harmed, "if this no longer loses writes, overlap may be safe for such an app"

    @pytest.mark.parametrize("end", ["TERM", "KILL"])
    def test_in_a_handover_nothing_is_lost(self, storage: Storage, end: str) -> None:
        storage.run("write", "old", *self.WRITER)
        eventually(lambda: storage.copied("old"), within=20, what="the copy")
        eventually(lambda: len(storage.acknowledged("old")) > 120, within=20, what="the old one writes on")
        storage.end("old", end)
        assert storage.boot("boot", "--migration=add_column") == (0, "")
        storage.run("write", "new", "--pause=0.005")
        storage.end("new")
        assert not storage.outcome().harmed

    @pytest.mark.parametrize("order", ["overlap", "handover"])
    def test_with_a_rollback_journal_it_writes_over_what_the_other_committed(
        self, storage: Storage, order: str
    ) -> None:
        storage.run("write", "old", "--journal=DELETE", "--copies=5", "--hold=0.6")
        eventually(lambda: storage.copied("old"), within=30, what="the copy, in the middle of a transaction")
        if order == "handover":
            storage.end("old", "KILL")
        storage.run("write", "new", "--journal=DELETE", "--pause=0.005")
        time.sleep(1)
        for name in ("old", "new"):
            storage.end_if_running(name)
        outcome = storage.outcome()
        print(f"DELETE, copied, {order}: {outcome}")
        assert outcome.harmed == (order == "overlap")


class TestOneProcessAtATime:
    """Apps that take the database for themselves: a second one does not even boot."""

    @pytest.mark.parametrize("how", [("--exclusive",), ("--exclusive", "--journal=DELETE"), ("--hold=30",)])
    def test_the_new_release_can_not_boot_while_the_old_one_serves(
        self, storage: Storage, how: tuple[str, ...]
    ) -> None:
        assert storage.boot("first") == (0, "")
        storage.run("write", "old", *how, "--pause=0.01", writes=0 if "--hold=30" in how else 3)
        time.sleep(1)
        assert storage.boot("boot", "--migration=add_column") == (75, "database is locked")
        storage.end("old", "KILL")
        assert storage.boot("after", "--migration=add_column") == (0, "")
        assert not storage.outcome().harmed


class TestMigrations:
    """The new release migrates as it boots. What a migration does in one transaction is safe in both orders, the rest is not."""

    SAFE = ("add_column", "rebuild")
    UNSAFE = ("copy_then_drop", "replace_file")

    @pytest.mark.parametrize("migration", SAFE + UNSAFE)
    def test_while_the_old_one_serves(self, storage: Storage, migration: str) -> None:
        storage.run("write", "old", "--pause=0.002", "--abrupt")
        code, said = storage.boot("boot", f"--migration={migration}")
        assert (code, said) == (0, "")
        if migration in self.SAFE:
            before = len(storage.acknowledged("old"))
            eventually(lambda: len(storage.acknowledged("old")) > before, within=20, what="the old one writes on")
        time.sleep(0.3)
        storage.end_if_running("old")  # without the transaction it may have met a table that was not there
        outcome = storage.outcome()
        print(f"overlap, {migration}: {outcome}")
        assert outcome.harmed == (migration in self.UNSAFE)

    @pytest.mark.parametrize("migration", SAFE + UNSAFE)
    def test_after_the_old_one_has_ended(self, storage: Storage, migration: str) -> None:
        storage.run("write", "old", "--pause=0.002", "--abrupt")
        storage.end("old", "KILL")
        assert storage.boot("boot", f"--migration={migration}") == (0, "")
        assert not storage.outcome().harmed
