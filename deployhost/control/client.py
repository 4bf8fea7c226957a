"""The small client: one request, its events, its result. Imports nothing but the standard library's lightest parts."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from deployhost.control.messages import Message, decode, encode
from deployhost.errors import DaemonUnavailable, RemoteError

OnEvent = Callable[[Message], None]


def call(path: str, op: str, on_event: OnEvent | None = None, *, timeout: float | None = None, **arguments: Any) -> Any:
    """Given the socket's path, an operation and its arguments, return the result; `on_event` gets each event as it comes.

    `timeout` bounds each wait for a line, in seconds. Raise RemoteError for an error the daemon sent, DaemonUnavailable
    if it does not answer or the connection ends early (what was asked for may go on: a deploy does).
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
    """Given a connection on which a request was sent, return and raise what `call` does."""
    with connection.makefile("rb") as lines:
        while True:
            try:
                line = lines.readline()
            except OSError as error:
                raise _unavailable(path, error) from error
            if not line.endswith(b"\n"):
                raise DaemonUnavailable("deployhostd ended the connection before it answered", hint="deployhost status")
            message = decode(line)
            if "error" in message:
                raise RemoteError(message["error"])
            if "result" in message:
                return message["result"]
            if on_event is not None:
                on_event(message)


def _unavailable(path: str, error: OSError) -> DaemonUnavailable:
    if isinstance(error, PermissionError):
        return DaemonUnavailable("only root may talk to deployhostd", hint="sudo deployhost …")
    if isinstance(error, TimeoutError):
        return DaemonUnavailable("deployhostd did not answer in time", hint="deployhost status")
    return DaemonUnavailable(f"deployhostd is not running (nothing answers at {path})", hint="deployhost setup --local")
