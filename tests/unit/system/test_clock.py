"""Waiting for something: asked at least once, ended by the answer, the time or whoever checks."""

from pathlib import Path

import pytest

from deployhost.errors import DeployCancelled
from deployhost.system.clock import Clock, Synchronisation, adjtimex, retry, synchronisation, until


class Stepped(Clock):
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_first_true_answer_is_returned() -> None:
    clock, answers = Stepped(), iter([None, "", "here", "later"])
    assert until(lambda: next(answers), within=10, every=2, clock=clock) == "here"
    assert clock.now == 4


def test_it_is_asked_once_even_without_time() -> None:
    assert until(lambda: "there", within=0, every=1, clock=Stepped()) == "there"
    assert until(lambda: None, within=0, every=1, clock=Stepped()) is None


def test_the_time_ends_it() -> None:
    clock = Stepped()
    assert until(lambda: None, within=3, every=1, clock=clock) is None
    assert clock.now == 3


def test_who_checks_ends_it_before_a_wait() -> None:
    clock = Stepped()

    def check() -> None:
        if clock.now >= 2:
            raise DeployCancelled("cancelled")

    with pytest.raises(DeployCancelled):
        until(lambda: None, within=100, every=1, check=check, clock=clock)
    assert clock.now == 2


def failing(clock: Stepped, until: float, error: Exception) -> str:
    """Raise an error before a moment of a clock, and return "done" from then on."""
    if clock.now < until:
        raise error
    return "done"


def test_what_fails_for_a_while_is_done_again() -> None:
    clock = Stepped()
    lost = ConnectionError("lost")
    assert retry(lambda: failing(clock, 4, lost), again=lambda _: True, within=10, every=2, clock=clock) == "done"
    assert clock.now == 4


def test_its_last_error_is_raised_when_the_time_is_over() -> None:
    clock = Stepped()
    with pytest.raises(ConnectionError, match="lost"):
        retry(lambda: failing(clock, 9, ConnectionError("lost")), again=lambda _: True, within=3, every=1, clock=clock)
    assert clock.now == 3


def test_an_error_of_another_kind_is_raised_at_once() -> None:
    clock = Stepped()
    with pytest.raises(ValueError, match="wrong"):
        retry(
            lambda: failing(clock, 9, ValueError("wrong")),
            again=lambda error: isinstance(error, ConnectionError),
            within=3,
            every=1,
            clock=clock,
        )
    assert clock.now == 0


def with_systemd(root: Path, *files: str) -> Path:
    (root / "run/systemd/system").mkdir(parents=True)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


@pytest.mark.parametrize(
    ("state", "status", "kept"), [(0, 0x2001, True), (5, 0x40, False), (0, 0x40, False), (5, 0, False), (-1, 0, None)]
)
def test_whether_the_clock_is_kept_right(tmp_path: Path, state: int, status: int, kept: bool | None) -> None:
    assert synchronisation(with_systemd(tmp_path), lambda: (state, status)).kept is kept


@pytest.mark.parametrize("sign", ["run/systemd/container", ".dockerenv", "run/.containerenv"])
def test_in_a_container_that_can_not_be_told(tmp_path: Path, sign: str) -> None:
    found = synchronisation(with_systemd(tmp_path, sign), lambda: (5, 0x40))
    assert found == Synchronisation(kept=None)


@pytest.mark.parametrize("place", ["etc", "run", "usr/lib", "lib"])
def test_what_keeps_the_clock_right(tmp_path: Path, place: str) -> None:
    def ask() -> tuple[int, int]:
        return 5, 0x40

    assert synchronisation(tmp_path, ask) == Synchronisation(kept=False)
    with_systemd(tmp_path)
    assert synchronisation(tmp_path, ask) == Synchronisation(kept=False, systemd=True)
    unit = tmp_path / place / "systemd/ntp-units.d/50-chrony.list"
    unit.parent.mkdir(parents=True)
    unit.touch()
    assert synchronisation(tmp_path, ask) == Synchronisation(kept=False, systemd=True, installed=True)
    running = tmp_path / "run/chrony/chronyd.pid"
    running.parent.mkdir(parents=True)
    running.touch()
    assert synchronisation(tmp_path, ask).running == "chrony"


def test_the_kernel_is_asked() -> None:
    """Nothing is set by that, and it needs no right; where it is refused all the same, nothing is known."""
    state, status = adjtimex()
    assert -1 <= state <= 5
    assert 0 <= status < 0x10000
    assert Clock().synchronisation().kept in (True, False, None)
