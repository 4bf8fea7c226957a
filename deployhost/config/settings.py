"""What apps.yml and server.yml may say: one row per key, beside the field that holds its value. Pure.

The tables are AppConfig and ProcessConfig (config/app.py) and ServerConfig (config/server.py). Their readers use the rows; tests
hold the README, Kamal's deploy.yml and the containers to them.
"""

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Generic, TypeVar

from deployhost.config.schema import Section
from deployhost.config.yaml_tree import Scalar
from deployhost.sizes import UNITS, size_text

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Choice = TypeVar("Choice", bound=StrEnum)

DAY = 86400  # seconds
MOST_CPUS = 512

_ROW = "setting"  # of a field's metadata
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([bkmgBKMG]?)")


class Applies(StrEnum):
    """What it takes until a changed value is in force, the least first."""

    ITSELF = "itself"  # nothing: it is read whenever it is needed
    DEPLOY = "deploy"  # the next deploy or restart: it says how a release starts or takes over
    ROUTE = "route"  # the same container gets its route anew: `deployhost domains`, or the next deploy
    CONTAINER = "container"  # new containers of the same image: `deployhost restart NAME`
    BUILD = "build"  # a new image: `deployhost deploy NAME`
    SETUP = "setup"  # `deployhost setup`


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """The type of a setting, with its bounds: what a value must be, and how a key's is read.

    `read` returns None if the key is missing or wrong; mistakes go to the section's problems.
    """

    what: str
    read: Callable[[Section, str], T_co | None]


def plain_value(what: str, take: Callable[[Scalar], T | None]) -> Kind[T]:
    """Return the type of what `take` makes of a plain value; None means that the value is wrong."""
    return Kind(what, lambda section, key: section.scalar(key, take, what))


FLAG = plain_value("true or false", lambda node: node.value if isinstance(node.value, bool) else None)


def number(low: float, high: float, unit: str = "") -> Kind[float]:
    """Return the type of numbers from `low` to `high`."""
    return _range("a number", (int, float), low, high, unit)


def whole(low: int, high: int, unit: str = "") -> Kind[int]:
    """Return the type of whole numbers from `low` to `high`."""
    return _range("a whole number", (int,), low, high, unit)


def _range(word: str, types: tuple[type, ...], low: float, high: float, unit: str) -> Kind[Any]:
    def take(node: Scalar) -> Any:
        value: Any = node.value
        return value if type(value) in types and low <= value <= high else None  # a bool is no number here

    return plain_value(f"{word}{f' of {unit}' if unit else ''} from {low} to {high}", take)


def size(low: int, high: int | None = None) -> Kind[int]:
    """Return the type of a number of bytes from `low` to `high`, written as Docker does: 512m, 2g."""
    least = f"at least {size_text(low)}"
    bounds = least if high is None else f"{least} and at most {size_text(high)}"

    def take(node: Scalar) -> int | None:
        match = _SIZE.fullmatch(node.text.strip())
        found = int(float(match[1]) * UNITS[match[2].lower()]) if match else 0
        return found if low <= found and (high is None or found <= high) else None

    return plain_value(f"a size of {bounds}, as in 512m or 2g", take)


def word(make: Callable[[str], T], what: str) -> Kind[T]:
    """Return the type of text that `make` turns into the value; it raises ValueError if it can't."""
    return Kind(what, lambda section, key: section.word(key, make))


def words(make: Callable[[str], T], what: str) -> Kind[tuple[T, ...]]:
    """Return the type of a list of texts that `make` turns into the values. An empty list is a value."""

    def read(section: Section, key: str) -> tuple[T, ...] | None:
        found = tuple(value for _, _, value in section.words(key, make))
        return None if section.node(key) is None else found

    return Kind(what, read)


def one_of(choices: type[Choice]) -> Kind[Choice]:
    """Return the type of one of a few words."""
    what = f"one of {', '.join(choices)}"

    def chosen(text: str) -> Choice:
        if text not in list(choices):
            raise ValueError(f"{text!r} must be {what}")
        return choices(text)

    return word(chosen, what)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row: a key of apps.yml or server.yml.

    `kamal` has the places in Kamal's deploy.yml where the value goes, as dotted paths; `*` is any role.
    """

    kind: Kind[object]
    default: object
    doc: str
    applies: Applies
    shown: str
    kamal: tuple[str, ...]


def setting(
    default: T, kind: Kind[T], doc: str, applies: Applies, *, shown: str = "", kamal: str | tuple[str, ...] = ()
) -> T:
    """Return a dataclass field with its row. `shown` is the default as the README has it, where the value does not tell.

    The field's annotation, the default and what `kind` reads are one type, for mypy too.
    """
    places = (kamal,) if isinstance(kamal, str) else kamal
    row = {_ROW: Setting(kind=kind, default=default, doc=doc, applies=applies, shown=shown, kamal=places)}
    if isinstance(default, dict):
        return field(default_factory=lambda: copy(default), metadata=row)
    return field(default=default, metadata=row)


def rows(of: type[Any]) -> dict[str, Setting]:
    """Return the settings of a dataclass by key, in the order of its fields."""
    return {one.name: one.metadata[_ROW] for one in fields(of) if _ROW in one.metadata}


def read(table: Mapping[str, Setting], section: Section) -> dict[str, Any]:
    """Return the values that stand in a section, by key; what is missing or wrong is left to its default."""
    found = ((key, row.kind.read(section, key)) for key, row in table.items())
    return {key: value for key, value in found if value is not None}
