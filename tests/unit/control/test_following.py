"""Following a deploy: each event once, however often the connection breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.control import following
from deployhost.control.following import Once, until_answered
from deployhost.control.messages import DeployEvent, Event, NoteEvent
from deployhost.errors import DaemonUnavailable

BEGUN = DeployEvent(event="deploy", id=7)
STORY = [NoteEvent(event="note", text=str(number)) for number in range(6)]


@given(st.lists(st.integers(0, 7), max_size=5))
def test_each_event_once(breaks: list[int]) -> None:
    """Given after how many events each connection breaks, the whole story is shown in its order."""
    told: list[Event] = []
    once = Once(told.append)
    for heard in (*breaks, len(STORY) + 1):
        events: list[Event] = [BEGUN, *STORY]
        for event in events[:heard]:
            once(event)
        assert once.broke() is (heard > 0)
    assert told == STORY
    assert once.deploy == 7


def test_the_same_line_twice_is_two_lines() -> None:
    told: list[Event] = []
    once = Once(told.append)
    once(STORY[0])
    once(STORY[0])
    assert told == [STORY[0], STORY[0]]


def test_what_comes_before_the_story() -> None:
    """It comes again with a new connection, and is not taken for a part of the story."""
    told: list[Event] = []
    once = Once(told.append)
    for _ in range(2):
        once({"event": "note", "text": "before"})
        once({"event": "deploy", "id": 7, "rest": {"app": "shop"}})
        once(STORY[0])
        once.broke()
    assert told == [{"event": "note", "text": "before"}, STORY[0]]
    assert once.rest == {"app": "shop"}


def test_another_deploy_is_another_story() -> None:
    told: list[Event] = []
    once = Once(told.append)
    for number in (7, 8):
        once({"event": "deploy", "id": number})
        once(STORY[0])
        once.broke()
    assert len(told) == 2


class Daemon:
    """Answers once it has failed `failures` times; with `heard`, each time after an event."""

    def __init__(self, failures: int, *, heard: bool) -> None:
        self.once = Once(lambda _: None)
        self.failures = failures
        self.heard = heard
        self.asked = 0
        self.lost = 0

    def ask(self) -> str:
        self.asked += 1
        if self.heard:
            self.once(BEGUN)
        if self.asked <= self.failures:
            raise DaemonUnavailable("gone")
        return "done"

    def count(self) -> None:
        self.lost += 1


def test_a_daemon_that_restarts_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RETRY", 0.001)
    daemon = Daemon(3, heard=True)
    assert until_answered(daemon.ask, daemon.once, daemon.count) == "done"
    assert (daemon.asked, daemon.lost) == (4, 1)


def test_a_daemon_that_was_not_there_is_asked_as_long_as_the_caller_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RETRY", 0.001)
    absent = Daemon(1000, heard=False)
    with pytest.raises(DaemonUnavailable):
        until_answered(absent.ask, absent.once, absent.count)
    assert (absent.asked, absent.lost) == (1, 0)
    late = Daemon(3, heard=False)
    assert until_answered(late.ask, late.once, late.count, patience=10) == "done"
    assert (late.asked, late.lost) == (4, 0)


def test_what_must_not_be_asked_twice_is_not() -> None:
    daemon = Daemon(1, heard=True)
    with pytest.raises(DaemonUnavailable):
        until_answered(daemon.ask, daemon.once, daemon.count, repeatable=lambda: False)
    assert (daemon.asked, daemon.lost) == (1, 0)
