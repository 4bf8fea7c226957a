"""What a Dockerfile's variables are: platforms, build arguments, ARG and ENV. Pure.

As BuildKit has them (frontend/dockerfile/dockerfile2llb). A value that is read otherwise here can only fail a build: references and
addresses are written into the Dockerfile as they were read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployhost.build.sources.shell_words import SPACES, Malformed, expand
from deployhost.build.sources.text import Instruction, LineRefused

_CHANGES = re.compile(r"[$'\"\\`]")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_VARIANTS = {"armv7l": "v7"}
MOST = 5000  # variables
MOST_CHARACTERS = 2_000_000


def platform_arguments(machine: str) -> dict[str, str]:
    """Return the variables that describe the platform, from a machine's name as uname(1) has it."""
    architecture, variant = _ARCHITECTURES.get(machine, machine), _VARIANTS.get(machine, "")
    platform = "/".join(("linux", architecture, *([variant] if variant else [])))
    parts = {"PLATFORM": platform, "OS": "linux", "ARCH": architecture, "VARIANT": variant, "OSVERSION": ""}
    return {f"{side}{name}": value for side in ("BUILD", "TARGET") for name, value in parts.items()}


@dataclass
class Budget:
    """Characters that may still be expanded in one Dockerfile: a short one can ask for very many."""

    left: int = MOST_CHARACTERS

    def take(self, characters: int, line: int) -> None:
        """Take some. Raises LineRefused."""
        self.left -= characters
        if self.left < 0:
            raise LineRefused(line, "variables that become too long")


@dataclass
class Scope:
    """The variables at one place: before the first FROM, or in a stage.

    `given` are the build's own arguments, `defaults` what an ARG without a value takes (in a stage: those before the first FROM).
    """

    escape: str
    given: Mapping[str, str]
    defaults: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    _set: set[str] = field(default_factory=set)

    def expanded(self, text: str, line: int) -> str:
        """Return a text with the variables of this place. Raises LineRefused."""
        if not _CHANGES.search(text):
            return text
        try:
            found = expand(text, self.values, self.escape)
        except Malformed as error:
            raise LineRefused(line, str(error)) from error
        self.budget.take(len(text) + len(found), line)
        return found

    def take(self, one: Instruction) -> None:
        """Take in an ARG or ENV. Raises LineRefused."""
        if one.word == "ENV":
            for name, value in _pairs(one.rest, self.escape):
                self._put(name, self.expanded(value, one.line), one.line)
                self._set.add(name)
        elif one.word == "ARG":
            for word in _words(one.rest, self.escape):
                self._argument(word, one.line)

    def _argument(self, word: str, line: int) -> None:
        raw, equals, default = word.partition("=")
        name = self.expanded(raw, line)
        if name in self._set:
            return  # ENV outweighs ARG
        if name in self.given:
            self._put(name, self.given[name], line)
        elif equals:
            self._put(name, self.expanded(default, line), line)
        elif name in self.defaults:
            self._put(name, self.defaults[name], line)

    def _put(self, name: str, value: str, line: int) -> None:
        if len(self.values) >= MOST:
            raise LineRefused(line, f"more than {MOST} variables")
        self.values[name] = value


def _pairs(rest: str, escape: str) -> list[tuple[str, str]]:
    words = _words(rest, escape)
    if words and "=" not in words[0]:
        name, _, value = rest.partition(" ")
        return [(name, value.strip(SPACES))]
    return [(name, value) for name, equals, value in (word.partition("=") for word in words) if equals]


def _words(text: str, escape: str) -> list[str]:
    """Return the words of an ARG or ENV with their quotes (parser/line_parsers.go, parseWords)."""
    words: list[str] = []
    now: list[str] = []
    quote = ""
    chars = iter(text)
    for char in chars:
        if not quote and char in SPACES:
            if now:
                words.append("".join(now))
                now = []
            continue
        now.append(char)
        if char == escape and quote != "'":
            now.append(next(chars, ""))
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
    return [*words, *(["".join(now)] if now else [])]
