"""The demo's counter: two releases that overlap lose no visit, and a release keeps what its first start took."""

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from deployhost.templates import templates_dir


@pytest.fixture(scope="module")
def visits() -> ModuleType:
    """The demo is an app of its own, not part of the package: its module is loaded from its file."""
    spec = importlib.util.spec_from_file_location("demo_visits", templates_dir() / "demo/visits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo_visits"] = module
    spec.loader.exec_module(module)
    return module


def test_overlapping_releases_lose_nothing(visits: ModuleType, tmp_path: Path) -> None:
    old, new = (visits.InFile(tmp_path / "visits.db", version, 0.5) for version in ("old", "new"))
    each, threads = 50, 4

    def count(counter: object) -> None:
        for _ in range(each):
            counter.count()  # type: ignore[attr-defined]

    running = [threading.Thread(target=count, args=(counter,)) for counter in (old, new) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert {release.version: release.visits for release in new.releases()} == {"old": 200, "new": 200}
    assert old.releases() == new.releases()


def test_newest_release_is_first(visits: ModuleType, tmp_path: Path) -> None:
    for version in ("one", "two", "three"):
        visits.InFile(tmp_path / "visits.db", version, None)
    shown = visits.InFile(tmp_path / "visits.db", "three", None).releases()
    assert [release.version for release in shown] == ["three", "two", "one"]


def test_a_restart_keeps_what_the_first_start_took(visits: ModuleType, tmp_path: Path) -> None:
    visits.InFile(tmp_path / "visits.db", "one", 0.61).count()
    (again,) = visits.InFile(tmp_path / "visits.db", "one", None).releases()
    assert (again.took, again.visits) == (0.61, 1)


def test_without_storage_it_counts_in_memory(visits: ModuleType) -> None:
    counter = visits.InMemory("one", 0.61)
    counter.count()
    counter.count()
    (release,) = counter.releases()
    assert (release.visits, release.took, counter.kept) == (2, 0.61, False)
