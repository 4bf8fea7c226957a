"""Files change hands: all that lie in a directory, and nothing else."""

import os
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.system import owners
from deployhost.system.owners import Owner, Owners
from tests.inputs.deep_tree import MakeDeep

ME = Owner(os.getuid(), os.getgid())
OTHER, NOBODYS = Owner(1_048_577, 1_048_577), Owner(4321, 4321)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """Return the names that were given to somebody; nothing is, so that no root is needed."""
    found: dict[str, tuple[int, int]] = {}

    def chown(name: str, uid: int, gid: int, *, dir_fd: int, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        assert os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        found[name] = (uid, gid)

    def fchown(descriptor: int, uid: int, gid: int) -> None:
        found[Path(f"/proc/self/fd/{descriptor}").readlink().name] = (uid, gid)

    monkeypatch.setattr("os.chown", chown)
    monkeypatch.setattr("os.fchown", fchown)
    return found


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "shop" / "deep" / "app.db").touch()
    (tmp_path / "elsewhere").touch()
    return tmp_path / "shop"


def test_all_that_is_somebodys(storage: Path, given: dict[str, tuple[int, int]]) -> None:
    (storage / "link").symlink_to(storage.parent / "elsewhere")
    (storage / "away").symlink_to("/")
    os.mkfifo(storage / "pipe")
    Owners().give(storage, [NOBODYS, ME], OTHER)
    assert given == dict.fromkeys(("deep", "deeper", "app.db", "link", "away", "pipe", "shop"), OTHER)
    assert list(given)[-1] == "shop", "its owner tells that all is done"


def test_what_is_not_theirs_stays(storage: Path, given: dict[str, tuple[int, int]]) -> None:
    Owners().give(storage, [NOBODYS, OTHER], OTHER)
    assert given == {"shop": OTHER}


def test_a_file_with_a_name_elsewhere_might_be_anybodys(storage: Path, given: dict[str, tuple[int, int]]) -> None:
    (storage / "linked").hardlink_to(storage.parent / "elsewhere")
    (storage / "once").touch()
    (storage / "deep" / "twice").hardlink_to(storage / "once")
    Owners().give(storage, [ME], OTHER)
    assert "linked" not in given
    assert len({"once", "twice"} & set(given)) == 1, "the second name of a file tells that it has no other"


def test_names_are_counted_up_to_a_bound(
    storage: Path, given: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "MOST_LINKED", 2)
    for number in range(3):
        (storage / str(number)).touch()
        (storage / f"again-{number}").hardlink_to(storage / str(number))
        (storage.parent / f"away-{number}").hardlink_to(storage / str(number))
    with pytest.raises(FileProblem, match="more than 2 files have several names"):
        Owners().give(storage, [ME], OTHER)
    assert "shop" not in given


def test_a_link_is_no_directory(storage: Path, given: dict[str, tuple[int, int]]) -> None:
    link = storage.parent / "linked"
    link.symlink_to(storage)
    assert Owners().of(link) is None
    with pytest.raises(FileProblem):
        Owners().give(link, [ME], OTHER)
    assert given == {}


def test_who_owns_what(storage: Path, given: dict[str, tuple[int, int]]) -> None:
    found = Owners()
    assert found.of(storage) == ME
    assert found.of(storage / "missing") is None
    assert found.below(storage.parent) == {"shop": ME}
    assert found.below(storage / "missing") == {}
    found.make(storage.parent / "new" / "blog", OTHER)
    assert (storage.parent / "new").stat().st_mode & 0o777 == 0o700
    assert given == {"blog": OTHER}


def test_a_deep_tree(storage: Path, deep: MakeDeep, given: dict[str, tuple[int, int]]) -> None:
    deep(storage / "d")
    Owners().give(storage, [ME], OTHER)
    assert given["file"] == OTHER
