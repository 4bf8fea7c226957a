"""Trees that anybody may have filled: deleted and walked whatever their depth, and never beyond them."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.system.tree import BATCH, directories, discard_tree, remove_tree
from tests.inputs.deep_tree import DEEP, MakeDeep

FEW = 16  # descriptors more than are open


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(int(one.name) for one in Path("/proc/self/fd").iterdir())  # of the test run
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, most + FEW), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize(("levels", "name"), [(DEEP, "d"), (DEEP // 5, "x" * 255)])
def test_a_deep_tree_is_deleted(deep: MakeDeep, tmp_path: Path, levels: int, name: str) -> None:
    top = tmp_path / "shop"
    deep(top, levels, name)
    remove_tree(top)
    assert not top.exists()
    remove_tree(top)


@pytest.mark.usefixtures("few_descriptors")
def test_a_deep_tree_is_walked(deep: MakeDeep, tmp_path: Path) -> None:
    top = tmp_path / "shop"
    deep(top)
    (top / "beside" / "below").mkdir(parents=True)
    found = [os.listdir(one) for one in directories(top)]  # noqa: PTH208 - of a descriptor
    assert len(found) == DEEP + 3
    assert found.count(["file"]) == 1
    remove_tree(top)


def test_a_wide_tree_is_deleted(tmp_path: Path) -> None:
    top = tmp_path / "shop"
    for number in range(3):
        (top / str(number) / "empty").mkdir(parents=True)
        for file in range(BATCH // 2):
            (top / str(number) / f"f{file}").touch()
    (top / "0" / "odd-\udcff\n").touch()
    remove_tree(top)
    assert not top.exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    top = tmp_path / "shop"
    (top / "below").mkdir(parents=True)
    for place in (top, top / "below"):
        (place / "link").symlink_to(outside)
        (place / "gone").symlink_to("/nowhere")
    assert len(list(directories(top))) == 2
    remove_tree(top)
    assert (outside / "kept").exists()
    (tmp_path / "linked").symlink_to(outside)
    with pytest.raises(FileProblem, match="can't delete "):
        remove_tree(tmp_path / "linked")
    discard_tree(tmp_path / "linked")
    assert (outside / "kept").exists()


def test_what_can_not_be_deleted_stays_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "shop"
    (top / "one" / "two").mkdir(parents=True)
    for name in ("a", "one/held", "one/b", "one/two/c", "z"):
        (top / name).touch()
    unlink = os.unlink

    def held(path: str, *, dir_fd: int | None = None) -> None:
        if path == "held":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr("os.unlink", held)
    with pytest.raises(FileProblem, match="operation not permitted"):
        remove_tree(top)
    assert [path.relative_to(top).as_posix() for path in sorted(top.rglob("*"))] == ["one", "one/held"]


def test_a_directory_that_is_moved_does_not_lead_out(tmp_path: Path) -> None:
    """An app moves the directory that we are in up, so that the way up would leave the tree: the walk ends instead."""
    top, neighbour = tmp_path / "storage" / "shop", tmp_path / "storage" / "blog"
    for path in (top / "a/b/c/d", top / "z", neighbour):
        path.mkdir(parents=True)
    seen = []

    def walk() -> None:
        for one in directories(top):
            here = Path(f"/proc/self/fd/{one}").resolve()
            seen.append(here)
            if here.name == "d":
                here.rename(top / "d")

    with pytest.raises(FileProblem, match="being moved"):
        walk()
    assert all(here.is_relative_to(top) for here in seen)


def test_a_file_system_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be moved, such as the layer below an overlay's, is deleted where it lies."""
    top = tmp_path / "shop"
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "a" / "b" / "file").touch()

    def refused(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.rename", refused)
    remove_tree(top)
    assert not top.exists()
