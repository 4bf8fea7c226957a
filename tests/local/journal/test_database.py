"""Hints of the journal's errors are commands that do what they promise."""

import os
import sqlite3
import subprocess
import sys
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


def mode_of(path: Path) -> dict[str, str]:
    return {one.name: oct(one.stat().st_mode & 0o777) for one in path.parent.glob(f"{path.name}*")}


@pytest.mark.parametrize("before", [None, 0o644])
def test_only_its_owner_can_open_it(tmp_path: Path, before: int | None) -> None:
    """Whoever can read it can lock it (SQLite's locks are fcntl(2)'s), and then no deploy is accepted any more."""
    path = tmp_path / "journal.db"
    if before is not None:  # as earlier versions made it, its logs too
        database = Database(path)
        Deploys(database, Ticking()).accept(SHOP, ONE, trigger=Trigger.PUSH)
        for one in tmp_path.glob("journal.db*"):
            one.chmod(before)
        crashed = {one.name: one.read_bytes() for one in tmp_path.glob("journal.db*")}
        database.close()
        for name, data in crashed.items():
            (tmp_path / name).write_bytes(data)
            (tmp_path / name).chmod(before)
    database = Database(path)
    deploys = Deploys(database, Ticking())
    deploys.accept(SHOP, TWO, trigger=Trigger.PUSH)
    assert mode_of(path) == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), "0o600")
    assert len(deploys.of_app(SHOP)) == (1 if before is None else 2)
    path.unlink()
    assert len(database.keep()) == 1
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    assert set(mode_of(path).values()) == {"0o600"}
    database.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="another account is needed")
def test_a_local_account_can_not_lock_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    database = Database(path)
    locks = (
        "import fcntl, os, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        fcntl.lockf(os.open(name, os.O_RDONLY), fcntl.LOCK_SH)\n"
        "        print('locked')\n"
        "    except PermissionError:\n"
        "        print('refused')\n"
    )
    argv = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", locks]
    tried = subprocess.run(
        [*argv, *map(str, tmp_path.glob("journal.db*"))], capture_output=True, text=True, check=True
    ).stdout.split()
    assert tried == ["refused"] * 3
    database.close()
