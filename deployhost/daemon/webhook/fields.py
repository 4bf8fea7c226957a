"""The few fields of a delivery's body that are handed on. Pure.

A body may have 25 MB, most of it commits. Each member is read and dropped again before the next one, so that the whole body is
never there as Python objects, which would take several times as much memory.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

TEXTS = {"action": 40, "ref": 255, "after": 64}  # with the most characters that are handed on
OBJECTS = ("repository", "installation")  # of which the id is handed on
LARGEST = 256 * 1024  # bytes of a member that is wanted; GitHub's repositories have about 8,000
MOST = 20_000  # elements of an array; a push has at most 2,048 commits

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def fields_of(body: bytes | bytearray) -> dict[str, str | int | None] | None:
    """Return the fields of a body of JSON, or None if it is not one object. Texts that it does not have are empty, ids None."""
    # Latin-1 has a character of one byte for each byte. UTF-8 with one emoji in it would become four times as long.
    text = body.decode("latin-1")
    found: dict[str, Any] = {}
    try:
        for name, start, end in _members(text):
            if name in TEXTS or name in OBJECTS:
                found[name] = json.loads(text[start:end].encode("latin-1")) if end - start <= LARGEST else None
    except (ValueError, RecursionError, MemoryError):
        return None
    texts = {name: _text(found.get(name), longest) for name, longest in TEXTS.items()}
    return texts | {name: _id(found.get(name)) for name in OBJECTS}


def _text(value: object, longest: int) -> str:
    return value if isinstance(value, str) and len(value) <= longest else ""


def _id(value: object) -> int | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return found if type(found) is int else None


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the members of the object that a text is: names, and where their values begin and end. Raise ValueError."""
    at = _after(text, 0, "{")
    if _at(text, at) == "}":
        at += 1
    else:
        while True:
            if _at(text, at) != '"':
                raise ValueError
            name, at = _DECODER.raw_decode(text, at)
            start = _after(text, _space(text, at), ":")
            end = _skipped(text, start)
            yield name, start, end
            at = _space(text, end)
            if _at(text, at) == "}":
                at += 1
                break
            at = _after(text, at, ",")
    if _space(text, at) != len(text):
        raise ValueError


def _skipped(text: str, at: int) -> int:
    """Return where a value ends; an array is read element by element."""
    if _at(text, at) != "[":
        return _ended(text, at)
    at = _space(text, at + 1)
    if _at(text, at) == "]":
        return at + 1
    for _ in range(MOST):
        at = _space(text, _ended(text, at))
        if _at(text, at) == "]":
            return at + 1
        at = _after(text, at, ",")
    raise ValueError


def _ended(text: str, at: int) -> int:
    end: int = _DECODER.raw_decode(text, at)[1]
    return end


def _after(text: str, at: int, sign: str) -> int:
    """Return where something begins after a sign. Raise ValueError if that sign is not there."""
    at = _space(text, at)
    if _at(text, at) != sign:
        raise ValueError
    return _space(text, at + 1)


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _at(text: str, at: int) -> str:
    return text[at : at + 1]
