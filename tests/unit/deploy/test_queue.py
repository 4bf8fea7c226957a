"""Which deploy comes next, and which version it gets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from deployhost.deploy.queue import next_of, next_version, overtakes
from deployhost.model import AppName, Deploy, DeployStatus, Sha, Trigger, Version

ONE = Sha("1" * 40)


def deploy(number: int, trigger: Trigger = Trigger.PUSH, status: DeployStatus = DeployStatus.QUEUED) -> Deploy:
    return Deploy(
        id=number, app=AppName("shop"), sha=ONE, subject="", branch=None, trigger=trigger, rebuild=False, status=status,
        stage="", attempt=0, version=None, container=None, port=None, requested_at=0.0, started_at=None, live_at=None,
        finished_at=None, superseded_by=None, error=None,
    )  # fmt: skip


def test_overtakes() -> None:
    choices, repeats = {Trigger.PUSH, Trigger.MANUAL, Trigger.ROLLBACK}, {Trigger.RESTART, Trigger.SETTINGS}
    for new, old in itertools.product(Trigger, Trigger):
        same_kind = {new, old} <= choices or {new, old} <= repeats
        assert overtakes(new, deploy(1, old)) is same_kind, (new, old)


def test_next_of() -> None:
    assert next_of([]) is None
    running = deploy(1, status=DeployStatus.RUNNING)
    assert next_of([running]) is None
    assert next_of([deploy(3), running, deploy(2)]) == deploy(2)


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(list(DeployStatus))), unique_by=lambda item: item[0]))
def test_next_is_the_oldest_queued_one(items: list[tuple[int, DeployStatus]]) -> None:
    queued = [number for number, status in items if status is DeployStatus.QUEUED]
    found = next_of(deploy(number, status=status) for number, status in items)
    assert (None if found is None else found.id) == min(queued, default=None)


def test_versions() -> None:
    assert next_version(ONE, set()) == Version(ONE)
    assert next_version(ONE, {ONE}) == Version(f"{ONE}-2")
    assert next_version(ONE, {ONE, f"{ONE}-2", f"{ONE}-4"}) == Version(f"{ONE}-3")
    assert next_version(ONE, {"2" * 40}) == Version(ONE)


@given(st.integers(0, 30))
def test_versions_are_never_used_twice(count: int) -> None:
    used: set[str] = set()
    for _ in range(count):
        version = next_version(ONE, used)
        assert version not in used
        assert version.sha == ONE
        used.add(version)
