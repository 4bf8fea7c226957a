"""Following a deploy: each event once, however often the connection breaks."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployhost.control.following import Once

STORY: list[dict[str, Any]] = [{"event": "note", "text": str(number)} for number in range(6)]


@given(st.lists(st.integers(0, 7), max_size=5))
def test_each_event_once(breaks: list[int]) -> None:
    """Given after how many events each connection breaks, the whole story is shown in its order."""
    told: list[dict[str, Any]] = []
    once = Once(told.append)
    for heard in (*breaks, len(STORY) + 1):
        for event in [{"event": "deploy", "id": 7}, *STORY][:heard]:
            once(event)
        assert once.broke() is (heard > 0)
    assert told == STORY
    assert once.deploy == 7


def test_the_same_line_twice_is_two_lines() -> None:
    told: list[dict[str, Any]] = []
    once = Once(told.append)
    once(STORY[0])
    once(STORY[0])
    assert told == [STORY[0], STORY[0]]


def test_what_comes_before_the_story() -> None:
    """It comes again with a new connection, and is not taken for a part of the story."""
    told: list[dict[str, Any]] = []
    once = Once(told.append)
    for _ in range(2):
        for event in (
            {"event": "note", "text": "before"},
            {"event": "deploy", "id": 7, "rest": {"app": "shop"}},
            STORY[0],
        ):
            once(event)
        once.broke()
    assert [event["text"] for event in told] == ["before", "0"]
    assert once.rest == {"app": "shop"}


def test_another_deploy_is_another_story() -> None:
    told: list[dict[str, Any]] = []
    once = Once(told.append)
    for number in (7, 8):
        once({"event": "deploy", "id": number})
        once(STORY[0])
        once.broke()
    assert len(told) == 2
