"""The control socket's lines: newline-delimited JSON over /run/deployhost/control.sock.

There is one request per connection: {"op": OP, …arguments}. The answer is any number of events and, last, {"result": …} or
{"error": ErrorView}. Closing the connection never cancels a deploy. `operations.py` has each operation's arguments and result.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Message = Mapping[str, Any]
"""A line as it was decoded: whoever reads it trusts nothing yet."""

LIMIT = 16 * 1024 * 1024  # bytes of one line; a request above it is refused

StageName = Literal[
    "queue", "wait", "fetch", "plan", "build", "lock", "create", "hold", "stop", "storage", "release", "start", "health",
    "switch", "live", "drain", "push", "kamal",
]  # fmt: skip


class DeployEvent(TypedDict):
    """The first event of a deploy: by its id it can be followed again after a restart of the daemon.

    `rest` is what else the operation returns beside `deploy`.
    """

    event: Literal["deploy"]
    id: int
    rest: NotRequired[Message]


class StageEvent(TypedDict):
    """A stage of a deploy begins or ends."""

    event: Literal["stage"]
    stage: StageName
    state: Literal["start", "done", "failed"]
    ms: NotRequired[float]
    detail: NotRequired[str]


class OutputEvent(TypedDict):
    """A line that the build or the app wrote during a deploy."""

    event: Literal["output"]
    stage: StageName
    line: str


class NoteEvent(TypedDict):
    """Something that the person should know."""

    event: Literal["note"]
    text: str


class LogEvent(TypedDict):
    """A line of the app's own output. `at` is ISO 8601, or "" where it is not known."""

    event: Literal["log"]
    line: str
    stream: str  # stdout or stderr
    at: str


Event = DeployEvent | StageEvent | OutputEvent | NoteEvent | LogEvent


def encode(message: Message) -> bytes:
    """Return the line of a message."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line. Raises ValueError if it is not a JSON object."""
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("a message nests a few levels deep") from error
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - one error for every kind of bad line
    return message
