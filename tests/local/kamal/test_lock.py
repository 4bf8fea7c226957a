"""Kamal's lock between processes: they take turns, and one that is killed holds nobody up."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deployhost.errors import Conflict
from deployhost.kamal import lock
from deployhost.kamal.lock import KamalLocks
from deployhost.model import AppName, Version

SHOP = AppName("shop")
V = Version("a" * 40)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "POLL", 0.01)


@pytest.fixture
def locks(tmp_path: Path) -> KamalLocks:
    return KamalLocks(tmp_path / ".kamal")


def silent(who: str) -> None:
    pytest.fail(f"one had to wait for {who}")


HOLD = """
    import sys, time
    from pathlib import Path
    from deployhost.kamal import lock
    from deployhost.model import AppName, Version
    lock.POLL = 0.002
    locks = lock.KamalLocks(Path(sys.argv[1]))
    marks = Path(sys.argv[2])
    for _ in range(int(sys.argv[3])):
        with locks.held(AppName("shop"), Version("a" * 40), patience=20, waiting=lambda _: None):
            print("held", flush=True)
            (marks / "inside").mkdir()  # fails if anybody else is inside
            time.sleep(float(sys.argv[4]))
            (marks / "inside").rmdir()
"""


def hold(tmp_path: Path, times: int, seconds: float) -> "subprocess.Popen[str]":
    arguments = [str(tmp_path / ".kamal"), str(tmp_path), str(times), str(seconds)]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_take_turns(tmp_path: Path) -> None:
    both = [hold(tmp_path, 20, 0.001) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out.count("held")) == (0, 20), err


def test_killed_holder(locks: KamalLocks, tmp_path: Path) -> None:
    """kill -9 leaves the lock; the next of us takes it over at once."""
    process = hold(tmp_path, 1, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(Conflict), locks.held(SHOP, V, patience=0, waiting=lambda _: None):
        pytest.fail("it was taken")
    process.kill()
    process.communicate(timeout=5)
    assert (tmp_path / ".kamal" / "lock-shop").exists()
    started = time.monotonic()
    with locks.held(SHOP, V, patience=5, waiting=silent):
        assert time.monotonic() - started < 1
