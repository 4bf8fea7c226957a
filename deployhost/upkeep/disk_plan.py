"""How much of a disk builds must leave free, how much BuildKit's cache may take, and who has the rest. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from deployhost.model import AppName
from deployhost.sizes import readable_size

MIB = 1024**2
GIB = 1024**3
LEAST_INODES = 20_000  # files: an app's packages are many small ones
NAMED = 3  # of those who use a disk
WORTH_NAMING = 100 * MIB


@dataclass(frozen=True)
class Space:
    """The room on one file system: bytes and inodes (0 in all where it does not count them)."""

    path: str
    total: int
    free: int
    inodes: int = 0
    free_inodes: int = 0


@dataclass(frozen=True)
class Use:
    """The bytes that an app's containers or storage take, beyond its image."""

    app: AppName
    what: str
    bytes: int


def most_of(uses: Iterable[Use]) -> str:
    """Return the end of a sentence about a full disk: who has most of it; "" where nobody has much."""
    large = sorted((use for use in uses if use.bytes >= WORTH_NAMING), key=lambda use: -use.bytes)[:NAMED]
    named = ", ".join(f"{use.app}'s {use.what} {readable_size(use.bytes)}" for use in large)
    return f"; most of it: {named}" if named else ""


def reserve(total: int, wanted: int | None) -> int:
    """Return the bytes that a build must find free on a disk; `wanted` is what server.yml says, if anything.

    A twentieth of the disk, at least 1 GiB, at most 10 GiB; never more than a quarter, for disks that are small.
    """
    return min(max(total // 20, GIB), 10 * GIB, total // 4) if wanted is None else wanted


def container_limit(driver: str, backing: str, options: Collection[str], total: int) -> int | None:
    """Return the bytes that a container may write beyond its image: a quarter of the disk. None where the engine can't limit that.

    `driver` is its storage driver and `backing` the file system below, as the engine calls them; `options` are those of its mount. With
    overlay2 it takes XFS with project quotas (docs.docker.com, "docker container run --storage-opt"). btrfs can do it too, but not
    without quota groups for all of it, which slow it down.
    """
    quotas = driver == "overlay2" and backing == "xfs" and not {"prjquota", "pquota"}.isdisjoint(options)
    return total // 4 if quotas or driver == "zfs" else None


def cache_budget(total: int, wanted: int | None) -> int:
    """Return the bytes that our builds may leave in the cache; `wanted` is what server.yml says, if anything."""
    return min(total // 10, 4 * GIB) if wanted is None else wanted


def missing(space: Space, wanted: int | None) -> int:
    """Return the bytes that a disk lacks of its reserve; `wanted` is what server.yml says, if anything."""
    return max(0, reserve(space.total, wanted) - space.free)


def short_of_inodes(space: Space) -> bool:
    """Return whether a disk has room for too few files."""
    return space.inodes > 0 and space.free_inodes < min(LEAST_INODES, space.inodes // 20)


def is_low(space: Space, wanted: int | None) -> bool:
    """Return whether a disk has so little room that a build under way is to end; `wanted` is what server.yml says, if anything.

    A build begins with the whole reserve free and may use half of it up: apps, the journal and logs need the rest.
    """
    few = space.inodes > 0 and space.free_inodes < min(LEAST_INODES, space.inodes // 20) // 2
    return few or space.free < reserve(space.total, wanted) // 2
