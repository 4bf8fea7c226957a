"""The journal on a real SQLite file: opened, migrated, deleted, and what of it a crash or another thread sees."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys, Push
from deployhost.journal.schema import MIGRATIONS
from deployhost.model import AppName, Branch, DeployStatus, Phase, Sha, Trigger, Version
from tests.fakes.journal import Ticking

SHOP, BLOG = AppName("shop"), AppName("blog")
ONE, TWO = Sha("1" * 40), Sha("2" * 40)


# Opening


def test_migrations_are_recorded(database: Database, path: Path) -> None:
    database.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    raw.close()


def test_old_journal_is_brought_up_to_date(path: Path) -> None:
    """A journal of each earlier schema gets what it lacks, and keeps what it has."""
    for have in range(1, len(MIGRATIONS)):
        old = path.with_name(f"{have}.db")
        old.parent.mkdir(exist_ok=True)
        raw = sqlite3.connect(old)
        raw.executescript("".join(MIGRATIONS[:have]) + f"PRAGMA user_version = {have};")
        raw.execute(
            "INSERT INTO deploys (app, sha, trigger, status, requested_at) VALUES ('shop', ?, 'push', 'live', 1)",
            (ONE,),
        )
        raw.commit()
        raw.close()
        deploys = Deploys(Database(old), Ticking())
        assert [deploy.sha for deploy in deploys.of_app(SHOP)] == [ONE]
        deploys.accept(SHOP, TWO, trigger=Trigger.PUSH, push=Push("refs/heads/main", ONE, "t"))
        assert deploys.of_push(SHOP, "t") is not None


def test_newer_journal_is_refused(database: Database, path: Path) -> None:
    with database.transaction() as db:
        pass
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    with pytest.raises(FileProblem, match="newer deployhost"):
        Database(path)


def test_journal_that_can_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(FileProblem, match="can't be opened") as failed:
        Database(tmp_path / "journal.db")
    assert "mv" not in failed.value.hint, "nothing is lost yet"


def test_rows_that_break_a_rule_are_no_damage(database: Database) -> None:
    with pytest.raises(FileProblem, match="can't be written: FOREIGN KEY") as failed, database.transaction() as db:
        db.execute("INSERT INTO phases (deploy, name, ms, position) VALUES (9, 'build', 1, 1)")
    assert failed.value.hint == ""


def test_reopened(deploys: Deploys, database: Database, path: Path) -> None:
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="first", branch=Branch("main"))
    database.close()
    again = Deploys(Database(path), Ticking()).of_app(SHOP)
    assert [(one.sha, one.subject, one.branch) for one in again] == [(ONE, "first", "main")]


def test_transactions_are_whole(deploys: Deploys, database: Database) -> None:
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)

    def broken_off() -> None:
        with database.transaction(durable=True) as db:
            db.execute("UPDATE deploys SET status = 'live'")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert deploys.of_app(SHOP)[0].status is DeployStatus.QUEUED
    deploys.accept(SHOP, TWO, trigger=Trigger.PUSH)


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_durable_waits_for_the_disk(database: Database, durable: bool, level: int) -> None:
    with database.transaction(durable=durable) as db:
        assert db.execute("PRAGMA synchronous").fetchone()[0] == level


def test_durable_is_seen_by_others_at_once(deploys: Deploys, path: Path) -> None:
    """What was accepted is there for whoever opens the journal after a kill -9 of ours."""
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT sha, status FROM deploys").fetchall() == [(ONE, "queued")]
    other.close()


def test_full_disk(deploys: Deploys, database: Database) -> None:
    with database.reading() as db:
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")

    def fill() -> None:
        for _ in range(200):
            deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="x" * 200)

    with pytest.raises(FileProblem, match="can't be written") as failed:
        fill()
    assert failed.value.hint.startswith("df -h")
    with database.reading() as db:
        db.execute("PRAGMA max_page_count = 100000")
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)


# The file that somebody deletes or replaces while it is open


def test_deleted_file_is_written_anew(deploys: Deploys, database: Database, path: Path) -> None:
    for _ in range(50):
        deploys.accept(BLOG, ONE, trigger=Trigger.PUSH, subject="x" * 500)
    with database.reading() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    deploys.forget(BLOG)  # the new file has other pages, which the log of the old one would lie over
    first = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="one")
    assert database.keep() == ()
    path.unlink()
    second = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH, subject="two")
    [note] = database.keep()
    assert note.startswith(f"the journal {path} was deleted while deployhostd ran; it is written anew")
    assert database.keep() == ()
    third = deploys.accept(BLOG, ONE, trigger=Trigger.PUSH)
    assert sorted(one.name for one in path.parent.iterdir()) == ["journal.db", "journal.db-shm", "journal.db-wal"]
    # As whoever is started after a kill -9 sees it.
    following = Deploys(Database(path), Ticking())
    assert following.of_app(SHOP) == [second, first]
    assert following.of_app(BLOG) == [third]
    assert following.highest() == third.id
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert raw.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    raw.close()


@pytest.mark.parametrize("whole", [True, False], ids=["directory", "all its files"])
def test_everything_around_it_deleted(deploys: Deploys, database: Database, path: Path, whole: bool) -> None:
    accepted = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    for file in path.parent.iterdir():
        file.unlink()
    if whole:
        path.parent.rmdir()
    assert len(database.keep()) == 1
    assert Deploys(Database(path), Ticking()).of_app(SHOP) == [accepted]


def test_a_file_that_comes_in_the_meantime_is_left(
    deploys: Deploys, database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    path.unlink()
    link = os.link

    def link_later(source: Path, target: Path) -> None:
        target.write_bytes(b"theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", link_later)
    with pytest.raises(FileProblem, match="can't be written again"):
        database.keep()
    assert path.read_bytes() == b"theirs"
    assert deploys.of_app(SHOP) == [accepted]


def test_deleted_file_that_was_damaged(deploys: Deploys, database: Database, path: Path) -> None:
    for _ in range(50):
        deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="x" * 500)
    database.close()
    damaged = Database(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    path.unlink()
    with pytest.raises(FileProblem, match="can't be written again") as told:
        damaged.keep()
    assert told.value.hint in (f"kill {os.getpid()}", "systemctl restart deployhostd"), "as this machine keeps services"
    assert told.value.details == ("deployhostd creates a new one when it starts",)


def test_two_threads(deploys: Deploys) -> None:
    def work(app: AppName) -> None:
        for _ in range(25):
            deploy = deploys.accept(app, ONE, trigger=Trigger.PUSH)
            begun = deploys.begin(deploy, Version(f"{ONE}-{deploy.id}"))
            assert begun is not None
            deploys.timed(deploy.id, Phase("build", 1.0))
            deploys.end(deploy.id, DeployStatus.FAILED)

    threads = [threading.Thread(target=work, args=(app,)) for app in (SHOP, BLOG)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = deploys.of_app(SHOP, 100) + deploys.of_app(BLOG, 100)
    assert sorted(deploy.id for deploy in both) == list(range(1, 51))
    assert {(deploy.status, deploy.attempt, deploy.phases) for deploy in both} == {
        (DeployStatus.FAILED, 1, (Phase("build", 1.0),))
    }
