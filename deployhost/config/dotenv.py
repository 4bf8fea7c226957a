"""The text of .env files: read for `env import`, and written so that it reads back the same. Pure.

Understood: NAME=value, `export `, comments, 'single quotes' (literal) and "double quotes" (with \\n, \\t, \\", \\\\, \\$); both may
go over several lines. `$NAME` is not replaced by anything.
"""

import re
from collections.abc import Mapping

from deployhost.errors import InvalidConfig, InvalidName
from deployhost.model import EnvName

_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[^\s=#'\"]+)[ \t]*=[ \t]*")
_QUOTED = {"'": re.compile(r"'([^']*)'"), '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)}
_COMMENT = re.compile(r"(?:^|(?<![ \t])[ \t]+)#.*")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "'": "'", "\n": ""}
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


def parse(text: str, name: str = ".env") -> dict[EnvName, str]:
    """Return the variables in the text of a .env file, in order. Raise InvalidConfig with every mistake and its line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[EnvName, str] = {}
    problems: list[str] = []
    at, line, counted = 0, 1, 0
    while at < len(text):
        line, counted = line + text.count("\n", counted, at), at
        at, found = _statement(text, at)
        if isinstance(found, str):
            problems.append(f"{name}: line {line}: {found}")
        elif found is not None:
            try:
                variable = EnvName(found[0])
            except InvalidName as error:
                problems.append(f"{name}: line {line}: {error}")
                continue
            if variable in values:
                problems.append(f"{name}: line {line}: {variable} is set a second time")
            values[variable] = found[1]
    if problems:
        raise InvalidConfig(f"{name} can't be read as a .env file", details=tuple(problems))
    return values


def render(values: Mapping[EnvName, str]) -> str:
    """Return the .env text that parse() reads back as these variables."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\r", "\\r")
    return f'"{escaped}"'


def _statement(text: str, at: int) -> tuple[int, tuple[str, str] | str | None]:
    """Return where the next statement begins, and this one's name and value, or what is wrong with it, or None if it is blank."""
    line_end = _line_end(text, at)
    line = text[at:line_end]
    if not line.strip() or line.lstrip().startswith("#"):
        return line_end + 1, None
    assignment = _ASSIGNMENT.match(text, at, line_end)
    if assignment is None:
        return line_end + 1, "expected NAME=value"
    name, at = assignment["name"], assignment.end()
    quote = text[at : at + 1]
    if quote not in ('"', "'"):
        return line_end + 1, (name, _COMMENT.sub("", text[at:line_end], count=1).strip())
    quoted = _QUOTED[quote].match(text, at)
    if quoted is None:
        return line_end + 1, f"{name}: the quote {quote} is not closed"
    if _REST.match(text, quoted.end()) is None:
        return _line_end(text, quoted.end()) + 1, f"{name}: there is more text after the closing quote"
    value = quoted[1] if quote == "'" else _ESCAPE.sub(lambda found: _MEANING.get(found[1], found[0]), quoted[1])
    return _line_end(text, quoted.end()) + 1, (name, value)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
