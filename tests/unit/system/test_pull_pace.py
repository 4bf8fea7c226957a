"""Pulls that go on, and one that only pretends to."""

from typing import Any

from deployhost.system.pull_pace import SLOW_FOR, SLOWEST, PullPace


def event(status: str, current: int = 0, layer: str = "a") -> dict[str, Any]:
    return {"id": layer, "status": status, "progressDetail": {"current": current, "total": 10**9}}


def test_a_byte_now_and_then_is_no_pull() -> None:
    pace, now = PullPace(0.0), 0.0
    while not pace.too_slow(event("Downloading", int(now * 5)), now):
        now += 0.2
        assert now < 2 * SLOW_FOR
    assert now > SLOW_FOR


def test_a_slow_line_is_one() -> None:
    """Two layers, each at a little more than half of what is asked of both."""
    pace = PullPace(0.0)
    for second in range(3600):
        for layer in "ab":
            assert not pace.too_slow(event("Downloading", second * SLOWEST * 11 // 20, layer), float(second))


def test_unpacking_takes_as_long_as_it_takes() -> None:
    pace = PullPace(0.0)
    for second in range(600):
        assert not pace.too_slow(event("Extracting", 5), float(second))
    assert not pace.too_slow(event("Pull complete"), 600.0)
    assert not pace.too_slow(event("Downloading", 1, "b"), 601.0)
    assert pace.too_slow(event("Downloading", 2, "b"), 601.0 + SLOW_FOR)


def test_retries_and_odd_events_are_no_progress() -> None:
    pace = PullPace(0.0)
    for second in range(int(SLOW_FOR)):
        assert not pace.too_slow({"status": f"Retrying in {second} seconds", "id": "a"}, float(second))
        assert not pace.too_slow({"progressDetail": None}, float(second))
    assert pace.too_slow({}, SLOW_FOR + 1)
