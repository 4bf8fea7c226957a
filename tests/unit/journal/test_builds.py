"""When builds ran, as the journal has it."""

from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.journal.builds import SEEN_EVERY, Builds
from deployhost.journal.database import Database
from deployhost.model import Span


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "journal.db")


def test_builds_side_by_side(database: Database, clock: Clock) -> None:
    builds = Builds(database, clock)
    first = builds.begin()
    clock.now += 5
    second = builds.begin()
    clock.now += 5
    first.end()
    clock.now += 5
    second.end()
    assert builds.spans() == [Span(1000, 1010), Span(1005, 1015)]
    builds.forget_before(1012)
    assert builds.spans() == [Span(1005, 1015)]


def test_of_a_build_that_nobody_saw_end_the_last_sign_counts(database: Database, clock: Clock) -> None:
    builds = Builds(database, clock)
    build = builds.begin()
    clock.now += SEEN_EVERY / 2
    build.seen()
    assert builds.spans() == [Span(1000, 1000)], "not each line of output is written down"
    clock.now += SEEN_EVERY
    build.seen()
    assert Builds(database, clock).spans() == [Span(1000, clock.now)]


def test_a_journal_that_can_not_be_written_does_not_fail_the_build_meanwhile(database: Database, clock: Clock) -> None:
    build = Builds(database, clock).begin()
    with database.transaction() as db:
        db.execute("DROP TABLE builds")
    clock.now += 2 * SEEN_EVERY
    build.seen()
    with pytest.raises(FileProblem):
        build.end()
