"""YAML as a tree of plain values that know where in the text they stand. Pure: text in, tree out.

Positions are what errors need (line numbers) and what edits need (so that everything else in the file stays as it was typed).
"""

import math
from dataclasses import dataclass
from typing import Any

from deployhost.errors import InvalidConfig

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Place:
    """Where something stands in a text."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True)
class Scalar(Place):
    """One value; `text` is what was written, `value` what it means. An empty value has start == end."""

    value: bool | int | float | str | None
    text: str


@dataclass(frozen=True)
class Sequence(Place):
    """A list; `flow` is the `[a, b]` way of writing it."""

    items: tuple["Node", ...]
    flow: bool


@dataclass(frozen=True)
class Mapping(Place):
    """Keys and values in the order of the file; a key may stand there twice."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    flow: bool

    def get(self, key: str) -> tuple[Scalar, "Node"] | None:
        """Return the key and its value, or None."""
        return next((entry for entry in self.entries if entry[0].text == key), None)


Node = Scalar | Sequence | Mapping


def parse(text: str, name: str = "text") -> Node:
    """Return the tree of a YAML text; an empty text is an empty value. `name` is the file's. Raise InvalidConfig."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - 60 ms that only those who read YAML pay
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    try:
        root = YAML(typ="safe", pure=True).compose(text)
        return Scalar(len(text), len(text), 1, 0, None, "") if root is None else _node(root, ())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise InvalidConfig(f"{name} is not valid YAML", details=(f"{name}: {error.problem}{where}",)) from error
    except (YAMLError, RecursionError, _Unusable) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).replace("\n", " ").strip()
        raise InvalidConfig(f"{name} is not valid YAML", details=(f"{name}: {said}",)) from error


def plain(node: Node) -> Plain:
    """Return a tree's values without positions."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


class _Unusable(Exception):
    """Valid YAML that a settings file has no use for."""


def _node(raw: Any, parents: tuple[int, ...]) -> Node:
    if id(raw) in parents:
        raise _Unusable(f"a list or mapping contains itself (line {raw.start_mark.line + 1})")
    above = (*parents, id(raw))
    if raw.id == "mapping":
        entries = []
        for key, value in raw.value:
            if key.id != "scalar":
                raise _Unusable(f"a key must be a word (line {key.start_mark.line + 1})")
            entries.append((_scalar(key), _node(value, above)))
        return Mapping(*_place(raw), tuple(entries), bool(raw.flow_style))
    if raw.id == "sequence":
        return Sequence(*_place(raw), tuple(_node(item, above) for item in raw.value), bool(raw.flow_style))
    return _scalar(raw)


def _scalar(raw: Any) -> Scalar:
    return Scalar(*_place(raw), _value(raw.tag, raw.value), raw.value)


def _place(raw: Any) -> tuple[int, int, int, int]:
    mark = raw.start_mark
    return mark.index, raw.end_mark.index, mark.line + 1, mark.column


def _value(tag: str, text: str) -> bool | int | float | str | None:
    """Return the value of a resolved tag; what can't be read as its tag says stays text."""
    kind = tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    digits = text.replace("_", "")
    try:
        if kind == "int":
            return int(digits, 10) if digits.lstrip("+-").isdigit() else int(digits, 0)
        if kind == "float":
            number = float(digits)
            return number if math.isfinite(number) else text
    except ValueError:
        return text
    return text
