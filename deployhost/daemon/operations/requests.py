"""Reading requests: what came over the socket becomes values of the model, or a clear error."""

import math
from typing import Any

from deployhost.control.messages import Message
from deployhost.errors import InvalidRequest
from deployhost.model import AppName

LARGEST = 2**63 - 1  # what SQLite takes


def app_name(request: Message, key: str = "name") -> AppName:
    """Return the app that a request names. Raises InvalidRequest, InvalidName."""
    return AppName(text(request, key))


def text(request: Message, key: str) -> str:
    """Return the string at a key. Raises InvalidRequest."""
    value = request.get(key)
    if not isinstance(value, str):
        raise InvalidRequest(f"{key} must be a string")
    return value


def texts(request: Message, key: str) -> list[str]:
    """Return the list of strings at a key, empty if it is missing. Raises InvalidRequest."""
    value = request.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidRequest(f"{key} must be a list of strings")
    return value


def values(request: Message, key: str) -> dict[str, str]:
    """Return the strings by name at a key. Raises InvalidRequest."""
    value = request.get(key)
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InvalidRequest(f"{key} must be an object of strings")
    return value


def whole(request: Message, key: str, default: int | None) -> int | None:
    """Return the integer at a key, or the default. Raises InvalidRequest."""
    value: Any = request.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise InvalidRequest(f"{key} must be an integer of 0 or more")
    return value


def number(request: Message, key: str) -> float | None:
    """Return the number at a key, or None. Raises InvalidRequest."""
    value: Any = request.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise InvalidRequest(f"{key} must be a number")
    return float(value)
