"""The short form of tests/soak/trees.py."""

from deployhost.build.directory import load_templates
from deployhost.build.tree import MemoryTree
from tests.inputs.mutated_trees import BASES, MOVABLE, Mutator, planned


def test_no_mutated_tree_is_built() -> None:
    mutator, templates = Mutator(7), load_templates()
    built = [
        (mutant.case.name, mutant.done, plan.runtime, str(plan.start))
        for mutant in (mutator.mutant() for _ in range(300))
        if (plan := planned(MemoryTree(mutant.files), templates))
    ]
    assert built == []


def test_there_is_something_to_mutate() -> None:
    assert len({one.language for one in BASES}) >= 20
    assert len(MOVABLE) >= 20
