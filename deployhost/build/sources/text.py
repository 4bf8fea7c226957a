"""The instructions of a Dockerfile's text, as BuildKit reads them (frontend/dockerfile/parser). Pure.

What its versions read differently is refused: the text that `written` makes of the instructions has one meaning for all of them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from deployhost.build.sources.shell_words import SPACES, raw_words

KNOWN = frozenset(
    {
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
        *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)
MOST = 5000  # instructions; Docker builds an image of 127 layers at most
_TAKE_HEREDOCS = ("RUN", "COPY", "ADD")
_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+)", re.ASCII)
_GAP = re.compile(r"[\t\v\f\r ]+")
_HEREDOC = re.compile(r"\d*<<-?[^<]+", re.ASCII)
_PLAIN_HEREDOC = re.compile(r"(\d*)<<(-?)([\"']?)([A-Za-z0-9_.-]+)\3", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class LineRefused(ValueError):
    """Why a line of a Dockerfile is not built."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


@dataclass(frozen=True)
class Heredoc:
    """What follows an instruction until a line that is `name`; `lines` are as they stand in the file."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Instruction:
    """One instruction: the line on which it begins, its word in capitals, its flags without quotes, and its arguments on one line."""

    line: int
    word: str
    flags: tuple[str, ...] = ()
    rest: str = ""
    heredocs: tuple[Heredoc, ...] = ()

    def having(self, *, word: str = "", flags: tuple[str, ...] | None = None, rest: str | None = None) -> "Instruction":
        """Return the same instruction with other parts."""
        return replace(
            self,
            word=word or self.word,
            flags=self.flags if flags is None else flags,
            rest=self.rest if rest is None else rest,
        )


@dataclass(frozen=True)
class Directives:
    """The lines at the top that BuildKit obeys: `syntax` is the frontend's image as written, "" where there is none."""

    syntax: str = ""
    syntax_line: int = 0
    escape: str = "\\"
    check: str = ""


def read_directives(text: str) -> Directives:
    """Return the directives of a text. Raises LineRefused."""
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if number == 1 and line.startswith("#!"):
            continue  # BuildKit looks for a syntax behind it
        match = _DIRECTIVE.fullmatch(line.lstrip(SPACES).rstrip(SPACES))
        name = match[1].lower() if match else ""
        if match is None or name not in ("syntax", "escape", "check"):
            break
        if name in found:
            raise LineRefused(number, f"only one {name} directive can be used")
        found[name] = (number, match[2])
    escape_line, escape = found.get("escape", (0, "\\"))
    if escape not in ("\\", "`"):
        raise LineRefused(escape_line, f"the escape character must be ` or \\, not {escape}")
    syntax_line, syntax = found.get("syntax", (0, ""))
    return Directives(syntax.partition(" ")[0], syntax_line, escape, found.get("check", (0, ""))[1])


def read_instructions(text: str, escape: str) -> list[Instruction]:
    """Return the instructions of a text in their order. Raises LineRefused."""
    return list(_Reader(text, escape).instructions())


def read_trigger(text: str, line: int) -> Instruction:
    """Return the instruction of an image's ONBUILD trigger, which line `line` brings in. Raises LineRefused."""
    if "\n" in text.strip() or "<<" in text:
        raise LineRefused(line, f"an ONBUILD trigger of more than one line: {text[:200]!r}")
    return split_command(text.strip(), "\\", line)


def words_of(rest: str) -> list[str]:
    """Return the arguments of a COPY or ADD, which may be a list in JSON."""
    listed = json_words(rest)
    return [word for word in _GAP.split(rest) if word] if listed is None else listed


def json_words(rest: str) -> list[str] | None:
    """Return the texts of a list in JSON, or None if it is something else."""
    if not rest.startswith("["):
        return None
    try:
        found = json.loads(rest)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else None


def split_command(text: str, escape: str, line: int) -> Instruction:
    """Return the instruction of a text on one line. Raises LineRefused."""
    if _CONTROL.search(text):
        raise LineRefused(line, "a control character")
    word, *more = _GAP.split(text.strip(SPACES), maxsplit=1)
    if word.upper() not in KNOWN or not word.isascii():
        raise LineRefused(line, f"unknown instruction: {word[:40]}")
    flags, rest = _flags(more[0] if more else "", escape, line)
    return Instruction(line, word.upper(), flags, rest.strip(SPACES))


class _Reader:
    """Reads a text line by line. Only a line feed ends a line."""

    def __init__(self, text: str, escape: str) -> None:
        self._lines = text.removeprefix("\ufeff").split("\n")
        self._escape = escape
        self._at = 0

    def instructions(self) -> Iterator[Instruction]:
        count = 0
        while self._at < len(self._lines):
            start = self._at + 1
            joined = self._logical_line()
            if joined is None:
                continue
            count += 1
            if count > MOST:
                raise LineRefused(start, f"more than {MOST} instructions")
            if not joined.strip(SPACES):
                raise LineRefused(start, "a line that only continues")
            found = split_command(joined, self._escape, start)
            yield replace(found, heredocs=self._heredocs(found, joined))

    def _logical_line(self) -> str | None:
        """Return the next line with those that continue it, or None for one without an instruction."""
        line = self._lines[self._at].rstrip("\r\n").lstrip(SPACES)
        self._at += 1
        if not line or line.startswith("#"):
            return None
        part, continues = self._continued(line)
        parts = [part]
        while continues and self._at < len(self._lines):
            line = self._lines[self._at].rstrip("\r\n")
            self._at += 1
            bare = line.lstrip(SPACES)
            if not bare or bare.startswith("#"):
                continue
            part, continues = self._continued(line)
            parts.append(part)
        return "".join(parts)

    def _continued(self, line: str) -> tuple[str, bool]:
        """Return a line without the escape character that has it continued, and whether it is."""
        bare = line.rstrip(" \t")
        if not bare.endswith(self._escape):
            return line, False
        if bare.endswith(self._escape * 2):
            raise LineRefused(self._at, "two escape characters at the end, which builders read differently")
        return bare[:-1], True

    def _heredocs(self, found: Instruction, joined: str) -> tuple[Heredoc, ...]:
        if "<<" not in joined:
            return ()
        inner = found
        if found.word == "ONBUILD":
            inner = split_command(found.rest, self._escape, found.line)
        if inner.word not in _TAKE_HEREDOCS:
            return ()
        openers = [word for word in raw_words(joined) if _HEREDOC.fullmatch(word)]
        if openers and (inner.rest.startswith("[") or found.word == "ONBUILD"):
            raise LineRefused(found.line, "a heredoc in a list or in ONBUILD")
        return tuple(self._heredoc(opener, found.line) for opener in openers)

    def _heredoc(self, opener: str, line: int) -> Heredoc:
        match = _PLAIN_HEREDOC.fullmatch(opener)
        if match is None:
            raise LineRefused(line, "a heredoc must be written as <<NAME")
        lines: list[str] = []
        while self._at < len(self._lines):
            raw = self._lines[self._at]
            self._at += 1
            bare = raw.rstrip("\r\n")
            if (bare.lstrip("\t") if match[2] else bare) == match[4]:
                return Heredoc(match[4], tuple(lines))
            lines.append(raw)
        raise LineRefused(line, f"a heredoc that no line {match[4]} ends")


def _flags(text: str, escape: str, line: int) -> tuple[tuple[str, ...], str]:
    """Return the flags at the beginning of an instruction's arguments, without their quotes, and what follows them."""
    found: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in SPACES:
            at += 1
        if not text.startswith("--", at):
            return tuple(found), text[at:]
        word, at = _flag(text, at, escape, line)
        if word == "--" or not word.isascii():
            raise LineRefused(line, f"{word!r} is not a flag that can be read")
        found.append(word)


def _flag(text: str, at: int, escape: str, line: int) -> tuple[str, int]:
    """Return the flag at an index without its quotes, and the index behind it."""
    parts: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        at += 1
        if not quote and char in SPACES:
            break
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif char == escape:
            parts.append(text[at : at + 1])
            at += 1
        else:
            parts.append(char)
    if quote:
        raise LineRefused(line, "a quote without its second in a flag")
    return "".join(parts), at
