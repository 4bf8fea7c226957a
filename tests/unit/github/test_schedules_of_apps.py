"""Random schedules of pushes to three apps, a few of those that tests/soak/deliveries.py plays."""

import pytest

from tests.fakes.assembled import Server
from tests.fakes.schedules import Schedule


@pytest.mark.parametrize("seed", range(4))
def test_every_head_is_decided_on_once(server: Server, seed: int) -> None:
    assert Schedule(server, seed).run() == []
