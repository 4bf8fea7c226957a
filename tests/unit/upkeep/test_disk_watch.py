"""A disk that fills up while builds run: they end one after the other, until there is room again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.config.server import ServerSettings
from deployhost.errors import BuildFailed, DiskFull, DockerUnavailable
from deployhost.system.stop import Deadline, Stop
from deployhost.upkeep.disk import MAKE_ROOM
from deployhost.upkeep.disk_plan import GIB, Space
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.disk_watch import DiskWatch
from tests.fakes.assembled import wait_until

DISK = Space("/var/lib/docker", 100 * GIB, 50 * GIB, 6_000_000, 5_000_000)
FULL = replace(DISK, free=2 * GIB)


class Filling(Disks):
    """A disk whose room a test sets; it counts the looks."""

    def __init__(self) -> None:
        self.space, self.looks, self.down = DISK, 0, False

    def all(self) -> list[Space]:
        self.looks += 1
        if self.down:
            raise DockerUnavailable("the Docker engine does not answer")
        return [self.space]


@pytest.fixture
def disk() -> Filling:
    return Filling()


@pytest.fixture
def watch(disk: Filling, tmp_path: Path) -> DiskWatch:
    return DiskWatch(disks=disk, settings=ServerSettings(tmp_path / "server.yml"), every=0.002, released=0.002)


@contextmanager
def building(watch: DiskWatch, builds: int) -> Iterator[list[Deadline]]:
    deadlines = [Deadline() for _ in range(builds)]
    with ExitStack() as stack:
        for deadline in deadlines:
            stack.enter_context(deadline.running(Stop(), 60, lambda: BuildFailed("too long")))
            stack.enter_context(watch.watching(deadline))
        yield deadlines


def test_a_build_that_fills_the_disk_is_ended_with_the_reason(watch: DiskWatch, disk: Filling) -> None:
    with building(watch, 1) as (build,):
        wait_until(lambda: disk.looks > 2)
        assert not build.is_set()
        disk.space = FULL
        assert build.wait(5)
    assert isinstance(build.why, DiskFull)
    assert build.why.message == (
        "the build was ended: it left the disk of /var/lib/docker only 2 GB of 100 GB (room for 5,000,000 more files)"
    )
    assert build.why.hint == MAKE_ROOM


def test_the_oldest_ends_first_and_the_others_only_if_that_was_not_enough(watch: DiskWatch, disk: Filling) -> None:
    watch.released = 60
    with building(watch, 2) as (first, second):
        disk.space = FULL
        assert first.wait(5)
        looks = disk.looks
        wait_until(lambda: disk.looks > looks + 2)
        assert not second.is_set(), "what was ended has time to give back its room"
        watch._next = 0
        assert second.wait(5)


def test_too_many_files_count(watch: DiskWatch, disk: Filling) -> None:
    with building(watch, 1) as (build,):
        disk.space = replace(DISK, free_inodes=9_999)
        assert build.wait(5)


def test_an_engine_that_is_away_ends_nothing(watch: DiskWatch, disk: Filling) -> None:
    disk.down = True
    with building(watch, 1) as (build,):
        wait_until(lambda: disk.looks > 2)
        assert not build.is_set()


def test_nobody_looks_where_nothing_is_built(watch: DiskWatch, disk: Filling) -> None:
    with building(watch, 1):
        wait_until(lambda: disk.looks > 0)
    wait_until(lambda: not watch._at_work)
    with building(watch, 1):
        looks = disk.looks
        wait_until(lambda: disk.looks > looks)
