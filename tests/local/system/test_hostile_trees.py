"""Hostile trees of commits, a few of them: tests/soak/hostile.py makes a thousand."""

from pathlib import Path

import pytest

from deployhost.system.git import BareRepository
from tests.inputs.hostile_trees import Forest


@pytest.mark.parametrize("seed", range(4))
def test_nothing_hostile_is_written(tmp_path: Path, seed: int) -> None:
    forest = Forest(tmp_path, seed)
    commits = [forest.commit() for _ in range(15)]
    written = [forest.check(commit) for commit in commits]
    assert any(written)
    assert not all(written)


def test_the_trial_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_self: BareRepository, _sha: str, tree: Path, _stop: object = None) -> None:
        tree.mkdir(parents=True)
        (tree / "../outside/file").write_text("changed")

    monkeypatch.setattr(BareRepository, "check_out", careless)
    forest = Forest(tmp_path, 1)
    with pytest.raises(AssertionError):
        forest.check(forest.commit())
