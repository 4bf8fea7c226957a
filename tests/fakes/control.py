"""A control socket whose answers are scripted: it refuses what it was not told, and what it was told must be asked for."""

import socket
import threading
from collections import deque
from pathlib import Path
from typing import Any

from deployhost.control.messages import Message, decode, encode
from deployhost.errors import DeployhostError

HANG_UP = "hang up"
"""As a result: the connection is closed without one, as when the daemon dies."""


class FakeControl:
    """Given the socket's path, answer requests by the script, in order for each operation; `requests` are all that came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[Message] = []
        self.refused: list[Message] = []
        self.release = threading.Event()  # what `hold` waits for
        self._script: dict[str, deque[tuple[list[Message], Any, bool]]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def on(self, op: str, result: Any, *events: Message, hold: bool = False) -> None:
        """Answer one request of an operation with these events and this result, error or HANG_UP; `hold` waits before the result."""
        self._script.setdefault(op, deque()).append((list(events), result, hold))

    def check(self) -> None:
        """Fail if anything was asked for that was not scripted, or scripted and not asked for."""
        assert not self.refused, f"not scripted: {self.refused}"
        left = {op: len(answers) for op, answers in self._script.items() if answers}
        assert not left, f"never asked for: {left}"

    def close(self) -> None:
        """Stop answering."""
        self.release.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    self._answer(connection)
                except (BrokenPipeError, ConnectionResetError):
                    continue

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            line = lines.readline()
        if not line:
            return
        request = decode(line)
        answers = self._script.get(request["op"])
        if not answers:
            self.refused.append(request)
            connection.sendall(encode({"error": {"code": "internal", "message": f"not scripted: {request['op']}"}}))
            return
        self.requests.append(request)
        events, result, hold = answers.popleft()
        for event in events:
            connection.sendall(encode(event))
        if hold:
            self.release.wait(10)
        if isinstance(result, DeployhostError):
            connection.sendall(encode({"error": result.to_json()}))
        elif result is not HANG_UP:
            connection.sendall(encode({"result": result}))
