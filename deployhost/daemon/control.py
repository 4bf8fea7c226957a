"""The control socket: one thread per connection, one request per connection (control/messages.py)."""

import contextlib
import errno
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.control.messages import LIMIT, Event, Message, decode, encode
from deployhost.errors import DeployhostError, InternalError, InvalidRequest
from deployhost.system.stop import Stop

Emit = Callable[[Event], None]
Handler = Callable[[Message, Emit], Message]
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.ECONNABORTED)
PAUSE = 0.5  # seconds until the next connection is taken where one could not be
log = logging.getLogger(__name__)


class Disconnected(Exception):
    """The client has gone: stop telling it things. What it asked for goes on."""


@dataclass(frozen=True)
class Client:
    """Whoever is at the other end of a connection: told things, and known to be gone once nobody is there."""

    connection: socket.socket

    def __call__(self, line: Message) -> None:
        """Send an event, or the last line. Raises Disconnected."""
        try:
            self.connection.sendall(encode(line))
        except OSError as error:
            raise Disconnected from error

    @contextlib.contextmanager
    def gone(self) -> Iterator[Stop]:
        """Yield what is set once the client has gone: for what would wait for ever without ever sending a word."""
        stop, ended = Stop(), os.eventfd(0, os.EFD_CLOEXEC)
        watch = threading.Thread(target=self._watch, args=(stop, ended), name="hang-up", daemon=True)
        watch.start()
        try:
            yield stop
        finally:
            os.eventfd_write(ended, 1)
            watch.join()
            os.close(ended)

    def _watch(self, stop: Stop, ended: int) -> None:
        waiting = select.poll()
        waiting.register(self.connection, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        waiting.register(ended, select.POLLIN)
        if any(descriptor != ended for descriptor, _ in waiting.poll()):
            stop.set()


def until_gone(emit: Emit) -> contextlib.AbstractContextManager[Stop]:
    """Return a block's own stop, which is set once the client is gone; a plain function never goes."""
    return emit.gone() if isinstance(emit, Client) else contextlib.nullcontext(Stop())


class ControlServer:
    """Answers on the control socket, each operation by its handler."""

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
            try:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), name="control", daemon=True).start()
            except (OSError, RuntimeError, MemoryError) as error:
                if isinstance(error, OSError) and error.errno not in PASSING:
                    raise
                # Nothing is left to answer with just now; whoever asked asks again.
                log.warning("a connection to the control socket can't be answered: %s", error)
                time.sleep(PAUSE)

    def _answer(self, connection: socket.socket) -> None:
        emit = Client(connection)
        with contextlib.closing(connection), contextlib.suppress(Disconnected):
            try:
                emit({"result": self._handle(connection, emit)})
            except DeployhostError as error:
                emit({"error": error.to_json()})
            except Disconnected:
                raise
            except Exception as error:
                log.exception("a request failed")
                defect = InternalError(f"a defect of deployhost: {error!r}; deployhostd's log has the details")
                emit({"error": defect.to_json()})

    def _handle(self, connection: socket.socket, emit: Emit) -> Message:
        with connection.makefile("rb") as lines:
            line = lines.readline(LIMIT)
        try:
            request = decode(line)
        except ValueError as error:
            raise InvalidRequest("the request must be one JSON object on one line") from error
        handler = self._handlers.get(str(request.get("op")))
        if handler is None:
            raise InvalidRequest(f"no such operation: {str(request.get('op'))[:60]!r}", hint="deployhost version")
        return handler(request, emit)
