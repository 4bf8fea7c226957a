"""Each deploy's events: whoever follows, early, late or across a restart, sees all of them once."""

import threading
from pathlib import Path

import pytest

from deployhost.journal import event_log
from deployhost.journal.event_log import Event, EventLog


def note(text: str) -> Event:
    return {"event": "note", "text": text}


def texts(log: EventLog, deploy: int = 1) -> list[str]:
    return [event["text"] for event in log.follow(deploy, lambda: True)]


class Follower:
    """Follows a deploy in a thread of its own."""

    def __init__(self, log: EventLog, deploy: int) -> None:
        self.seen: list[str] = []
        self.over = False
        self._log, self._deploy = log, deploy
        self._news = threading.Condition()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        for event in self._log.follow(self._deploy, lambda: self.over):
            with self._news:
                self.seen.append(event["text"])
                self._news.notify_all()

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.seen) >= count, timeout=5), self.seen

    def end(self) -> list[str]:
        self.over = True
        self._log.wake()
        self.thread.join(5)
        assert not self.thread.is_alive()
        return self.seen


def test_follows(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "deploys")
    follower = Follower(log, 1)
    log.append(1, note("one"))
    log.append(2, note("of another deploy"))
    log.append(1, note("two"))
    follower.wait_for(2)
    log.append(1, note("three"))
    assert follower.end() == ["one", "two", "three"]


def test_late_follower(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.append(1, note("one"))
    log.append(1, note("two"))
    late = Follower(log, 1)
    late.wait_for(2)
    log.append(1, note("three"))
    assert late.end() == ["one", "two", "three"]


def test_what_comes_with_the_end_is_seen(tmp_path: Path) -> None:
    """The last events are written just before the deploy ends: asked in that order, none is missed."""
    log = EventLog(tmp_path)
    log.append(1, note("one"))
    asked = []

    def ended() -> bool:
        asked.append(1)
        if len(asked) == 2:
            log.append(1, note("last words"))
        return len(asked) >= 2

    assert [event["text"] for event in log.follow(1, ended)] == ["one", "last words"]


def test_across_a_restart(tmp_path: Path) -> None:
    """The daemon ends and another begins: its followers see the old events and the new."""
    EventLog(tmp_path).append(1, note("before"))
    log = EventLog(tmp_path)
    follower = Follower(log, 1)
    log.append(1, note("after"))
    assert follower.end() == ["before", "after"]


def test_torn_line(tmp_path: Path) -> None:
    """What a crash tore off is left out, and does not take the next event with it."""
    log = EventLog(tmp_path)
    log.append(1, note("whole"))
    with (tmp_path / "1.jsonl").open("ab") as file:
        file.write(b'{"event":"note","te')
    assert texts(log) == ["whole"]
    log = EventLog(tmp_path)
    log.append(1, note("next"))
    log.append(1, note("last"))
    assert texts(log) == ["whole", "next", "last"]


def test_torn_line_does_not_keep_followers_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1.jsonl").write_bytes(b'{"event":"note","text":"whole"}\n{"eve')
    log = EventLog(tmp_path)
    reads = []
    real = EventLog._read

    def counted(log: EventLog, deploy: int, position: int) -> tuple[list[Event], int, int]:
        reads.append(position)
        return real(log, deploy, position)

    monkeypatch.setattr(EventLog, "_read", counted)
    follower = Follower(log, 1)
    follower.wait_for(1)
    follower.thread.join(0.15)
    assert len(reads) < 4
    assert follower.end() == ["whole"]


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b"\xff\xfe\n", b"\n"])
def test_bad_lines_are_left_out(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "1.jsonl").write_bytes(line + b'{"event":"note","text":"good"}\n')
    assert texts(EventLog(tmp_path)) == ["good"]


def test_any_text(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for text in ("ü", "a\nb", "\udcff", "\x1b[31m", "\u2028"):
        log.append(1, note(text))
    assert texts(log) == ["ü", "a\nb", "\udcff", "\x1b[31m", "\u2028"]


def test_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless output is cut off, said once; what is no output still gets through."""
    monkeypatch.setattr(event_log, "MAX_BYTES", 500)
    log = EventLog(tmp_path)
    for number in range(100):
        log.append(1, {"event": "output", "stage": "build", "line": f"line {number}"})
    log.append(1, {"event": "output", "stage": "build", "line": "x" * 10_000})
    log.append(1, note("it failed"))
    events = list(log.follow(1, lambda: True))
    assert [event["text"] for event in events if event["event"] == "note"] == [
        "the output is too long; the rest of it is not kept",
        "it failed",
    ]
    assert (tmp_path / "1.jsonl").stat().st_size < 800
    assert events[0]["line"] == "line 0"


def test_full_disk_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "deploys").write_text("in the way")
    EventLog(tmp_path / "deploys").append(1, note("lost"))
    assert "an event of deploy 1 is lost" in caplog.text


def test_removed(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.append(1, note("one"))
    log.remove(1)
    log.remove(1)
    assert texts(log) == []


def test_nothing_yet(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "not yet")
    follower = Follower(log, 1)
    log.append(1, note("first"))
    assert follower.end() == ["first"]
