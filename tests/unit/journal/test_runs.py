"""The last runs of periodic jobs in the journal."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.errors import FileProblem
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.last_run import JobKey, Run
from deployhost.journal.runs import Runs
from deployhost.journal.schema import MIGRATIONS
from deployhost.model import AppName, Sha, Trigger

SHOP, BLOG = AppName("shop"), AppName("blog")
BEFORE = 8  # the version of the schema that had no runs


def test_the_last_run_of_each_is_kept(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.db")
    runs = Runs(database)
    assert runs.last() == {}
    runs.write(("backing up", SHOP), Run(1.5))
    runs.write(("backing up", BLOG), Run(2.0, 3.0, 3.0))
    runs.write(("collecting", None), Run(1.0))
    runs.write(("collecting", None), Run(4.0, 5.0, 0.5, "no room"))
    kept = {
        ("backing up", SHOP): Run(1.5),
        ("backing up", BLOG): Run(2.0, 3.0, 3.0),
        ("collecting", None): Run(4.0, 5.0, 0.5, "no room"),
    }
    assert runs.last() == kept
    database.close()
    runs = Runs(Database(tmp_path / "journal.db"))
    assert runs.last() == kept
    runs.forget(("backing up", BLOG))
    runs.forget(("never", None))
    assert set(runs.last()) == {("backing up", SHOP), ("collecting", None)}
    runs.database.close()


@pytest.mark.parametrize(
    ("run", "well"),
    [
        (Run(1.0), False),
        (Run(1.0, 2.0, 2.0), True),
        (Run(1.0, 2.0, 0.5), False),
        (Run(1.0, None, 0.5), False),
        (Run(1.0, 2.0), False),
    ],
)
def test_whether_it_went_well(run: Run, *, well: bool) -> None:
    assert run.went_well is well


moments = st.floats(0, 1e11)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(
    st.tuples(st.text("ab ", min_size=1, max_size=3), st.sampled_from([None, SHOP, BLOG])),
    st.builds(Run, moments, st.none() | moments, st.none() | moments, st.text("x", max_size=2)),
))  # fmt: skip
def test_what_is_written_is_read(kept: dict[JobKey, Run]) -> None:
    """To the bit, since `went_well` compares times."""
    database = Database(Path(":memory:"))
    runs = Runs(database)
    for key, run in kept.items():
        runs.write(key, run)
    assert runs.last() == kept
    database.close()


def test_a_journal_from_before(tmp_path: Path) -> None:
    """It gets the table, and what it has stays."""
    path, one = tmp_path / "journal.db", Sha("1" * 40)
    raw = sqlite3.connect(path)
    raw.executescript("".join(MIGRATIONS[:BEFORE]) + f"PRAGMA user_version = {BEFORE};")
    raw.execute(
        "INSERT INTO deploys (app, sha, trigger, status, requested_at) VALUES ('shop', ?, 'push', 'live', 1)", (one,)
    )
    raw.commit()
    before = set(raw.execute("SELECT name, sql FROM sqlite_master"))
    raw.close()
    database = Database(path)
    runs, deploys = Runs(database), Deploys(database, lambda: 2.0)
    assert runs.last() == {}
    runs.write(("backing up", SHOP), Run(1.0, 2.0, 2.0))
    assert runs.last() == {("backing up", SHOP): Run(1.0, 2.0, 2.0)}
    assert [deploy.sha for deploy in deploys.of_app(SHOP)] == [one]
    deploys.accept(SHOP, one, trigger=Trigger.PUSH)
    with database.reading() as connection:
        after = {tuple(row) for row in connection.execute("SELECT name, sql FROM sqlite_master")}
    assert before < after, "nothing but additions"
    assert "runs" in {name for name, _ in after - before}
    database.close()


def test_a_migration_that_is_broken_off(tmp_path: Path) -> None:
    """The table and the note that it is there come together, or not at all."""
    path = tmp_path / "journal.db"
    raw = sqlite3.connect(path)
    raw.executescript("".join(MIGRATIONS[:BEFORE]) + f"PRAGMA user_version = {BEFORE};")
    raw.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[BEFORE]}")
    raw.close()  # without its COMMIT
    database = Database(path)
    assert Runs(database).last() == {}
    database.close()


def test_a_full_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.db")
    with database.transaction() as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'full'); END")
    runs = Runs(database)
    with pytest.raises(FileProblem):
        runs.write(("backing up", SHOP), Run(1.0))
    assert runs.last() == {}
    database.close()
