"""Cloudflare's API, asked in a process of its own: its SDK takes 90 MB and a second to load, and the daemon has neither.

It answers account.py: a request is {token, method, arguments, seconds}, an answer {result} or {error}, each as JSON behind its
length. The token comes on standard input only.
"""

import contextlib
import json
import os
import resource
import signal
import ssl
import sys
import time
from collections.abc import Mapping
from typing import IO, Any

import cloudflare
from cloudflare import APIConnectionError, APIStatusError, APITimeoutError, Cloudflare

from deployhost.edge.cloudflare_calls import MISSING, READS, USED, WRITES
from deployhost.system.answering_process import HEADER

AGAIN_AFTER = 1.0  # seconds before a question that could not be sent is sent once more
SPARE = 2.0  # seconds after which a process whose time is up ends by itself, where nobody is left to end it
GONE = (404, 410)
MOST_MEMORY = 512 * 1024**2  # bytes; the SDK has 90 MB


def main() -> None:
    """Answer requests until nobody asks any more."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what prints something here is not an answer
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a token must not end in a file
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))  # the SDK takes an answer of any size
    client: Cloudflare | None = None
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        while (request := _next(questions)) is not None:
            signal.setitimer(signal.ITIMER_REAL, float(request["seconds"]) + SPARE)
            if client is None:
                client = _client(request["token"], float(request["timeout"]))
            answer = json.dumps(_answer(client, request)).encode("ascii")
            signal.setitimer(signal.ITIMER_REAL, 0)
            answers.write(HEADER.pack(len(answer)) + answer)
            answers.flush()


def trial() -> None:
    """Load all that is asked of Cloudflare, without asking. Raise AttributeError if this SDK does not have it."""
    client = _client("none", 1.0)
    for methods in USED:
        found: Any = client
        for name in methods.split("."):
            found = getattr(found, name)


def _next(questions: IO[bytes]) -> dict[str, Any] | None:
    header = questions.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body: dict[str, Any] = json.loads(questions.read(HEADER.unpack(header)[0]))
    return body


def _client(token: str, timeout: float) -> Cloudflare:
    """Return a client that trusts what this machine trusts and that never repeats a request by itself."""
    http = cloudflare.DefaultHttpxClient(verify=ssl.create_default_context())
    return Cloudflare(api_token=token, timeout=timeout, max_retries=0, http_client=http)


def _answer(client: Cloudflare, request: Mapping[str, Any]) -> dict[str, Any]:
    method, arguments = request["method"], request["arguments"]
    call = {**READS, **WRITES}[method]
    for again in (method in READS, False):
        try:
            return {"result": call(client, arguments)}
        except APIStatusError as error:
            if error.status_code in GONE and method in MISSING:
                return {"result": MISSING[method]}
            if not (again and error.status_code >= 500):
                return {"error": _refusal(error)}
        except APITimeoutError:
            return {"error": {"kind": "late"}}
        except APIConnectionError as error:
            if not again:
                return {"error": {"kind": "unreachable", "message": _cause(error)}}
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
            return {"error": {"kind": "nonsense", "message": type(error).__name__}}
        time.sleep(AGAIN_AFTER)
    raise AssertionError


def _refusal(error: APIStatusError) -> dict[str, Any]:
    errors = error.errors if isinstance(error.errors, list) else ()
    said = [(one.code, one.message) for one in errors if hasattr(one, "code")]
    return {
        "kind": "status",
        "status": error.status_code,
        "codes": [code for code, _ in said if isinstance(code, int)],
        "messages": [str(message)[:300] for _, message in said if message][:5],
        "retry_after": error.response.headers.get("retry-after", "")[:40],
    }


def _cause(error: BaseException) -> str:
    """Return what kept a request from being sent: the innermost error says it best."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)[:300] or type(error).__name__
