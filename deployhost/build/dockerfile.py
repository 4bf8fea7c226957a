"""A repository's own Dockerfile: which images it starts from, which port it exposes, its frontend. Pure.

This is what people are shown; `sources` reads it anew for a build, as BuildKit does, and refuses what this passes over.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field

_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(.*)")
_VARIABLE = re.compile(r"\\\$|\$(?:\{([A-Za-z_]\w*)(?:(:?[-+])([^{}]*))?\}|([A-Za-z_]\w*))")
_HEREDOC = re.compile(r"(?<!<)<<(-?)([\"']?)([A-Za-z_]\w*)\2")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"']*))?")
_MOUNT = re.compile(r"--mount=(\S+)")
LONGEST = 2000  # characters of what is substituted in
_PORT = re.compile(r"(\d{1,5})(?:-\d{1,5})?(?:/tcp)?", re.IGNORECASE)


@dataclass(frozen=True)
class BaseRef:
    """An image that is needed, as it is named after substitution, and the line that names it (None: deployhost's own choice)."""

    ref: str
    line: int | None = None


@dataclass(frozen=True)
class Dockerfile:
    """What a Dockerfile says. `images` are those that its last stage needs, the first naming of each."""

    images: tuple[BaseRef, ...] = ()
    syntax: BaseRef | None = None
    ports: tuple[int, ...] = ()
    stages: int = 0


@dataclass
class _Stage:
    """A stage while the file is read: what it starts from and what it takes from others, as written."""

    name: str
    base: str
    line: int
    uses: list[tuple[str, int]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)


def parse_dockerfile(text: str) -> Dockerfile:
    """Return what the text of a Dockerfile says. It never fails: what makes no sense is the builder's to report."""
    directives = _directives(text)
    syntax = directives.get("syntax")
    escape = directives.get("escape", ("\\", 0))[0]
    stages: list[_Stage] = []
    given: dict[str, str] = {}
    for line, word, rest in _instructions(text, escape):
        if word == "FROM":
            stages.append(_from(rest, line, given))
        elif word in ("ARG", "ENV"):
            _assign(word, rest, stages[-1].values if stages else given, given)
        elif stages:
            _instruction(stages[-1], word, rest, line)
    known = _Stages(stages)
    image = BaseRef(*syntax) if syntax else None
    return Dockerfile(_needed(known), image, _ports(known), len(known))


def _directives(text: str) -> dict[str, tuple[str, int]]:
    """Return directive -> (value, line) of the block at the top."""
    found: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match or match[1].lower() in found:
            break
        found[match[1].lower()] = (match[2], number)
    return found


def _instructions(text: str, escape: str) -> list[tuple[int, str, str]]:
    """Return (line, instruction, arguments on one line) of each instruction."""
    found: list[tuple[int, str, str]] = []
    lines = text.removeprefix("\ufeff").splitlines()
    index = 0
    while index < len(lines):
        start, joined, index = _logical_line(lines, index, escape)
        word, _, rest = joined.partition(" ")
        heredocs = _HEREDOC.findall(rest) if word.upper() in ("RUN", "COPY", "ADD") else []
        for dash, _, end in heredocs:
            while index < len(lines) and (lines[index].lstrip("\t") if dash else lines[index]) != end:
                index += 1
            index += 1
        if word:
            found.append((start + 1, word.upper(), rest.strip()))
    return found


def _logical_line(lines: list[str], index: int, escape: str) -> tuple[int, str, int]:
    """Return where the next instruction from an index on begins, its continued lines as one, and the index behind them."""
    parts: list[str] = []
    start = index
    while index < len(lines):
        line = lines[index].strip()
        index += 1
        if not line or line.startswith("#"):
            continue
        start = start if parts else index - 1
        parts.append(line.removesuffix(escape).strip())
        if not line.endswith(escape):
            break
    return start, " ".join(" ".join(parts).split("\t")), index


def _from(rest: str, line: int, given: dict[str, str]) -> _Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    name = words[2] if len(words) > 2 and words[1].upper() == "AS" else ""
    return _Stage(name.lower(), substitute(words[0], given) if words else "", line)


def _assign(word: str, rest: str, values: dict[str, str], given: dict[str, str]) -> None:
    if word == "ENV" and "=" not in rest.split(" ", 1)[0]:
        name, _, value = rest.partition(" ")
        values[name] = substitute(value.strip(), values)
        return
    for match in _ASSIGNMENT.finditer(rest):
        name, value = match[1], match[2]
        if value is not None:
            values[name] = substitute(value.strip("\"'"), values)
        elif name in given:  # `ARG X` in a stage takes the value from before the first FROM
            values[name] = given[name]


def _instruction(stage: _Stage, word: str, rest: str, line: int) -> None:
    if word in ("COPY", "ADD"):
        flags = (one for one in rest.split() if one.startswith("--from="))
        stage.uses += [(one.removeprefix("--from="), line) for one in flags]
    elif word == "RUN":
        for mount in _MOUNT.findall(rest):
            options = dict(one.partition("=")[::2] for one in mount.split(","))
            if "from" in options:
                stage.uses.append((options["from"], line))
    elif word == "EXPOSE":
        for one in substitute(rest, stage.values).split():
            match = _PORT.fullmatch(one.strip("\"'"))
            if match and 0 < int(match[1]) < 65536:
                stage.ports.append(int(match[1]))


def substitute(text: str, values: dict[str, str]) -> str:
    """Return a text with $X, ${X}, ${X:-d} and ${X:+d} replaced; a variable without a value stays as it is written.

    Only the first LONGEST characters are looked at, and returned: values that name each other twice double with each line.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[4]
        if not name:
            return "$"
        have, operator, word = values.get(name), match[2] or "", match[3] or ""
        present = have is not None and (have != "" or not operator.startswith(":"))
        if operator.endswith("+"):
            return word if present else ""
        if operator.endswith("-") and not present:
            return substitute(word, values)
        return match[0] if have is None else have

    return _VARIABLE.sub(value, text[:LONGEST])[:LONGEST]


class _Stages(list[_Stage]):
    """The stages of a Dockerfile, each found by its name at once: there may be very many."""

    def __init__(self, stages: list[_Stage]) -> None:
        super().__init__(stages)
        self._named: dict[str, list[int]] = {}
        for index, stage in enumerate(stages):
            self._named.setdefault(stage.name, []).append(index)

    def find(self, name: str, before: int) -> int | None:
        """Return the index of the earlier stage that a FROM or --from means, or None if it is an image."""
        if name.isascii() and name.isdigit() and len(name) < 9 and int(name) < before:
            return int(name)
        indexes = self._named.get(name.lower(), []) if name else []
        place = bisect_left(indexes, before)
        return indexes[place - 1] if place else None


def _needed(stages: _Stages) -> tuple[BaseRef, ...]:
    """Return the images of the stages that the last one needs, in the order in which they are named."""
    reached: set[int] = set()
    queue = [len(stages) - 1] if stages else []
    images: dict[str, int] = {}
    while queue:
        index = queue.pop()
        if index in reached:
            continue
        reached.add(index)
        stage = stages[index]
        for name, line in [(stage.base, stage.line), *stage.uses]:
            # A number is never a stage in FROM, only in --from.
            other = None if name == stage.base and name.isdigit() else stages.find(name, index)
            if other is not None:
                queue.append(other)
            elif name and name.lower() != "scratch" and line < images.get(name, line + 1):
                images[name] = line
    return tuple(BaseRef(ref, line) for ref, line in sorted(images.items(), key=lambda one: (one[1], one[0])))


def _ports(stages: _Stages) -> tuple[int, ...]:
    """Return what the last stage exposes, its own first, then what it inherits from stages that it starts from."""
    ports: dict[int, None] = {}
    index: int | None = len(stages) - 1 if stages else None
    while index is not None:
        ports |= dict.fromkeys(stages[index].ports)
        index = stages.find(stages[index].base, index)
    return tuple(ports)
