"""How much a tree is, by git's list of it."""

import pytest

from deployhost.errors import TreeTooLarge
from deployhost.system import git_count
from deployhost.system.git_count import FREE_ENTRIES, TreeCount


def entry(number: int, size: int | str = 10, path: str = "") -> bytes:
    kind, mode = ("tree", "040000") if size == "-" else ("blob", "100644")
    return f"{mode} {kind} {number * 2654435761 % 2**32:08x}{number:032x} {size:>7}\t{path or number}\0".encode()


def test_what_is_counted() -> None:
    count = TreeCount("abc")
    count.take(entry(1) + entry(2, "-") + entry(1))
    count.take(entry(3, 5)[:20])
    count.take(entry(3, 5)[20:])
    count.take(b"160000 commit " + b"0" * 40 + b"       -\tmodule\0")
    assert (count.entries, count.bytes, count.objects, count.object_bytes) == (5, 25, 4, 15)


def test_many_files_that_differ_are_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 files of 1 GB."""
    count = TreeCount("abc")
    for first in range(0, 100_000, 1000):
        count.take(b"".join(entry(number, 10_000) for number in range(first, first + 1000)))
    assert (count.entries, count.bytes) == (100_000, 1_000_000_000)
    assert count.objects > 99_000
    monkeypatch.setattr(git_count, "MOST_ENTRIES", 100_000)
    with pytest.raises(TreeTooLarge, match=r"commit abc can't be checked out: it has more than 100,000 files"):
        count.take(entry(100_001))


def test_many_that_are_the_same_are_one() -> None:
    count = TreeCount("abc")
    count.take(entry(1) * FREE_ENTRIES)
    with pytest.raises(TreeTooLarge, match="made of 1 objects"):
        count.take(entry(1) * 21)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (entry(1, 8 * 1024**3 + 1), "its files are larger than 8 GB"),
        (entry(1, 2 * 1024**3) + entry(2, 1) * 3 + entry(1, 2 * 1024**3) * 2, None),
        (entry(1, 50 * 1024**2) * 45, "more than 2.2 GB of files are made of 50 MB"),
        (entry(1, path="a/" * 1500 + "a"), None),
        (entry(1, path="a" * 3501), "a path is too long"),
        (b"x" * 70_000, "a path is too long"),
    ],
)
def test_bytes_and_paths(entries: bytes, why: str | None) -> None:
    if why is None:
        TreeCount("abc").take(entries)
        return
    with pytest.raises(TreeTooLarge, match=why):
        TreeCount("abc").take(entries)


def test_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_count, "DEEPEST", 3)
    TreeCount("abc").take(entry(1, path="a/a/a/a"))
    with pytest.raises(TreeTooLarge, match="more than 3 directories deep"):
        TreeCount("abc").take(entry(1, path="a/a/a/a/a"))
