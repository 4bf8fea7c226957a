"""Fixture: a test that starts a process fails, also where the code under test swallows the error."""

import sys
from collections.abc import Iterator

import pytest

STARTS = {
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.spawn",
}


class Watch:
    """An audit hook that refuses to start a process while it is on, and keeps what was refused."""

    def __init__(self) -> None:
        self.on = False
        self.refused: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take note of a start. Raise RuntimeError, so that it does not happen."""
        if self.on and event in STARTS:
            self.refused.append(f"{event}{arguments[:2]}")
            raise RuntimeError("a unit test starts no process; tests/local is for those that do")


WATCH = Watch()
sys.addaudithook(WATCH)  # for good: a hook can't be taken away


@pytest.fixture(autouse=True)
def no_process() -> Iterator[None]:
    WATCH.on = True
    WATCH.refused.clear()
    yield
    WATCH.on = False
    assert WATCH.refused == [], "a unit test started a process; tests/local is for those that do"
