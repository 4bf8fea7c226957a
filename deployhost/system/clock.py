"""The machine's clock, whether it is kept right, and the one way to wait: for an answer (`until`), or for an end of errors (`retry`)."""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")
STA_UNSYNC, TIME_ERROR = 0x40, 5  # adjtimex(2)
# The beginning of struct timex (sys/timex.h): modes, offset, freq, maxerror, esterror, status.
TIMEX, TIMEX_SIZE = struct.Struct("@Illlli"), 256
IN_CONTAINER = ("run/systemd/container", ".dockerenv", "run/.containerenv")
TIME_DAEMONS = {"systemd-timesyncd": "run/systemd/timesync", "chrony": "run/chrony/chronyd.pid"}  # there while it runs
# Where timedatectl looks for a time daemon that it can switch on (systemd-timedated.service(8)).
NTP_UNITS = ("etc", "run", "usr/local/lib", "usr/lib", "lib")


@dataclass(frozen=True, kw_only=True)
class Synchronisation:
    """Whether a time daemon keeps the clock right (None: that can't be told), and what is there to do so."""

    kept: bool | None
    systemd: bool = False
    installed: bool = False  # whether there is a time daemon that `timedatectl set-ntp` switches on
    running: str = ""  # the name of the one that runs, as far as it is known here


class Clock:
    """The machine's clock. Tests pass one that only sleeping moves on."""

    def time(self) -> float:
        """Return the wall clock's time in unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds from some moment on; they never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)

    def synchronisation(self) -> Synchronisation:
        """Return whether the clock is kept right. In a container that is the machine's business, and can't be told."""
        return synchronisation(Path("/"), adjtimex)


CLOCK = Clock()


def adjtimex() -> tuple[int, int]:
    """Return the state of the kernel's clock and its status bits, as adjtimex(2) has them; (-1, 0) where that is not permitted."""
    import ctypes  # noqa: PLC0415 - 3 ms, for every command that waits for something

    timex = ctypes.create_string_buffer(TIMEX_SIZE)  # all zero: with `modes` 0 nothing is set
    try:
        state = ctypes.CDLL(None).adjtimex(timex)
    except (OSError, AttributeError):
        return -1, 0
    *_, status = TIMEX.unpack_from(timex)
    return int(state), int(status)


def synchronisation(root: Path, ask: Callable[[], tuple[int, int]]) -> Synchronisation:
    """Return whether the clock of the machine whose files lie below `root` is kept right."""
    state, status = ask()
    if state < 0 or any((root / path).exists() for path in IN_CONTAINER):
        return Synchronisation(kept=None)
    return Synchronisation(
        kept=state != TIME_ERROR and not status & STA_UNSYNC,
        systemd=(root / "run/systemd/system").is_dir(),
        installed=any(path for place in NTP_UNITS for path in (root / place / "systemd/ntp-units.d").glob("*.list")),
        running=next((name for name, sign in TIME_DAEMONS.items() if (root / sign).exists()), ""),
    )


def until(
    question: Callable[[], Answer | None],
    *,
    within: float,
    every: float,
    check: Callable[[], object] = lambda: None,
    clock: Clock = CLOCK,
) -> Answer | None:
    """Ask a question every `every` seconds until its answer is true, and return that; None once `within` seconds are over.

    It is asked at least once. `check` is called before each wait, to raise what ends it. What the question raises is raised.
    """
    deadline = clock.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        if clock.monotonic() >= deadline:
            return None
        check()
        clock.sleep(every)


def retry(
    act: Callable[[], Answer],
    *,
    again: Callable[[Exception], bool],
    within: float,
    every: float,
    check: Callable[[], object] = lambda: None,
    clock: Clock = CLOCK,
) -> Answer:
    """Do something and return its result; do it again every `every` seconds while it raises what `again` accepts.

    After `within` seconds, its error is raised. `check` is called before each wait, to raise what ends it.
    """
    deadline = clock.monotonic() + within
    while True:
        try:
            return act()
        except Exception as error:
            if not again(error) or clock.monotonic() >= deadline:
                raise
        check()
        clock.sleep(every)
