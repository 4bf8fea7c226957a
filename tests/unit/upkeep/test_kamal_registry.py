"""When the registry is collected, and what is kept in it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from deployhost.config.settings import DAY
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.kamal.registry import Collected, KamalRegistry
from deployhost.model import AppName, DeployStatus, Version
from deployhost.upkeep.kamal_registry import LARGE, MEASURE, WEEK, RegistryCollector

APP, OTHER = AppName("blog"), AppName("shop")
KEPT, BUSY, ENDED = (Version(digit * 40) for digit in "123")
NOW = 100.0


@dataclass
class Registry:
    """A registry of some size that notes what it is told to keep."""

    bytes: int = 1
    measured: int = 0
    pushed_to: bool = False
    kept: list[Mapping[AppName, Collection[Version]]] = field(default_factory=list)

    def size(self) -> int:
        self.measured += 1
        return self.bytes

    def collect(self, keep: Mapping[AppName, Collection[Version]]) -> Collected | None:
        self.kept.append(keep)
        return None if self.pushed_to else Collected(1, self.bytes, 0)


class Server:
    """A collector on fakes, and the time."""

    def __init__(self) -> None:
        self.now, self.registry = NOW, Registry()
        releases = SimpleNamespace(of_app=lambda app: [SimpleNamespace(version=KEPT)] if app == APP else [])
        made = [
            SimpleNamespace(version=BUSY, status=DeployStatus.RUNNING),
            SimpleNamespace(version=ENDED, status=DeployStatus.FAILED),
            SimpleNamespace(version=None, status=DeployStatus.QUEUED),
        ]
        deploys = SimpleNamespace(of_app=lambda app, limit: made[:limit] if app == APP else [])
        self.collector = RegistryCollector(
            cast("KamalRegistry", self.registry),
            cast("Deploys", deploys),
            cast("Releases", releases),
            lambda: [APP, OTHER],
            lambda: self.now,
        )


@pytest.fixture
def server() -> Server:
    return Server()


def test_releases_and_what_is_being_deployed_are_kept(server: Server) -> None:
    server.collector.run()
    assert server.registry.kept == [{APP: {KEPT, BUSY}, OTHER: frozenset()}]


@pytest.mark.parametrize(("size", "interval"), [(0, None), (1, WEEK), (LARGE, WEEK), (LARGE + 1, DAY)])
def test_once_a_week_or_a_day_where_it_is_much(server: Server, size: int, interval: float | None) -> None:
    server.registry.bytes = size
    assert server.collector.interval() == interval


def test_its_size_is_measured_now_and_then(server: Server) -> None:
    assert [server.collector.interval() for _ in range(3)] == [WEEK] * 3
    server.registry.bytes, server.now = LARGE + 1, NOW + MEASURE - 1
    assert server.collector.interval() == WEEK
    assert server.registry.measured == 1
    server.now += 1
    assert server.collector.interval() == DAY


def test_one_that_a_push_is_in_the_way_of(server: Server) -> None:
    server.registry.pushed_to = True
    assert server.collector.run() is None
