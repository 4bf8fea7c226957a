"""Waiting for kamal-proxy where it is away for a moment: it is started again by itself, and a deploy need not fail for that."""

from collections.abc import Callable
from typing import TypeVar

from deployhost.errors import DockerRefused, DockerUnavailable, ProxyUnavailable
from deployhost.system.clock import Clock, retry

# Docker's restart policy has it back within 1 to 3 s, and so has the supervisor the engine; a machine that is busy takes longer.
PATIENCE = 15.0
POLL = 0.05
Result = TypeVar("Result")


def patiently(act: Callable[[], Result], check: Callable[[], None] = lambda: None, *, clock: Clock) -> Result:
    """Do what can be done twice and return its result; do it again while the proxy or the engine is away, for PATIENCE seconds.

    The seconds count from the beginning, so that one patience within another adds nothing. `check` is called before each
    further try, and may raise. Raises what `act` raises.
    """
    return retry(act, again=_away, within=PATIENCE, every=POLL, check=check, clock=clock)


def _away(error: Exception) -> bool:
    return isinstance(error, ProxyUnavailable | DockerUnavailable) and not isinstance(error, DockerRefused)
