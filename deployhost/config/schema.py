"""Reading typed settings out of a YAML tree, with every mistake at once and where it stands. Pure."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from deployhost.config.yaml_tree import Mapping, Node, Scalar, Sequence
from deployhost.errors import InvalidConfig, InvalidName

T = TypeVar("T")

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([bkmgBKMG]?)")
ALIKE = 0.7  # of 1: how much of two words is to be the same for the one to be a slip of the other
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Problems:
    """Given a file's name and the command that mends it, gather what is wrong in it; `check` raises InvalidConfig with all of it."""

    def __init__(self, name: str, hint: str = "") -> None:
        self.name = name
        self._hint = hint
        self._found: list[tuple[int, str, str]] = []

    def add(self, node: Node, where: str, what: str) -> None:
        """Take note of a mistake: the value that is wrong, the keys that lead to it, and what is wrong with it."""
        self._found.append((node.line, where, f"{self.name}: {where}: {what} (line {node.line})"))

    def check(self) -> None:
        """Raise InvalidConfig if there was any mistake, in the order of the file."""
        error = self.error()
        if error is not None:
            raise error

    def error(self, within: str = "") -> InvalidConfig | None:
        """Given the keys that lead to an entry, return the error of all mistakes in it (without them: in the file), or None."""
        found = [one for one in self._found if not within or one[1] == within or one[1].startswith(f"{within}/")]
        if not found:
            return None
        count = len(found)
        texts = tuple(text for _, _, text in sorted(found, key=lambda one: one[0]))
        message = f"{self.name} has {'a mistake' if count == 1 else f'{count} mistakes'}"
        return InvalidConfig(message, details=texts, hint=self._hint)


class Section:
    """Given a mapping (or nothing) and its known keys, read them one by one with their types.

    Whatever is wrong is told to `problems`, and the default is returned in its place.
    """

    def __init__(self, node: Node | None, where: str, known: frozenset[str], problems: Problems) -> None:
        self.problems = problems
        self._where = where
        self._values = entries(node, where, problems)
        for text, (key, _) in self._values.items():
            if text not in known:
                meant = f"did you mean {near}? " if (near := nearest(text, known)) else ""
                problems.add(key, self.place(text), f"unknown key; {meant}known are {', '.join(sorted(known))}")

    def place(self, key: str) -> str:
        """Return the keys that lead to a key of this section."""
        return f"{self._where}/{key}" if self._where else key

    def node(self, key: str) -> Node | None:
        """Return the value of a key as a tree, or None if it is missing or empty."""
        entry = self._values.get(key)
        return None if entry is None or (isinstance(entry[1], Scalar) and entry[1].value is None) else entry[1]

    def flag(self, key: str, default: bool) -> bool:
        """Return a key's true or false."""
        node = self.node(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.problems.add(node, self.place(key), "must be true or false")
        return default

    def number(self, key: str, default: T, low: float, high: float, unit: str = "") -> float | T:
        """Return a key's number, from `low` to `high`."""
        node = self.node(key)
        if node is None:
            return default
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.problems.add(node, self.place(key), f"must be a number{unit} from {low:g} to {high:g}")
        return default

    def whole(self, key: str, default: T, low: int, high: int, unit: str = "") -> int | T:
        """Return a key's whole number, from `low` to `high`."""
        node = self.node(key)
        if node is None:
            return default
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.problems.add(node, self.place(key), f"must be a whole number{unit} from {low} to {high}")
        return default

    def size(self, key: str, low: int) -> int | None:
        """Return a key's size in bytes, written as Docker does (512m, 2g), at least `low`."""
        node = self.node(key)
        if node is None:
            return None
        match = _SIZE.fullmatch(node.text.strip()) if isinstance(node, Scalar) else None
        size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
        if size < low:
            self.problems.add(
                node, self.place(key), f"must be a size of at least {low // _UNITS['m']}m, as in 512m or 2g"
            )
            return None
        return size

    def problem(self, node: Node, key: str, what: str) -> None:
        """Take note of a mistake in a key of this section."""
        self.problems.add(node, self.place(key), what)

    def word(self, key: str, make: Callable[[str], T]) -> T | None:
        """Return a key's text, made into its type."""
        node = self.node(key)
        return None if node is None else self._made(node, self.place(key), make)

    def words(self, key: str, make: Callable[[str], T]) -> tuple[tuple[Node, str, T], ...]:
        """Return a key's list of texts: each one's tree, the keys that lead to it, and what it was made into."""
        node = self.node(key)
        if node is None:
            return ()
        if not isinstance(node, Sequence):
            self.problems.add(node, self.place(key), "must be a list, each on a line of its own that begins with '- '")
            return ()
        places = [(item, f"{self.place(key)}/{at}") for at, item in enumerate(node.items)]
        made = [(item, place, self._made(item, place, make)) for item, place in places]
        return tuple((item, place, value) for item, place, value in made if value is not None)

    def _made(self, node: Node, where: str, make: Callable[[str], T]) -> T | None:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            quoted = f", in quotes: '{node.text}'" if isinstance(node, Scalar) and node.text else ""
            self.problems.add(node, where, f"must be text{quoted}")
            return None
        try:
            return make(node.value)
        except (InvalidName, ValueError) as error:
            self.problems.add(node, where, str(error))
            return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Given a word and those that there are, return the one that was probably meant, or None."""
    import difflib  # noqa: PLC0415 - only mistakes need it

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=ALIKE)), None)


def entries(node: Node | None, where: str, problems: Problems) -> dict[str, tuple[Scalar, Node]]:
    """Given a mapping or nothing, return its entries by key; a key that stands twice and any other value is a mistake."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return {}
    if not isinstance(node, Mapping):
        problems.add(node, where or "the file", "must be a mapping, `key: value` on each line")
        return {}
    found: dict[str, tuple[Scalar, Node]] = {}
    for key, value in node.entries:
        if key.text in found:
            place = f"{where}/{key.text}" if where else key.text
            problems.add(key, place, f"stands here twice, first on line {found[key.text][0].line}")
        else:
            found[key.text] = (key, value)
    return found
