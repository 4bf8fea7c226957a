"""The registry has the detector of every runtime."""

from deployhost.build.detect.registry import detectors
from deployhost.model import RuntimeName


def test_there_is_one_for_each_runtime() -> None:
    names = [one.name for one in detectors()]
    assert sorted(names) == sorted(RuntimeName)
    assert names[-1] == RuntimeName.STATIC, "files may lie in every tree: they are asked for last"


def test_the_order_is_that_of_their_priorities() -> None:
    assert [one.priority for one in detectors()] == sorted(one.priority for one in detectors())
    assert detectors() is detectors()
