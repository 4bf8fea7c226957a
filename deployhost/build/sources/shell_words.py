"""Words of a Dockerfile as BuildKit splits and expands them (frontend/dockerfile/shell/lex.go). Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployhost.build.sources.shell_patterns import replaced, trimmed

LONGEST = 8192  # characters of an expanded word: values that name each other twice double with each line
DEEPEST = 20  # substitutions within each other
_UNICODE_SPACES = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
SPACES = "\t\n\v\f\r " + _UNICODE_SPACES  # Go's unicode.IsSpace
_SPECIAL = "@*#?-$!0"
_BLANK = "\t\r "


class Malformed(ValueError):
    """A word that BuildKit refuses, with its reason; or one that is longer than anybody writes."""


@dataclass(frozen=True)
class SplitWords:
    """A text after its expansion: as one word, and split at the spaces that are not quoted."""

    word: str
    words: tuple[str, ...]


def expand(text: str, values: Mapping[str, str], escape: str = "\\") -> str:
    """Return a text with its variables replaced and its quotes removed; a variable without a value is "". Raises Malformed."""
    return _Words(text, values, escape).split().word


def raw_words(text: str) -> tuple[str, ...]:
    """Return the words of a text with quotes, escapes and variables left as they are, or none if its quotes do not match."""
    try:
        return _Words(text, {}, "\\", raw=True).split().words
    except Malformed:
        return ()


class _Words:
    """One text being read; `raw` keeps quotes, escapes and variables without a value."""

    def __init__(self, text: str, values: Mapping[str, str], escape: str, *, raw: bool = False) -> None:
        self._text, self._values, self._escape, self._raw = text, values, escape, raw
        self._raw_escapes = raw
        self._at = self._depth = self._size = 0

    def split(self) -> SplitWords:
        return self._until("")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _until(self, stop: str) -> SplitWords:
        """Read to the end, or to a character that ends a substitution."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Malformed(f"more than {DEEPEST} substitutions within each other")
        result: list[str] = []
        words = _Collected()
        while char := self._peek():
            if char == stop:
                self._at += 1
                self._depth -= 1
                return SplitWords("".join(result), words.done())
            self._step(char, result, words)
        if stop:
            raise Malformed(f"no {stop} that ends a substitution")
        self._depth -= 1
        return SplitWords("".join(result), words.done())

    def _sized(self, text: str) -> str:
        self._size += len(text)
        if self._size > LONGEST and not self._raw:
            raise Malformed(f"variables that become more than {LONGEST} characters")
        return text

    def _step(self, char: str, result: list[str], words: "_Collected") -> None:
        if char == "$":
            value = self._sized(self._dollar())
            result.append(value)
            for one in value:
                words.add(one)
        elif char in "'\"<":
            found = {"'": self._single, '"': self._double, "<": self._heredoc}[char]()
            result.append(found)
            words.add_raw(found)
        else:
            self._plain(result, words)

    def _plain(self, result: list[str], words: "_Collected") -> None:
        char = self._next()
        if char == self._escape:
            if self._raw_escapes:
                words.add_raw(char)
                result.append(char)
            char = self._next()
            if not char:
                return
            words.add_raw(char)
        else:
            words.add(char)
        result.append(char)

    def _single(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise Malformed("a single quote without its second")
        found = self._text[self._at : end + 1] if self._raw else self._text[self._at + 1 : end]
        self._at = end + 1
        return found

    def _double(self) -> str:
        self._next()
        result = ['"' if self._raw else ""]
        while True:
            char = self._peek()
            if not char:
                raise Malformed("a double quote without its second")
            if char == '"':
                self._next()
                return "".join([*result, '"' if self._raw else ""])
            if char == "$":
                result.append(self._sized(self._dollar()))
                continue
            char = self._next()
            if char == self._escape:
                if self._raw_escapes:
                    result.append(char)
                if not self._peek():
                    continue
                if self._peek() in ('"', "$", self._escape):
                    char = self._next()
            result.append(char)

    def _heredoc(self) -> str:
        self._next()
        if self._peek() != "<":
            return "<"
        self._next()
        found = ["<<"]
        while self._peek() and self._peek() in _BLANK:
            found.append(self._next())
        return "".join(found)

    def _dollar(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._values.get(name)
            return f"${name}" if value is None and self._raw else value or ""
        self._next()
        if not self._peek() or self._peek() in "{}:":
            raise Malformed("a bad substitution")
        return self._braced(self._name())

    def _braced(self, name: str) -> str:
        value = self._values.get(name)
        operator = self._next()
        if operator == "}":
            return f"${{{name}}}" if value is None and self._raw else value or ""
        if operator == "/":
            return self._replacing(name, value)
        colon = operator == ":"
        if colon:
            operator = self._next()
        if operator not in ("+", "-", "?", "#", "%") or (colon and operator in "#%"):
            raise Malformed("a substitution that BuildKit does not know")
        word = self._inside("}", raw_escapes=operator in "#%")
        if value is None and self._raw:
            return f"${{{name}{':' if colon else ''}{operator}{word}}}"
        return _modified(name, value, word, operator, colon=colon)

    def _replacing(self, name: str, value: str | None) -> str:
        every = self._peek() == "/"
        if every:
            self._next()
        pattern, word = self._inside("/", raw_escapes=True), self._inside("}", raw_escapes=True)
        if value is None and self._raw:
            return f"${{{name}/{pattern}/{word}}}"
        return _matching(lambda: replaced(value or "", pattern, word, every=every))

    def _inside(self, stop: str, *, raw_escapes: bool) -> str:
        before = self._raw_escapes
        self._raw_escapes = raw_escapes
        found = self._until(stop).word
        self._raw_escapes = before
        return found

    def _name(self) -> str:
        char = self._peek()
        if char.isdigit():
            match = re.compile(r"\d+").match(self._text, self._at)
        elif char and char in _SPECIAL:
            self._at += 1
            return char
        else:
            match = re.compile(r"\w*").match(self._text, self._at)
        name = match[0] if match else ""
        self._at += len(name)
        return name


class _Collected:
    """Words while they are read, as BuildKit's wordsStruct collects them."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._now: list[str] = []

    def add(self, char: str) -> None:
        """Add a character that is not quoted: a space ends a word."""
        if char not in SPACES:
            self._now.append(char)
        elif any(self._now):
            self._words.append("".join(self._now))
            self._now = []

    def add_raw(self, text: str) -> None:
        """Add what was quoted."""
        self._now.append(text)

    def done(self) -> tuple[str, ...]:
        """Return the words."""
        return (*self._words, *(["".join(self._now)] if any(self._now) else []))


def _modified(name: str, value: str | None, word: str, operator: str, *, colon: bool) -> str:
    missing = value is None or (colon and value == "")
    if operator == "-":
        return word if missing else value or ""
    if operator == "+":
        return "" if missing else word
    if operator == "?":
        if missing:
            raise Malformed(f"{name}: {word or 'is not allowed to be empty'}")
        return value or ""
    greedy = word.startswith(operator)
    return _matching(lambda: trimmed(value or "", word[1:] if greedy else word, end=operator == "%", greedy=greedy))


def _matching(match: Callable[[], str]) -> str:
    try:
        return match()
    except ValueError as error:
        raise Malformed(str(error)) from error
