"""What apps.yml and server.yml may say: one row per key, beside the field that holds its value. Pure.

The tables are AppConfig and ProcessConfig (config/app.py) and ServerConfig (config/server.py). Their readers use the rows; tests
hold the README, Kamal's deploy.yml and the containers to them.
"""

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from deployhost.config.schema import Section
from deployhost.config.yaml_tree import Scalar
from deployhost.sizes import UNITS, size_text

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N", int, float)
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


class Plain(Generic[T_co]):
    """The type of a setting that is one plain value."""

    def read(self, section: Section, key: str) -> T_co | None:
        """Return a key's value, as Kind has it."""
        return section.scalar(key, self.value, str(self))

    def value(self, node: Scalar) -> T_co | None:
        """Return what a plain value means, or None if it is wrong."""
        raise NotImplementedError


@dataclass(frozen=True)
class Flag(Plain[bool]):
    """True or false."""

    def __str__(self) -> str:
        return "true or false"

    def value(self, node: Scalar) -> bool | None:
        """Return it if it is true or false."""
        return node.value if isinstance(node.value, bool) else None


@dataclass(frozen=True)
class _Range(Plain[N]):
    low: N
    high: N
    unit: str = ""
    word: ClassVar = ""
    types: ClassVar[tuple[type, ...]] = ()

    def __str__(self) -> str:
        return f"{self.word}{f' of {self.unit}' if self.unit else ''} from {self.low} to {self.high}"

    def value(self, node: Scalar) -> N | None:
        """Return it if it is such a number within the bounds. A bool is none."""
        value: Any = node.value
        return value if type(value) in self.types and self.low <= value <= self.high else None


class Number(_Range[float]):
    """A number from `low` to `high`."""

    word = "a number"
    types = (int, float)


class Whole(_Range[int]):
    """A whole number from `low` to `high`."""

    word = "a whole number"
    types = (int,)


@dataclass(frozen=True)
class Size(Plain[int]):
    """A number of bytes from `low` to `high`, written as Docker does: 512m, 2g."""

    low: int
    high: int | None = None

    def __str__(self) -> str:
        least = f"at least {size_text(self.low)}"
        bounds = least if self.high is None else f"{least} and at most {size_text(self.high)}"
        return f"a size of {bounds}, as in 512m or 2g"

    def value(self, node: Scalar) -> int | None:
        """Return the bytes if they are within the bounds."""
        match = _SIZE.fullmatch(node.text.strip())
        size = int(float(match[1]) * UNITS[match[2].lower()]) if match else 0
        return size if self.low <= size and (self.high is None or size <= self.high) else None


@dataclass(frozen=True)
class _Text(Generic[T]):
    make: Callable[[str], T]
    what: str

    def __str__(self) -> str:
        return self.what


class Word(_Text[T]):
    """Text that `make` turns into the value, or raises ValueError."""

    def read(self, section: Section, key: str) -> T | None:
        """Return a key's value, as Kind has it."""
        return section.word(key, self.make)


class Words(_Text[T]):
    """A list of texts that `make` turns into the values."""

    def read(self, section: Section, key: str) -> tuple[T, ...] | None:
        """Return a key's value, as Kind has it. An empty list is a value."""
        found = tuple(value for _, _, value in section.words(key, self.make))
        return None if section.node(key) is None else found


def one_of(choices: type[Choice]) -> Word[Choice]:
    """Return the type of a setting that is one of a few words."""
    what = f"one of {', '.join(choices)}"

    def chosen(text: str) -> Choice:
        if text not in list(choices):
            raise ValueError(f"{text!r} must be {what}")
        return choices(text)

    return Word(chosen, what)


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
