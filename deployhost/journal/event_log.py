"""Each deploy's events, one JSON object a line in a file of its own, so that whoever follows late or again sees all of it."""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]

MAX_BYTES = 4 * 1024 * 1024  # a build that prints without end must not fill the disk
log = logging.getLogger(__name__)


class EventLog:
    """Appends events to deploys' logs, one file each in a directory, and follows them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._news = threading.Condition()
        self._full: set[int] = set()

    def append(self, deploy: int, event: Event) -> None:
        """Add an event to a deploy's log. Output beyond the limit of a log is left out, and a note says so once.

        Never raises: that nobody can be told (a full disk) is no reason for a deploy to fail.
        """
        with self._news:
            try:
                self._write(deploy, event)
            except OSError as error:
                log.warning("an event of deploy %d is lost: %s", deploy, error)
            self._news.notify_all()

    def follow(self, deploy: int, ended: Callable[[], bool]) -> Iterator[Event]:
        """Yield a deploy's events from the first to the last; `ended` turns true once the deploy has ended."""
        position = 0
        while True:
            # Asked before reading, so that what is written up to the end is read afterwards.
            last_round = ended()
            events, position, seen = self._read(deploy, position)
            yield from events
            if last_round:
                return
            with self._news:
                if self._size(deploy) <= seen and not ended():
                    self._news.wait(0.5)

    def wake(self) -> None:
        """Have all followers ask again whether their deploy has ended."""
        with self._news:
            self._news.notify_all()

    def remove(self, deploy: int) -> None:
        """Delete a deploy's log."""
        self._full.discard(deploy)
        self._path(deploy).unlink(missing_ok=True)

    def _write(self, deploy: int, event: Event) -> None:
        line = _line(event)
        if event.get("event") == "output" and self._size(deploy) + len(line) > MAX_BYTES:
            if deploy in self._full:
                return
            self._full.add(deploy)
            line = _line({"event": "note", "text": "the output is too long; the rest of it is not kept"})
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._path(deploy).open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            # What a crash tore off must not swallow the line that follows it.
            file.write((b"\n" if end and file.read() != b"\n" else b"") + line)

    def _size(self, deploy: int) -> int:
        try:
            return self._path(deploy).stat().st_size
        except FileNotFoundError:
            return 0

    def _read(self, deploy: int, position: int) -> tuple[list[Event], int, int]:
        """Return the events from a position on, the position behind the last whole line, and how far the file reached."""
        try:
            with self._path(deploy).open("rb") as file:
                file.seek(position)
                data = file.read()
        except FileNotFoundError:
            return [], position, 0
        whole = data[: data.rfind(b"\n") + 1]
        events = [event for line in whole.splitlines() if (event := _event(line)) is not None]
        return events, position + len(whole), position + len(data)

    def _path(self, deploy: int) -> Path:
        return self._directory / f"{deploy}.jsonl"


def _line(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def _event(line: bytes) -> Event | None:
    # A line torn by a crash is left out: the log is for people, the journal knows the outcome.
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
