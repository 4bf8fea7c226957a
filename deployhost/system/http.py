"""The one door to HTTP: a single GET on a connection of its own, for health probes."""

import http.client
from dataclasses import dataclass
from typing import Protocol

from deployhost.model import NoAnswer


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


def get(ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
    """Return the status of a GET at an address with a Host; redirects are not followed.

    `timeout` is in seconds, for connecting and for each read. Never raises: no answer is an answer too.
    """
    connection = http.client.HTTPConnection(ip, port, timeout=timeout)
    try:
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host)
        connection.putheader("User-Agent", "deployhost")
        connection.putheader("Connection", "close")
        connection.endheaders()
        return Answer(connection.getresponse().status)
    except TimeoutError:
        return Answer(0, f"no answer within {timeout:g} s", "late")
    except ConnectionRefusedError:
        return Answer(0, "the connection was refused", "refused")
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, f"no HTTP answer ({type(error).__name__})", "not HTTP")
    finally:
        connection.close()
