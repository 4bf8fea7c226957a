"""Each deploy's events, one JSON object a line in a file of its own, so that whoever follows late or again sees all of it."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]

MAX_BYTES = 4 * 1024 * 1024  # a build that prints without end must not fill the disk


class EventLog:
    """Given a directory, append events to deploys' logs and follow them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._news = threading.Condition()
        self._full: set[int] = set()

    def append(self, deploy: int, event: Event) -> None:
        """Given a deploy and an event, add it. Output beyond the limit of a log is left out, and that is said once."""
        path = self._path(deploy)
        with self._news:
            size = path.stat().st_size if path.exists() else 0
            if size > MAX_BYTES and event.get("event") == "output":
                if deploy in self._full:
                    return
                self._full.add(deploy)
                event = {"event": "note", "text": "the output is too long; the rest of it is not kept"}
            self._directory.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
            self._news.notify_all()

    def follow(self, deploy: int, ended: Callable[[], bool]) -> Iterator[Event]:
        """Given a deploy and a question that turns true once it has ended, yield its events from the first to the last."""
        position = 0
        while True:
            # Asked before reading, so that what is written up to the end is read afterwards.
            last_round = ended()
            events, position = self._read(deploy, position)
            yield from events
            if last_round:
                return
            with self._news:
                if not self._grown(deploy, position) and not ended():
                    self._news.wait(0.5)

    def wake(self) -> None:
        """Have all followers ask again whether their deploy has ended."""
        with self._news:
            self._news.notify_all()

    def remove(self, deploy: int) -> None:
        """Given a deploy, delete its log."""
        self._full.discard(deploy)
        self._path(deploy).unlink(missing_ok=True)

    def _grown(self, deploy: int, position: int) -> bool:
        path = self._path(deploy)
        return path.exists() and path.stat().st_size > position

    def _read(self, deploy: int, position: int) -> tuple[list[Event], int]:
        try:
            with self._path(deploy).open("rb") as file:
                file.seek(position)
                data = file.read()
        except FileNotFoundError:
            return [], position
        whole = data[: data.rfind(b"\n") + 1]
        return [event for line in whole.splitlines() if (event := _event(line)) is not None], position + len(whole)

    def _path(self, deploy: int) -> Path:
        return self._directory / f"{deploy}.jsonl"


def _event(line: bytes) -> Event | None:
    # A line torn by a crash is left out: the log is for people, the journal knows the outcome.
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
