"""The storage's mount is kept, and only on a server itself."""

from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.paths import Paths
from deployhost.system import bind_mount
from deployhost.upkeep.storage_mount import StorageMount


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Return the directories that are bound; a server's own storage is there."""
    found: set[Path] = set()
    monkeypatch.setattr(bind_mount, "is_bound", lambda path: path in found)
    monkeypatch.setattr(bind_mount, "bind", found.add)
    monkeypatch.setattr(Path, "is_dir", lambda _: True)
    return found


def test_a_mount_that_somebody_took_away_comes_back(bound: set[Path], caplog: pytest.LogCaptureFixture) -> None:
    mount = StorageMount(Paths())
    (note,) = mount.keep()
    assert bound == {Paths().storage_root}
    assert "is again" in note
    assert note in caplog.text
    assert mount.keep() == ()


def test_a_tree_of_a_test_is_not_mounted(bound: set[Path], tmp_path: Path) -> None:
    assert StorageMount(Paths(tmp_path)).keep() == ()
    assert not bound


def test_what_can_not_be_mounted_is_told(bound: set[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(bind_mount, "bind", refused)
    with pytest.raises(FileProblem, match="can't be: Operation not permitted"):
        StorageMount(Paths()).keep()
