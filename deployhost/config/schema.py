"""Reading typed settings out of a YAML tree, with every mistake at once and where it stands. Pure."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from deployhost.config.yaml_tree import Mapping, Node, Scalar, Sequence
from deployhost.errors import InvalidConfig, InvalidName

T = TypeVar("T")
Given = tuple[tuple[Node, str, T], ...]  # values, each after its tree and the keys that lead to it

ALIKE = 0.7  # of 1: how much of two words is to be the same for the one to be a slip of the other


class Problems:
    """The mistakes of one file, named in each; `hint` is the command that mends it."""

    def __init__(self, name: str, hint: str = "") -> None:
        self.name = name
        self._hint = hint
        self._found: list[tuple[int, str, str]] = []

    def add(self, node: Node, where: str, what: str) -> None:
        """Take note of a mistake: the value that is wrong, the keys that lead to it, and what is wrong with it."""
        self._found.append((node.line, where, f"{self.name}: {where}: {what} (line {node.line})"))

    def made(self, node: Node, where: str, make: Callable[[str], T], text: str) -> T | None:
        """Return what `make` makes of a text, or None; an error that it raises is a mistake."""
        try:
            return make(text)
        except (InvalidName, ValueError) as error:
            self.add(node, where, str(error))
            return None

    def check(self) -> None:
        """Raise InvalidConfig if there was any mistake, in the order of the file."""
        error = self.error()
        if error is not None:
            raise error

    def error(self, within: str = "") -> InvalidConfig | None:
        """Return one error with all mistakes below some keys (default: in the whole file), or None."""
        found = [one for one in self._found if not within or one[1] == within or one[1].startswith(f"{within}/")]
        if not found:
            return None
        count = len(found)
        texts = tuple(text for _, _, text in sorted(found, key=lambda one: one[0]))
        message = f"{self.name} has {'a mistake' if count == 1 else f'{count} mistakes'}"
        return InvalidConfig(message, details=texts, hint=self._hint)


class Section:
    """A mapping of a settings file, or nothing. Its keys are read one by one; mistakes go to `problems`."""

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

    def scalar(self, key: str, take: Callable[[Scalar], T | None], what: str) -> T | None:
        """Return what `take` makes of a key's plain value, or None if it is missing; if `take` returns None, it "must be `what`"."""
        node = self.node(key)
        if node is None:
            return None
        value = take(node) if isinstance(node, Scalar) else None
        if value is None:
            self.problem(node, key, f"must be {what}")
        return value

    def problem(self, node: Node, key: str, what: str) -> None:
        """Take note of a mistake in a key of this section."""
        self.problems.add(node, self.place(key), what)

    def word(self, key: str, make: Callable[[str], T]) -> T | None:
        """Return a key's text, made into its type."""
        node = self.node(key)
        return None if node is None else self._made(node, self.place(key), make)

    def words(self, key: str, make: Callable[[str], T]) -> Given[T]:
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
        return self.problems.made(node, where, make, node.value)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, or None."""
    import difflib  # noqa: PLC0415 - only mistakes need it

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=ALIKE)), None)


def entries(node: Node | None, where: str, problems: Problems) -> dict[str, tuple[Scalar, Node]]:
    """Return a mapping's entries by key. A key that stands twice is a mistake, and so is anything but a mapping or nothing."""
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
