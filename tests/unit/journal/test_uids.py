"""Whose number is whose, and whose hands storage came from."""

from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.journal.database import Database
from deployhost.journal.releases import Releases
from deployhost.journal.uids import StorageOwners, Uids
from deployhost.model import AppName
from deployhost.system.owners import Owner

SHOP, BLOG = AppName("shop"), AppName("blog")
OLD, NEW = Owner(10001, 10001), Owner(2**20, 2**20)


def test_a_number_is_one_apps(database: Database, path: Path) -> None:
    uids = Uids(database)
    uids.give(SHOP, 7)
    with pytest.raises(FileProblem):
        uids.give(BLOG, 7)
    uids.give(BLOG, 8)
    uids.give(SHOP, 9)
    Releases(database, lambda: 0.0).forget(SHOP)
    database.close()
    uids = Uids(Database(path))
    assert uids.all() == {SHOP: 9, BLOG: 8}
    assert (uids.of(SHOP), uids.of(AppName("site"))) == (9, None)
    assert (uids.app_of(8), uids.app_of(7)) == (BLOG, None)


def test_whose_storage_it_was(database: Database) -> None:
    owners = StorageOwners(database)
    assert owners.of(SHOP) == ()
    owners.note(SHOP, (OLD, NEW))
    owners.note(BLOG, (NEW,))
    assert owners.of(SHOP) == (OLD, NEW)
    owners.settled(SHOP)
    Releases(database, lambda: 0.0).forget(BLOG)
    assert owners.of(SHOP) == owners.of(BLOG) == ()
