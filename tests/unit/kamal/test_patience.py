"""What is tried again while the proxy or the engine is away, how long, and what is not."""

from functools import partial

import pytest

from deployhost.errors import (
    BootFailed,
    DeployCancelled,
    DockerRefused,
    DockerUnavailable,
    ProxyUnavailable,
    SwitchFailed,
)
from deployhost.kamal import patience
from tests.fakes.assembled import FakeClock, Server


def cancelled() -> None:
    raise DeployCancelled("no more")


class Tries:
    """Something that fails so many times, with what is given."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error = times, error

    def __call__(self) -> str:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "done"


def test_patience(server: Server) -> None:
    clock = FakeClock(server)
    patiently = partial(patience.patiently, clock=clock)
    assert patiently(Tries(3, ProxyUnavailable("not running"))) == "done"
    assert patiently(Tries(3, DockerUnavailable("no answer"))) == "done"
    for error in (SwitchFailed("refused"), BootFailed("gone"), DockerRefused("busy")):
        with pytest.raises(type(error)):
            patiently(Tries(1, error))
    began = clock.now
    with pytest.raises(ProxyUnavailable):
        patiently(Tries(10**6, ProxyUnavailable("not running")))
    assert patience.PATIENCE <= clock.now - began <= patience.PATIENCE + 1
    began = clock.now
    with pytest.raises(ProxyUnavailable):
        patiently(lambda: patiently(Tries(10**6, ProxyUnavailable("not running"))))
    assert clock.now - began <= patience.PATIENCE + 1, "one within another adds nothing"
    with pytest.raises(DeployCancelled):
        patiently(Tries(1, ProxyUnavailable("not running")), cancelled)
