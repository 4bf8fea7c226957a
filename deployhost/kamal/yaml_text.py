"""YAML for Kamal: every string quoted, and nothing in it that ERB would run. Pure.

Kamal reads deploy.yml as an ERB template first and as YAML 1.1 then (lib/kamal/configuration.rb): a value could be code in
the one and a boolean, a date or an alias in the other.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "str | int | bool | Sequence[Value] | Mapping[str, Value]"

LONGEST_KEY = 1000
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# What YAML 1.1 reads as something else.
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def render(document: Mapping[str, Value], comments: Mapping[str, str] | None = None) -> str:
    """Return the text of a YAML file; comments are by the dotted path of what they stand before."""
    return "\n".join(_block(document, "", 0, comments or {})) + "\n"


def quoted(text: str) -> str:
    """Return a text as a double-quoted YAML scalar of printable ASCII in which ERB finds no tag."""
    escaped = "".join(_escaped(char) for char in text)
    # `<%` would begin a tag, wherever it stands: in YAML \x25 is a percent sign, for ERB it is nothing.
    return '"' + escaped.replace("<%", "<\\x25") + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if " " <= char <= "~":
        return char
    return f"\\U{ord(char):08x}"


def _block(values: Mapping[str, Value], path: str, depth: int, comments: Mapping[str, str]) -> list[str]:
    """Return the lines of a mapping, indented."""
    indent = "  " * depth
    lines: list[str] = []
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        lines += [f"{indent}# {line}" for line in comments.get(here, "").splitlines()]
        name = _key(key)
        # A longer one has to be announced (YAML 1.1, "simple key": 1024 characters).
        before = f"{indent}? {name}\n{indent}:" if len(name) > LONGEST_KEY else f"{indent}{name}:"
        lines += _entry(before, value, here, depth, comments)
    return lines


def _entry(name: str, value: Value, path: str, depth: int, comments: Mapping[str, str]) -> list[str]:
    if isinstance(value, Mapping):
        return [name, *_block(value, path, depth + 1, comments)] if value else [f"{name} {{}}"]
    if isinstance(value, Sequence) and not isinstance(value, str):
        indent = "  " * (depth + 1)
        return [name, *(f"{indent}- {_scalar(item)}" for item in value)] if value else [f"{name} []"]
    return [f"{name} {_scalar(value)}"]


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _NOT_TEXT else quoted(key)


def _scalar(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    raise TypeError("a list of deploy.yml holds scalars")
