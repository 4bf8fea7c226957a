"""What converging reads off its facts."""

from dataclasses import replace

import pytest

from tests.unit.converge.seen import ALL_THERE, FACTS, LIVE, ONE, WEB_SEEN, seen


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("running", (True, False, False)),
        ("restarting", (True, False, False)),
        ("removing", (True, False, False)),
        ("paused", (False, True, False)),
        ("exited", (False, False, True)),
        ("dead", (False, False, True)),
        ("created", (False, False, True)),
    ],
)
def test_each_container_runs_is_frozen_or_has_ended(status: str, expected: tuple[bool, bool, bool]) -> None:
    one = seen("web", status=status)
    assert (one.runs, one.frozen, one.ended) == expected


def test_containers_of_the_live_release() -> None:
    others = (seen("web", deploy=4), seen("worker", deploy=4))
    assert replace(FACTS, containers=(*others, *ALL_THERE)).live_containers == ALL_THERE
    assert replace(FACTS, live=None).live_containers == ()


def test_containers_of_a_live_release_that_kamal_made() -> None:
    """Only their names tell: they carry no deploy."""
    web, worker = seen("web", deploy=None), seen("worker", deploy=None)
    ours = seen("worker", deploy=7)
    facts = replace(FACTS, live=replace(LIVE, container=web.id), containers=(worker, ours, web))
    assert worker.name == f"shop-worker-{ONE}"
    assert facts.live_containers == (web, worker)


def test_lost() -> None:
    assert FACTS.lost == ()
    assert replace(FACTS, containers=(WEB_SEEN, seen("worker"))).lost == ("mailer",)
    assert replace(FACTS, containers=()).lost == ("web",), "what else is gone is made anew with it"
    assert replace(FACTS, containers=(), live=None).lost == ()
