"""Atomic files and locks."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from deployhost.errors import Conflict, FileProblem
from deployhost.system import files


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert files.read(path) is None
    files.write_atomically(path, b"one", 0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o600)
    files.write_atomically(path, b"two")
    assert (files.read(path), path.stat().st_mode & 0o777) == (b"two", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    files.write_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    os.chown(path, 1234, 2345)
    files.write_atomically(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


@pytest.mark.parametrize("broken", ["fsync", "fchmod"])
@pytest.mark.parametrize(
    ("code", "hint"), [(errno.ENOSPC, "df -h {}"), (errno.EROFS, "findmnt --target {}"), (errno.EIO, "")]
)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, code: int, hint: str
) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(FileProblem, match=f"can't write {path}: {os.strerror(code).lower()}") as caught:
        files.write_atomically(path, b"new")
    assert caught.value.hint == hint.format(tmp_path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_problems_of_paths(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem, match="its directory does not exist"):
        files.write_atomically(tmp_path / "no" / "x", b"")
    with pytest.raises(FileProblem, match="can't read"):
        files.read(tmp_path)
    with pytest.raises(FileProblem, match="can't make"):
        files.make_directory(tmp_path / "file" / "x")
    with pytest.raises(FileProblem, match="can't lock"), files.lock(tmp_path / "no" / "lock"):
        pass
    with pytest.raises(FileProblem, match="can't delete"):
        files.remove(tmp_path)


def test_directories_and_deletion(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    files.make_directory(path, 0o700)
    files.make_directory(path)
    assert path.stat().st_mode & 0o777 == 0o700, "who only needs it there leaves its mode alone"
    files.make_directory(path, 0o750)
    assert path.stat().st_mode & 0o777 == 0o750
    files.write_atomically(path / "x", b"")
    assert (files.remove(path / "x"), files.remove(path / "x")) == (True, False)


def test_nobody_else_opens_a_lock(tmp_path: Path) -> None:
    """Whoever can open a file can hold its lock, for reading too."""
    with files.lock(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    value = 0

    def count() -> None:
        nonlocal value
        for _ in range(5):
            with files.lock(path):
                seen = value
                time.sleep(0.001)
                value = seen + 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value == 20


def test_a_lock_that_stays_held_is_a_conflict_and_is_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with files.lock(path), pytest.raises(Conflict, match="has held"), files.lock(path, timeout=0.05):
        pass
    with pytest.raises(ZeroDivisionError), files.lock(path):
        raise ZeroDivisionError
    with files.lock(path, timeout=0):
        assert path.stat().st_mode & 0o777 == 0o600
