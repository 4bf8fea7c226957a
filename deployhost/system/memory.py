"""The memory of this process."""

import contextlib
import ctypes

M_ARENA_MAX = -8  # mallopt(3), malloc.h
ARENAS = 2


def use_few_arenas() -> None:
    """Have all threads share two of malloc's arenas.

    By default each thread gets one of its own, up to eight for each CPU, and what was once used of any stays with the process: a daemon
    with a thread for each deploy, pull and probe would keep 15 MB more after an hour. A libc without that setting is left as it is.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
