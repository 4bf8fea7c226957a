"""Kamal's lock: one holder at a time, whoever that is; what the dead left is taken over, what others hold is not."""

import base64
import threading
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


def write(tmp_path: Path, text: str) -> Path:
    directory = tmp_path / ".kamal" / "lock-shop"
    directory.mkdir(parents=True)
    (directory / "details").write_bytes(base64.encodebytes(text.encode()))
    return directory


def ours(holder: str) -> str:
    return f"Locked by: deployhost at 2026-01-01T00:00:00Z\nVersion: {V}\nMessage: deployhost {holder}"


def silent(who: str) -> None:
    pytest.fail(f"one had to wait for {who}")


def test_held_as_kamal_reads_it(locks: KamalLocks, tmp_path: Path) -> None:
    directory = tmp_path / ".kamal" / "lock-shop"
    with locks.held(SHOP, V, patience=0, waiting=silent):
        text = base64.b64decode((directory / "details").read_bytes()).decode().splitlines()
        assert [line.partition(":")[0] for line in text] == ["Locked by", "Version", "Message"]
        assert text[1] == f"Version: {V}"
        assert locks.read(SHOP) is not None
        with locks.held(AppName("blog"), V, patience=0, waiting=silent):
            pass
    assert not directory.exists()
    assert locks.read(SHOP) is None
    assert [path.name for path in (tmp_path / ".kamal").iterdir() if path.is_dir()] == []


def test_released_when_the_block_fails(locks: KamalLocks) -> None:
    with pytest.raises(KeyboardInterrupt), locks.held(SHOP, V, patience=0, waiting=silent):
        raise KeyboardInterrupt
    assert locks.read(SHOP) is None


def test_foreign_lock_is_respected(locks: KamalLocks, tmp_path: Path) -> None:
    directory = write(tmp_path, "Locked by: Ann at 2026-01-01T00:00:00Z\nVersion: x\nMessage: Automatic deploy lock")
    told: list[str] = []
    with pytest.raises(Conflict) as failed, locks.held(SHOP, V, patience=0.05, waiting=told.append):
        pytest.fail("it was taken")
    who = "Locked by: Ann at 2026-01-01T00:00:00Z · Version: x · Message: Automatic deploy lock"
    assert told == [who]
    assert who in failed.value.message
    assert failed.value.hint == "deployhost kamal shop -- lock release"
    assert (directory / "details").exists()
    locks.release_left()
    assert (directory / "details").exists()


def test_whose_locks_there_are(locks: KamalLocks, tmp_path: Path) -> None:
    """`deployhost kamal NAME -- proxy reboot` holds the lock as we do, in a process of its own."""
    write(tmp_path, ours("another boot 1 1"))
    with locks.held(AppName("blog"), V, patience=0, waiting=silent):
        assert locks.foreign() == {}
        assert set(locks.of_others()) == {SHOP}


def test_lock_that_was_just_made(locks: KamalLocks, tmp_path: Path) -> None:
    """Kamal makes the directory first and writes into it afterwards: it is somebody's from the beginning."""
    (tmp_path / ".kamal" / "lock-shop").mkdir(parents=True)
    told: list[str] = []
    with pytest.raises(Conflict), locks.held(SHOP, V, patience=0, waiting=told.append):
        pytest.fail("it was taken")
    assert told == ["(no details)"]


def test_waits_for_its_release(locks: KamalLocks, tmp_path: Path) -> None:
    directory = write(tmp_path, "Locked by: Ann")

    def release(_who: str) -> None:
        (directory / "details").unlink()
        directory.rmdir()

    with locks.held(SHOP, V, patience=5, waiting=release):
        assert directory.exists()


BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
DEAD = {
    "another boot": "00000000-1111-2222-3333-444444444444 1 1",
    "no such process": f"{BOOT} 4194305 123",
    "another process with that number": f"{BOOT} 1 0",
    "no holder one can read": "garbage",
}


@pytest.mark.parametrize("case", DEAD)
def test_what_the_dead_left_is_taken_over(locks: KamalLocks, tmp_path: Path, case: str) -> None:
    directory = write(tmp_path, ours(DEAD[case]))
    with locks.held(SHOP, V, patience=0, waiting=silent):
        assert directory.exists()
    assert not directory.exists()


def test_released_by_force_and_taken_by_others(locks: KamalLocks, tmp_path: Path) -> None:
    """`kamal lock release` while we hold it, and somebody else takes it: theirs is not ours to remove."""
    directory = tmp_path / ".kamal" / "lock-shop"
    with locks.held(SHOP, V, patience=0, waiting=silent):
        (directory / "details").unlink()
        directory.rmdir()
        write(tmp_path, "Locked by: Ann")
    assert (directory / "details").exists()


def test_garbled_details(locks: KamalLocks, tmp_path: Path) -> None:
    directory = write(tmp_path, "x")
    (directory / "details").write_bytes(b"\xff\xfe not base64 =")
    found = locks.read(SHOP)
    assert found is not None
    assert found.holder is None


def test_threads_that_find_a_dead_ones_lock(locks: KamalLocks, tmp_path: Path) -> None:
    """All of them see that its holder is dead; still only one at a time gets it."""
    write(tmp_path, ours(DEAD["no such process"]))
    inside, most, start = [0], [0], threading.Barrier(8)

    def work() -> None:
        start.wait()
        with locks.held(SHOP, V, patience=10, waiting=lambda _: None):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (inside, most) == ([0], [1])
    assert locks.read(SHOP) is None
