"""Before a build: is there room? And what goes if there is not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.config.current import Apps
from deployhost.config.server import ServerSettings
from deployhost.errors import DiskFull, DockerUnavailable
from deployhost.model import AppName
from deployhost.upkeep.cache_plan import Cached
from deployhost.upkeep.disk import MAKE_ROOM, DiskGuard
from deployhost.upkeep.disk_plan import GIB, Space
from deployhost.upkeep.disk_space import Disks
from deployhost.upkeep.prune import Pruner, Surplus
from deployhost.upkeep.retention import Prune

DISK = Space("/var/lib/docker", 100 * GIB, 50 * GIB, 6_000_000, 5_000_000)


class World(Disks, Pruner):
    """Disks whose room changes as things are removed; `images_free` are the bytes that removing images gives back."""

    def __init__(
        self,
        spaces: Sequence[Space] = (DISK,),
        *,
        images_free: int = 0,
        cache_free: int = 0,
        inodes_free: int = 0,
        down: bool = False,
    ) -> None:
        self.spaces = list(spaces)
        self.images_free, self.cache_free, self.inodes_free, self.down = images_free, cache_free, inodes_free, down
        self.removed: list[str] = []

    def engine(self) -> Space:
        return self.spaces[0]

    def all(self) -> list[Space]:
        return self.spaces

    def surplus(self, app: AppName) -> Surplus:
        if self.down:
            raise DockerUnavailable("the Docker engine does not answer")
        return Surplus(app, (), Prune(), ())

    def remove(self, surplus: Surplus) -> None:
        self._gain(str(surplus.app), self.images_free)

    def cache_surplus(self, missing: int = 0) -> list[Cached]:
        return [Cached(f"cache {missing}", missing, True, 0, 0)]

    def remove_cache(self, records: object) -> int:
        assert isinstance(records, list)
        self._gain(records[0].id, self.cache_free)
        return self.cache_free

    def _gain(self, what: str, size: int) -> None:
        self.removed.append(what)
        first = self.spaces[0]
        more = self.inodes_free if what.startswith("cache") else 0
        self.spaces[0] = replace(first, free=first.free + size, free_inodes=first.free_inodes + more)


@pytest.fixture
def notes() -> list[str]:
    return []


def check(world: World, notes: list[str], tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "server.yml")
    (tmp_path / "apps.yml").write_text("apps:\n  a:\n  b:\n")
    apps = Apps(tmp_path / "apps.yml")
    DiskGuard(disks=world, settings=settings, pruner=world, apps=apps).check(notes.append)


def test_with_room_nothing_is_asked_or_said(notes: list[str], tmp_path: Path) -> None:
    world = World()
    check(world, notes, tmp_path)
    assert (notes, world.removed) == ([], [])


def test_what_no_app_needs_goes_first_and_the_build_begins(notes: list[str], tmp_path: Path) -> None:
    world = World(spaces=[replace(DISK, free=4 * GIB)], images_free=GIB)
    check(world, notes, tmp_path)
    assert world.removed == ["a", "b"], "the cache makes builds fast: it stays while it can"
    assert notes == ["only 4 GB free on /var/lib/docker: removing old images and build cache of deployhost's apps"]


def test_then_as_much_of_the_cache_as_it_takes(notes: list[str], tmp_path: Path) -> None:
    world = World(spaces=[replace(DISK, free=4 * GIB)], cache_free=2 * GIB)
    check(world, notes, tmp_path)
    assert world.removed == ["a", "b", f"cache {GIB}"]


def test_still_too_little_is_refused_with_figures_and_one_command(notes: list[str], tmp_path: Path) -> None:
    with pytest.raises(DiskFull) as caught:
        check(World(spaces=[replace(DISK, free=GIB)], images_free=GIB), notes, tmp_path)
    assert caught.value.message == (
        "the disk of /var/lib/docker is nearly full: 3 GB of 100 GB free, a build needs 5 GB; it was not begun"
    )
    assert caught.value.hint == MAKE_ROOM


def test_the_reserve_is_a_setting(notes: list[str], tmp_path: Path) -> None:
    (tmp_path / "server.yml").write_text("disk_reserve: 60g\n")
    with pytest.raises(DiskFull, match=r"a build needs 60 GB"):
        check(World(), notes, tmp_path)
    (tmp_path / "server.yml").write_text("disk_reserve: 1g\n")
    check(World(spaces=[replace(DISK, free=GIB)]), notes, tmp_path)


def test_our_own_disk_counts_too(notes: list[str], tmp_path: Path) -> None:
    ours = Space("/var/lib/deployhost", 20 * GIB, 100)
    with pytest.raises(DiskFull, match="the disk of /var/lib/deployhost"):
        check(World(spaces=[DISK, ours]), notes, tmp_path)


def test_too_few_files_left_is_full_too(notes: list[str], tmp_path: Path) -> None:
    short = replace(DISK, free_inodes=100)
    with pytest.raises(DiskFull, match="room for only 100 more files"):
        check(World(spaces=[short]), notes, tmp_path)
    world = World(spaces=[short], inodes_free=1_000_000)
    check(world, notes, tmp_path)
    assert world.removed[-1] == f"cache {DISK.total}", "all of it: bytes don't tell how many files a record has"


def test_what_can_not_be_removed_is_told_and_the_refusal_stays(notes: list[str], tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        check(World(spaces=[replace(DISK, free=GIB)], down=True), notes, tmp_path)
    assert notes[-1] == "warning: not all of it could be removed: the Docker engine does not answer"
