"""Which repository each app is deployed from, and why one can't be looked at."""

import dataclasses
from pathlib import Path

import pytest

from deployhost.errors import InvalidRequest, NotFound
from deployhost.journal.database import Database
from deployhost.journal.pinned import PinnedSource
from deployhost.journal.sources import Sources
from deployhost.model import AppName, Branch, RepositoryName, Sha
from tests.fakes.journal import Ticking

SHOP, BLOG = AppName("shop"), AppName("blog")
PIN = PinnedSource(
    app=SHOP,
    connection="0123456789abcdef",
    host="https://github.com",
    repository=7,
    written=RepositoryName("acme/shop"),
    current=RepositoryName("acme/Shop2"),
    default_branch=Branch("main"),
    skipped=Sha("a" * 40),
    skipped_after=3,
)


@pytest.fixture
def sources(database: Database) -> Sources:
    return Sources(database, Ticking())


def test_a_pin_outlives_the_daemon(sources: Sources, database: Database, path: Path) -> None:
    assert sources.of(SHOP) is None
    sources.pin(PIN)
    database.close()
    sources = Sources(Database(path), Ticking())
    assert sources.of(SHOP) == PIN
    plain = dataclasses.replace(PIN, app=BLOG, default_branch=None, skipped=None, skipped_after=0)
    sources.pin(plain)
    assert sources.of_repository(7) == [plain, PIN]
    assert sources.of_repository(8) == []
    assert sources.all() == [plain, PIN]


def test_a_problem_lasts_since_it_began(sources: Sources) -> None:
    assert sources.fails(SHOP, NotFound("it is gone", hint="do"))
    first = sources.problem(SHOP)
    assert first is not None
    assert (first.app, first.error["message"], first.error["hint"]) == (SHOP, "it is gone", "do")
    assert not sources.fails(SHOP, NotFound("it is gone"))
    assert sources.problem(SHOP) == first, "the same"
    assert not sources.fails(SHOP, NotFound("it is gone, really"))
    again = sources.problem(SHOP)
    assert again is not None
    assert (again.error["message"], again.since) == ("it is gone, really", first.since), "the same kind"
    assert sources.fails(SHOP, InvalidRequest("another"))
    other = sources.problem(SHOP)
    assert other is not None
    assert other.since > first.since
    assert sources.problem(BLOG) is None
    assert sources.went_well(SHOP)
    assert not sources.went_well(SHOP)
    assert sources.problem(SHOP) is None


def test_what_is_removed_is_forgotten(sources: Sources) -> None:
    sources.pin(PIN)
    sources.fails(SHOP, NotFound("it is gone"))
    sources.fails(BLOG, NotFound("it is gone"))
    sources.forget(SHOP)
    assert sources.of(SHOP) is None
    assert sources.problem(SHOP) is None
    assert sources.problem(BLOG) is not None
