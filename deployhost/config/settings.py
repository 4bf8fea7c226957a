"""What apps.yml and server.yml may say: one row per key, beside the field that holds its value. Pure.

The tables are AppConfig and ProcessConfig (config/app.py) and ServerConfig (config/server.py). Their readers use the rows; tests
hold the README, Kamal's deploy.yml and the containers to them.
"""

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

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


class Kind(Protocol[T_co]):
    """The type of a setting, with its bounds. As text, it completes "must be …"."""

    def read(self, section: Section, key: str) -> T_co | None:
        """Return the value of a key, or None if it is missing or wrong. Mistakes go to the section's problems."""


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def __str__(self) -> str:
        return "true or false"

    def read(self, section: Section, key: str) -> bool | None:
        """Return a key's value, as Kind has it."""
        return section.scalar(key, lambda node: node.value if isinstance(node.value, bool) else None, str(self))


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`."""

    low: float
    high: float
    unit: str = ""

    def __str__(self) -> str:
        return f"a number{_of(self.unit)} from {self.low:g} to {self.high:g}"

    def read(self, section: Section, key: str) -> float | None:
        """Return a key's value, as Kind has it."""
        return section.scalar(key, self._value, str(self))

    def _value(self, node: Scalar) -> float | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if self.low <= value <= self.high else None


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int
    unit: str = ""

    def __str__(self) -> str:
        return f"a whole number{_of(self.unit)} from {self.low} to {self.high}"

    def read(self, section: Section, key: str) -> int | None:
        """Return a key's value, as Kind has it."""
        return section.scalar(key, self._value, str(self))

    def _value(self, node: Scalar) -> int | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value if self.low <= value <= self.high else None


@dataclass(frozen=True)
class Size:
    """A number of bytes from `low` to `high`, written as Docker does: 512m, 2g."""

    low: int
    high: int | None = None

    def __str__(self) -> str:
        least = f"at least {size_text(self.low)}"
        bounds = least if self.high is None else f"{least} and at most {size_text(self.high)}"
        return f"a size of {bounds}, as in 512m or 2g"

    def read(self, section: Section, key: str) -> int | None:
        """Return a key's value, as Kind has it."""
        return section.scalar(key, self._value, str(self))

    def _value(self, node: Scalar) -> int | None:
        match = _SIZE.fullmatch(node.text.strip())
        size = int(float(match[1]) * UNITS[match[2].lower()]) if match else 0
        return size if self.low <= size and (self.high is None or size <= self.high) else None


@dataclass(frozen=True)
class Word(Generic[T]):
    """Text that `make` turns into the value, or raises ValueError."""

    make: Callable[[str], T]
    what: str

    def __str__(self) -> str:
        return self.what

    def read(self, section: Section, key: str) -> T | None:
        """Return a key's value, as Kind has it."""
        return section.word(key, self.make)


@dataclass(frozen=True)
class Words(Generic[T]):
    """A list of texts that `make` turns into the values."""

    make: Callable[[str], T]
    what: str

    def __str__(self) -> str:
        return self.what

    def read(self, section: Section, key: str) -> tuple[T, ...] | None:
        """Return a key's value, as Kind has it. An empty list is a value."""
        found = tuple(value for _, _, value in section.words(key, self.make))
        return None if section.node(key) is None else found


@dataclass(frozen=True)
class OneOf(Generic[Choice]):
    """One of a few words."""

    choices: type[Choice]

    def __str__(self) -> str:
        return f"one of {', '.join(self.choices)}"

    def read(self, section: Section, key: str) -> Choice | None:
        """Return a key's value, as Kind has it."""
        return section.word(key, self._value)

    def _value(self, text: str) -> Choice:
        try:
            return self.choices(text)
        except ValueError:
            raise ValueError(f"{text!r} must be {self}") from None


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

    @property
    def default_text(self) -> str:
        """Return the default as the README shows it."""
        if self.shown:
            return self.shown
        if isinstance(self.default, bool):
            return f"`{str(self.default).lower()}`"
        if isinstance(self.kind, Size) and isinstance(self.default, int):
            return f"`{size_text(self.default)}`"
        return f"`{self.default}`" if isinstance(self.default, str) else f"{self.default}"


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


def _of(unit: str) -> str:
    return f" of {unit}" if unit else ""
