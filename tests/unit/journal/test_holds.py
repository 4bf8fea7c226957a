"""Holds in the journal: written before the proxy is told, gone once the requests are let go."""

from pathlib import Path

from deployhost.journal.database import Database
from deployhost.journal.holds import Holds
from deployhost.model import AppName, Hold

SHOP, BLOG = AppName("shop"), AppName("blog")


def test_a_hold_outlives_the_daemon(database: Database, path: Path) -> None:
    holds = Holds(database)
    shop, blog = Hold(SHOP, 1, "123:456", ("c1", "c2"), 5.5), Hold(BLOG, 2, "", (), 6.0)
    for hold in (shop, blog):
        holds.begin(hold)
    database.close()
    holds = Holds(Database(path))
    assert (holds.all(), holds.of_app(SHOP)) == ([blog, shop], shop)
    holds.end(SHOP)
    holds.end(SHOP)
    assert (holds.all(), holds.of_app(SHOP)) == ([blog], None)


def test_an_app_has_one_hold(database: Database) -> None:
    holds = Holds(database)
    for deploy in (1, 2):
        holds.begin(Hold(SHOP, deploy, "", (), 5.0))
    assert [hold.deploy for hold in holds.all()] == [2]
