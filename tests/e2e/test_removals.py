"""What was removed stays removed, in short; tests/soak/removals.py does the same with more apps, kills and seeds."""

from pathlib import Path

from tests.soak.removals import remove_all

SEED = 20261130


def test_nothing_is_left(system: None, tmp_path: Path) -> None:
    outcome = remove_all(tmp_path, count=12, kills=3, seed=SEED, real=2)
    assert outcome.problems == []
    assert (outcome.removed >= 12, outcome.killed) == (True, 3)
