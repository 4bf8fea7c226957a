"""The small client: one request, its events, its result. Imports nothing but the standard library's lightest parts."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any, cast

from deployhost.control.messages import Event, decode, encode
from deployhost.errors import DaemonUnavailable, RemoteError

OnEvent = Callable[[Event], object]


def call(path: str, op: str, on_event: OnEvent | None = None, *, timeout: float | None = None, **arguments: Any) -> Any:
    """Ask the daemon at the socket `path` for an operation and return its result; `on_event` gets each event as it comes.

    `timeout` bounds each wait for a line, in seconds. Raises RemoteError for an error the daemon sent, DaemonUnavailable
    if it does not answer or the connection ends early (a deploy that has begun continues).
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(connection):
        connection.settimeout(timeout)
        try:
            connection.connect(path)
            connection.sendall(encode({"op": op, **arguments}))
        except OSError as error:
            raise _unavailable(path, error) from error
        return answer(path, connection, on_event)


def answer(path: str, connection: socket.socket, on_event: OnEvent | None = None) -> Any:
    """Return the result that comes on a connection on which a request was sent. Raises what `call` does."""
    with connection.makefile("rb") as lines:
        while True:
            try:
                line = lines.readline()
            except OSError as error:
                raise _unavailable(path, error) from error
            if not line.endswith(b"\n"):
                raise DaemonUnavailable(
                    "deployhostd ended the connection before it answered", hint="deployhost setup --local"
                )
            message = decode(line)
            if "error" in message:
                raise RemoteError(message["error"])
            if "result" in message:
                return message["result"]
            if on_event is not None and "event" in message:
                on_event(cast("Event", message))


def _unavailable(path: str, error: OSError) -> DaemonUnavailable:
    if isinstance(error, PermissionError):
        return DaemonUnavailable("only root may talk to deployhostd: run the command with sudo")
    if isinstance(error, TimeoutError):
        return DaemonUnavailable("deployhostd did not answer in time", hint="deployhost setup --local")
    return DaemonUnavailable(f"deployhostd is not running (nothing answers at {path})", hint="deployhost setup --local")
