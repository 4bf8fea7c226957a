"""Hints of the journal's errors are commands that do what they promise."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Sha, Trigger
from tests.fakes.journal import Ticking

SHOP = AppName("shop")
ONE, TWO = Sha("1" * 40), Sha("2" * 40)


def test_what_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database, and it is longer than a header" * 10)
    with pytest.raises(FileProblem, match="is damaged") as failed:
        Database(tmp_path / "journal.db")
    assert failed.value.message.startswith(f"the journal {tmp_path}/journal.db is damaged: ")
    assert failed.value.details[0] == "apps keep serving; the record of past deploys is lost"
    # The hint is what mends it.
    subprocess.run(failed.value.hint.split(), check=True)
    assert Deploys(Database(tmp_path / "journal.db"), Ticking()).of_app(SHOP) == []
    assert (tmp_path / "journal.db.damaged").exists()


def test_journal_that_is_damaged_later(deploys: Deploys, database: Database, path: Path) -> None:
    """Reading and writing say so, and its log beside it does not spoil the one that takes its place."""
    for _ in range(50):
        deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="x" * 500)
    database.close()
    damaged = Deploys(Database(path), Ticking())
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(FileProblem, match="is damaged") as read:
        damaged.of_app(SHOP)
    with pytest.raises(FileProblem, match="is damaged") as written:
        damaged.accept(SHOP, TWO, trigger=Trigger.PUSH)
    assert read.value.hint == written.value.hint == f"mv {path} {path}.damaged"
    subprocess.run(read.value.hint.split(), check=True)
    fresh = Deploys(Database(path), Ticking())
    assert fresh.of_app(SHOP) == []
    fresh.accept(SHOP, TWO, trigger=Trigger.PUSH)


def test_another_file_in_its_place_is_left(deploys: Deploys, database: Database, path: Path) -> None:
    accepted = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    path.unlink()
    path.write_bytes(b"a backup of somebody's")
    with pytest.raises(FileProblem, match="somebody replaced the journal") as told:
        database.keep()
    assert path.read_bytes() == b"a backup of somebody's"
    assert deploys.of_app(SHOP) == [accepted]
    subprocess.run(told.value.hint.split(), check=True)
    assert len(database.keep()) == 1
    assert Deploys(Database(path), Ticking()).of_app(SHOP) == [accepted]
    assert path.with_name("journal.db.other").read_bytes() == b"a backup of somebody's"


def test_locked_by_another_program(deploys: Deploys, path: Path, database: Database) -> None:
    """The disk is not what is to be looked at."""
    with database.reading() as db:
        db.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(FileProblem, match="can't be written: database is locked") as failed:
        deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    assert failed.value.hint == "lslocks --notruncate"
    listed = subprocess.run(failed.value.hint.split(), check=True, capture_output=True, text=True).stdout
    assert f"{path}-shm" in listed, "it names the file, and beside it who has it locked"
    other.close()
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
