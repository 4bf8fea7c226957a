"""The control socket: one thread per connection, one request per connection (control/messages.py)."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from deployhost.control.messages import LIMIT, Message, decode, encode
from deployhost.errors import DeployhostError, InternalError, InvalidRequest

Emit = Callable[[Message], None]
Handler = Callable[[Message, Emit], Message]
log = logging.getLogger(__name__)


class Disconnected(Exception):
    """The client has gone: stop telling it things. What it asked for goes on."""


class ControlServer:
    """Given the socket's path and the handlers by operation, answer until the process ends."""

    def __init__(self, path: Path, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # the socket must never be there for others, not even for a moment
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(before)
        self._socket.listen(128)

    def serve(self) -> None:
        """Answer requests for ever."""
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._answer, args=(connection,), name="control", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        def emit(event: Message) -> None:
            try:
                connection.sendall(encode(event))
            except OSError as error:
                raise Disconnected from error

        with contextlib.closing(connection), contextlib.suppress(Disconnected):
            try:
                emit({"result": self._handle(connection, emit)})
            except DeployhostError as error:
                emit({"error": error.to_json()})
            except Disconnected:
                raise
            except Exception as error:
                log.exception("a request failed")
                emit(
                    {
                        "error": InternalError(
                            f"a defect of deployhost: {error!r}", hint="see deployhostd's log"
                        ).to_json()
                    }
                )

    def _handle(self, connection: socket.socket, emit: Emit) -> Message:
        with connection.makefile("rb") as lines:
            line = lines.readline(LIMIT)
        try:
            request = decode(line)
        except ValueError as error:
            raise InvalidRequest("the request is no JSON object on one line") from error
        handler = self._handlers.get(str(request.get("op")))
        if handler is None:
            raise InvalidRequest(f"no such operation: {str(request.get('op'))[:60]!r}", hint="deployhost version")
        return handler(request, emit)
