"""The one door to HTTP: a single GET on a connection of its own, for health probes. All of it is bounded in time and bytes.

http.client bounds each read only, and reads `100 Continue` for ever: an app could hold a probe up for as long as it likes.
"""

import re
import socket
import time
from dataclasses import dataclass
from typing import Protocol

from deployhost.model import NoAnswer

LONGEST_HEAD = 128 * 1024  # bytes of a status line and headers, those of interim answers included
_CHUNK = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.\d +([1-9]\d\d)\b[^\n]*")  # RFC 9112, section 4
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_UNFIT = re.compile(r"[\x00-\x20\x7f]")
SWITCHING = 101  # the one interim status after which no other comes


@dataclass(frozen=True)
class Answer:
    """What a probe got: the status, or 0 and why there was none, as a sentence and as a word."""

    status: int
    problem: str = ""
    missing: NoAnswer | None = None


class Get(Protocol):
    """One GET: `get`, or what a test has in its place."""

    def __call__(self, ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
        """Return the answer to a GET of a path at an address, asked for a Host. Never raises."""


class _NotHTTP(Exception):
    """What came back is no answer to an HTTP request."""


def get(ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
    """Return the status of a GET at an address with a Host; redirects are not followed.

    `timeout` is in seconds, for all of it. Never raises: no answer is an answer too.
    """
    until = time.monotonic() + timeout
    try:
        request = _request(path, host)
        with socket.create_connection((ip, port), timeout=max(timeout, 0.001)) as connection:
            connection.settimeout(_left(until))
            connection.sendall(request)
            return Answer(_status(connection, until))
    except TimeoutError:
        return Answer(0, f"no answer within {timeout:g} s", "late")
    except ConnectionRefusedError:
        return Answer(0, "the connection was refused", "refused")
    except _NotHTTP as error:
        return Answer(0, f"no HTTP answer ({error})", "not HTTP")
    except OSError as error:
        return Answer(0, f"no HTTP answer ({type(error).__name__})", "not HTTP")


def _request(path: str, host: str) -> bytes:
    if _UNFIT.search(path) or _UNFIT.search(host):
        raise _NotHTTP("the path can't be asked for")
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: deployhost", "Connection: close", "", "")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _status(connection: socket.socket, until: float) -> int:
    """Return the status of the final answer: interim ones (1xx) are passed over."""
    head, read, ended = b"", 0, False
    while True:
        end = _END_OF_HEAD.search(head)
        if end is None and not ended:
            if read >= LONGEST_HEAD:
                raise _NotHTTP(f"headers of more than {LONGEST_HEAD // 1024} KB")
            connection.settimeout(_left(until))
            chunk = connection.recv(_CHUNK)
            head, read, ended = head + chunk, read + len(chunk), not chunk
            _refuse_early(head)
            continue
        line = _STATUS.match(head)
        if line is None:
            raise _NotHTTP("the connection was closed" if not head else "another protocol")
        status = int(line[1])
        if status // 100 != 1 or status == SWITCHING:
            return status
        head = head[end.end() :] if end is not None else b""


def _refuse_early(head: bytes) -> None:
    """Raise _NotHTTP once it is clear: what speaks another protocol may wait for us to speak it, too."""
    line, newline, _ = head.partition(b"\n")
    if not b"HTTP/".startswith(head[:5]) or (newline and _STATUS.match(line) is None):
        raise _NotHTTP("another protocol")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
