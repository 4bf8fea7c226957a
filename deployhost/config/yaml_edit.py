"""Changing one value of a YAML text and nothing else: comments, order, quotes and blank lines stay as they were typed. Pure.

An edit splices the text at the positions of yaml_tree, then reads the result back and compares it with what it should mean.
Where they differ (anchors, exotic layouts) the edit is refused: a file is never damaged, at worst its owner edits it by hand.
"""

import json
import re

from deployhost.config.yaml_tree import Mapping, Node, Plain, Scalar, Sequence, parse, plain
from deployhost.errors import InvalidConfig

Path = tuple[str, ...]
Entry = tuple[Scalar, Node]

# Words that need no quotes in any version of YAML, and the ones among them that some version takes for a bool or null.
_BARE = re.compile(r"[A-Za-z_/][A-Za-z0-9._/-]*")
_NOT_BARE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def to_scalar(value: bool | float | str | None) -> str:
    """Return a value as YAML writes it on one line."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _NOT_BARE:
        return value
    # YAML takes control characters only escaped, some of them for line ends; JSON leaves those above ASCII as they are.
    return "".join(
        char if char.isprintable() else f"\\U{ord(char):08x}" for char in json.dumps(value, ensure_ascii=False)
    )


class YamlText:
    """A YAML text of which single values are changed; `text` is the outcome so far. Raise InvalidConfig if it can't be read."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        # A byte order mark is no part of the YAML, but a part of the file.
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        self._text = text.removeprefix("\ufeff")
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self.root = parse(self._text, name)

    @property
    def text(self) -> str:
        """Return the whole text."""
        return self._mark + self._text

    def set(self, path: Path, value: bool | float | str | None) -> None:
        """Set the value at a path of keys; keys that are missing are added at the end of their mapping."""
        expected = self._plain()
        _at(expected, path[:-1])[path[-1]] = value
        entry = self._entry(path)
        if entry is None:
            self._insert_key(path, "" if value is None else to_scalar(value))
        else:
            self._replace(*entry, to_scalar(value))
        self._check(expected)

    def append(self, path: Path, items: tuple[str, ...]) -> None:
        """Add items to the end of the list at a path of keys; the list is made if it is missing."""
        expected = self._plain()
        holder = _at(expected, path[:-1])
        old = holder.get(path[-1])
        holder[path[-1]] = [*(old if isinstance(old, list) else []), *items]
        for item in items:
            self._append_one(path, to_scalar(item))
        self._check(expected)

    def drop_item(self, path: Path, item: str) -> None:
        """Remove an item from the list at a path of keys; a list that becomes empty goes with its key."""
        entry = self._entry(path)
        sequence = entry[1] if entry is not None else None
        if not isinstance(sequence, Sequence):
            return
        items = [plain(node) for node in sequence.items]
        if item not in items:
            return
        kept = [one for one in items if one != item]
        if not kept:
            self.drop(path)
            return
        expected = self._plain()
        _at(expected, path[:-1])[path[-1]] = kept
        # One cut is enough: the schema lets no domain stand twice.
        self._cut(sequence.flow, [(node.start, _end(node)) for node in sequence.items], items.index(item))
        self._check(expected)

    def drop(self, path: Path) -> None:
        """Remove the key at a path and its value, with all lines that belong to them."""
        parent, entry = self._holder(path), self._entry(path)
        if entry is None or not isinstance(parent, Mapping):
            return
        expected = self._plain()
        holder = _at(expected, path[:-1])
        del holder[path[-1]]
        if not holder and not parent.flow and len(path) > 1:
            _at(expected, path[:-2])[path[-2]] = None  # `hello:` with nothing below it
        spans = [(name.start, _entry_end(name, value)) for name, value in parent.entries]
        self._cut(parent.flow, spans, parent.entries.index(entry))
        self._check(None if not holder and len(path) == 1 else expected)

    def _plain(self) -> dict[str, Plain]:
        value = plain(self.root)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._refusal()
        return value

    def _entry(self, path: Path) -> Entry | None:
        """Return the key at a path and its value, or None if it is missing."""
        node, entry = self.root, None
        for key in path:
            entry = node.get(key) if isinstance(node, Mapping) else None
            if entry is None:
                return None
            node = entry[1]
        return entry

    def _holder(self, path: Path) -> Node:
        """Return what holds the key at a path, as far as that is there."""
        entry = self._entry(path[:-1])
        return self.root if entry is None else entry[1]

    def _insert_key(self, path: Path, value: str) -> None:
        """Add a key to what holds it; keys above it that are missing are added first."""
        owner, parent, key = self._entry(path[:-1]), self._holder(path), to_scalar(path[-1])
        if owner is None and len(path) > 1:
            self._insert_key(path[:-1], "")
            self._insert_key(path, value)
            return
        if isinstance(parent, Mapping) and parent.flow and parent.entries:
            self._splice(_entry_end(*parent.entries[-1]), 0, f", {key}: {value or 'null'}")
            return
        line = f"{key}: {value}".rstrip()
        if isinstance(parent, Mapping) and parent.entries:
            self._insert_line(_entry_end(*parent.entries[-1]), parent.entries[0][0].column, line)
        elif isinstance(parent, Sequence) or (isinstance(parent, Scalar) and parent.value is not None):
            raise self._refusal()
        elif owner is not None and self._in_flow(path[:-1]):
            self._replace(*owner, f"{{{key}: {value or 'null'}}}")
        elif owner is not None:
            self._put_below(*owner, line)
        elif isinstance(parent, Mapping):  # `{}`
            raise self._refusal()
        else:
            self._insert_line(len(self._text.rstrip()), 0, line)

    def _append_one(self, path: Path, item: str) -> None:
        parent, entry = self._holder(path), self._entry(path)
        if entry is None:
            self._insert_key(path, "")
            self._append_one(path, item)
            return
        owner, value = entry
        if isinstance(value, Sequence) and value.items and value.flow:
            self._splice(_end(value.items[-1]), 0, f", {item}")
        elif isinstance(value, Sequence) and value.items:
            self._insert_line(_end(value.items[-1]), value.column, f"- {item}")
        elif isinstance(value, Sequence) or (isinstance(parent, Mapping) and parent.flow):
            self._replace(owner, value, f"[{item}]")
        elif isinstance(value, Scalar) and value.value is None:
            self._put_below(owner, value, f"- {item}")
        else:
            raise self._refusal()

    def _in_flow(self, path: Path) -> bool:
        """Return whether one of the mappings on the way to a path is written as `{…}`."""
        holders = [self._holder(path[:depth]) for depth in range(1, len(path) + 1)]
        return any(isinstance(node, Mapping) and node.flow for node in holders)

    def _replace(self, key: Scalar, value: Node, new: str) -> None:
        if value.start == value.end:  # `branch:` and nothing after it
            colon = self._text.index(":", key.end) + 1
            self._splice(colon, 0, f" {new}")
        else:
            self._splice(value.start, _end(value) - value.start, new)

    def _put_below(self, key: Scalar, value: Node, line: str) -> None:
        """Put a line below a key; `{}` or `null` after it makes room for what the lines say."""
        if value.end > value.start:
            colon = self._text.index(":", key.end) + 1
            self._splice(colon, value.end - colon, "")
        self._insert_line(key.end, key.column + self._indent(), line)

    def _cut(self, flow: bool, spans: list[tuple[int, int]], index: int) -> None:
        start, end = spans[index]
        if flow and index + 1 < len(spans):
            self._splice(start, spans[index + 1][0] - start, "")
        elif flow:
            before = spans[index - 1][1] if index else start
            self._splice(before, end - before, "")
        else:
            first = self._text.rfind("\n", 0, start) + 1
            newline = self._text.find("\n", end)
            self._splice(first, (len(self._text) if newline < 0 else newline + 1) - first, "")

    def _insert_line(self, after: int, indent: int, line: str) -> None:
        """Put a line below the one that `after` is in."""
        newline = self._text.find("\n", after)
        new = " " * indent + line + self._newline
        if newline >= 0:
            self._splice(newline + 1, 0, new)
        else:
            self._splice(len(self._text), 0, (self._newline if self._text else "") + new)

    def _indent(self) -> int:
        """Return how far this file indents: as its first nested mapping does, else 2."""
        if isinstance(self.root, Mapping):
            for key, value in self.root.entries:
                if isinstance(value, Mapping) and not value.flow and value.column > key.column:
                    return value.column - key.column
        return 2

    def _splice(self, start: int, length: int, new: str) -> None:
        self._text = self._text[:start] + new + self._text[start + length :]
        try:
            self.root = parse(self._text, self.name)
        except InvalidConfig as error:
            raise self._refusal() from error

    def _check(self, expected: Plain) -> None:
        if plain(self.root) != expected:
            raise self._refusal()

    def _refusal(self) -> InvalidConfig:
        return InvalidConfig(f"{self.name} is written in a way that deployhost can read but not change")


def _end(node: Node) -> int:
    """Return where a node's own text ends: a block ends with its last value, not with the comments that follow it."""
    if isinstance(node, Mapping) and not node.flow:
        return _entry_end(*node.entries[-1])
    if isinstance(node, Sequence) and not node.flow and _end(node.items[-1]) > node.items[-1].start:
        return _end(node.items[-1])
    return node.end


def _entry_end(key: Scalar, value: Node) -> int:
    """Return where an entry's text ends. An empty value stands nowhere: ruamel puts it where the next key begins."""
    return _end(value) if value.end > value.start else key.end


def _at(value: dict[str, Plain], path: Path) -> dict[str, Plain]:
    """Return the mapping at a path, having made the missing ones."""
    for key in path:
        below = value.get(key)
        if not isinstance(below, dict):
            below = value[key] = {}
        value = below
    return value
