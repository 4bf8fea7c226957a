"""How much of a disk stays free."""

import pytest

from deployhost.upkeep.disk_plan import (
    GIB,
    Space,
    cache_budget,
    container_limit,
    is_low,
    missing,
    reserve,
    short_of_inodes,
)


@pytest.mark.parametrize(
    ("total", "wanted", "expected"),
    [
        (1000 * GIB, None, 10 * GIB),
        (100 * GIB, None, 5 * GIB),
        (25 * GIB, None, 25 * GIB // 20),
        (10 * GIB, None, GIB),
        (2 * GIB, None, GIB // 2),
        (100 * GIB, 3 * GIB, 3 * GIB),
    ],
)
def test_the_reserve(total: int, wanted: int | None, expected: int) -> None:
    assert reserve(total, wanted) == expected


@pytest.mark.parametrize(
    ("total", "wanted", "expected"),
    [(250 * GIB, None, 4 * GIB), (10 * GIB, None, GIB), (250 * GIB, 9 * GIB, 9 * GIB)],
)
def test_the_cache(total: int, wanted: int | None, expected: int) -> None:
    assert cache_budget(total, wanted) == expected


def test_what_is_missing() -> None:
    assert missing(Space("/", 100 * GIB, 5 * GIB), None) == 0
    assert missing(Space("/", 100 * GIB, 5 * GIB - 1), None) == 1
    assert missing(Space("/", 100 * GIB, 0), 7) == 7


@pytest.mark.parametrize(
    ("inodes", "free", "short"),
    [
        (0, 0, False),
        (16_000_000, 20_000, False),
        (16_000_000, 19_999, True),
        (100_000, 5_000, False),
        (100_000, 4_999, True),
    ],
)
def test_inodes(inodes: int, free: int, short: bool) -> None:
    assert short_of_inodes(Space("/", GIB, GIB, inodes, free)) is short


def test_a_build_under_way_may_use_half_of_the_reserve() -> None:
    assert not is_low(Space("/", 100 * GIB, 5 * GIB // 2), None)
    assert is_low(Space("/", 100 * GIB, 5 * GIB // 2 - 1), None)
    assert is_low(Space("/", 100 * GIB, 2 * GIB), 5 * GIB)
    assert not is_low(Space("/", 100 * GIB, 50 * GIB, 6_000_000, 10_000), None)
    assert is_low(Space("/", 100 * GIB, 50 * GIB, 6_000_000, 9_999), None)


@pytest.mark.parametrize(
    ("driver", "backing", "options", "limit"),
    [
        ("overlay2", "xfs", {"rw", "prjquota"}, 25 * GIB),
        ("overlay2", "xfs", {"rw", "noquota"}, None),
        ("overlay2", "extfs", {"rw", "prjquota"}, None),
        ("zfs", "zfs", set[str](), 25 * GIB),
        ("btrfs", "btrfs", set[str](), None),
        ("overlayfs", "xfs", {"prjquota"}, None),
        ("", "", set[str](), None),
    ],
)
def test_what_a_container_may_write(driver: str, backing: str, options: set[str], limit: int | None) -> None:
    assert container_limit(driver, backing, options, 100 * GIB) == limit
