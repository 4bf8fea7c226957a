"""Removals in the journal: what has begun is known after a crash, and whether its data goes too."""

from pathlib import Path

from deployhost.journal.database import Database
from deployhost.journal.removals import TAKEN_OUT, Removals
from deployhost.model import AppName

SHOP, BLOG = AppName("shop"), AppName("blog")


def test_a_removal_outlives_the_daemon(database: Database, path: Path) -> None:
    removals = Removals(database)
    removals.begin(SHOP, with_storage=True)
    removals.begin(BLOG, with_storage=False)
    database.close()
    removals = Removals(Database(path))
    assert removals.open() == {SHOP: True, BLOG: False}
    removals.done(SHOP)
    assert removals.open() == {BLOG: False}


def test_how_far_it_has_come(database: Database) -> None:
    removals = Removals(database)
    assert removals.taken_out(SHOP) == ""
    removals.begin(SHOP, with_storage=False)
    assert removals.taken_out(SHOP) == ""
    for entry in ("a digest", TAKEN_OUT, ""):
        removals.note_taken_out(SHOP, entry)
        assert removals.taken_out(SHOP) == entry
    removals.begin(SHOP, with_storage=False, listed=False)
    assert removals.taken_out(SHOP) == TAKEN_OUT, "apps.yml does not list it: nothing is to be taken out"
