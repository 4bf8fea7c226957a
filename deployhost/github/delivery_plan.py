"""What a delivery of GitHub's asks us to look at. Pure.

A delivery only ever causes a look. The process that received it is reached by strangers, so nothing that it hands over is trusted.
Events and their fields: https://docs.github.com/en/webhooks/webhook-events-and-payloads.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 4096  # bytes of a line: writes up to PIPE_BUF are never torn (pipe(7))
CONNECTION = re.compile(r"[0-9a-f]{16}")
EVENT = re.compile(r"[a-z_]{1,40}")
ID = re.compile(r"[0-9A-Za-z-]{1,64}")
ACTION = re.compile(r"[a-z_]{0,40}")
REF = re.compile(r"[^\x00-\x20\x7f\ud800-\udfff]{0,255}")
SHA = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})?")
HEADS = "refs/heads/"
HIGHEST_ID = 2**53  # GitHub's ids are numbers of JSON

# Actions after which a repository may be another one to us: its names, default branch, whether it can be read.
REPOSITORY_ACTIONS = frozenset({"archived", "deleted", "edited", "privatized", "publicized", "renamed", "transferred", "unarchived"})  # fmt: skip
# Events of the App's installation: what it may read has changed, for any repository of the owner.
INSTALLATION_EVENTS = frozenset({"installation", "installation_repositories", "installation_target"})


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One delivery, as the listener hands it over. Texts that its event does not have are empty."""

    connection: str
    event: str
    delivery: str
    action: str = ""
    ref: str = ""
    after: str = ""
    repository: int | None = None
    installation: int | None = None


@dataclass(frozen=True)
class LookAt:
    """What is to be looked at: a repository by its id, or all of a connection (None).

    Of a push it has the ref and the commit that it is at now; a ref that was deleted has a commit of zeros.
    """

    connection: str
    repository: int | None
    ref: str = ""
    after: str = ""


def delivery_of(line: bytes) -> Delivery | None:
    """Return the delivery in a line that the listener wrote, or None if it is not exactly one."""
    if len(line) > LONGEST:
        return None
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _checked(body) if isinstance(body, dict) else None


def what_to_look_at(delivery: Delivery) -> LookAt | None:
    """Return what a delivery asks us to look at, or None."""
    if delivery.event in INSTALLATION_EVENTS:
        return LookAt(delivery.connection, None)
    if delivery.repository is None:
        return None
    if delivery.event == "push" and delivery.ref.startswith(HEADS):
        return LookAt(delivery.connection, delivery.repository, delivery.ref, delivery.after)
    if delivery.event == "repository" and delivery.action in REPOSITORY_ACTIONS:
        return LookAt(delivery.connection, delivery.repository)
    return None


def _checked(body: Mapping[str, Any]) -> Delivery | None:
    texts = {"connection": CONNECTION, "event": EVENT, "delivery": ID, "action": ACTION, "ref": REF, "after": SHA}
    numbers = ("repository", "installation")
    if set(body) != {*texts, *numbers}:
        return None
    if any(not isinstance(body[name], str) or not pattern.fullmatch(body[name]) for name, pattern in texts.items()):
        return None
    # A bool is an int to Python.
    if any(body[name] is not None and (type(body[name]) is not int or not 0 < body[name] < HIGHEST_ID) for name in numbers):  # fmt: skip
        return None
    return Delivery(**body)
