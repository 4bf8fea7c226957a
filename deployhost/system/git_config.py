"""A repository's config file, as far as it can be read and written without starting git. Pure: text in, values out."""

import re
from collections.abc import Mapping

# What `git config` itself writes for simple values (git-config(1), "Syntax"). Quotes, escapes, continued lines and comments
# behind a value are git's business, and so are files that are included.
_SECTION = re.compile(r'\[([A-Za-z0-9.-]+)(?: "([^"\\]*)")?\]')
_VALUE = re.compile(r"([A-Za-z][A-Za-z0-9-]*) = ([A-Za-z0-9/._:+-]+)")


def plain_values(text: str) -> dict[str, list[str]] | None:
    """Return the values of each `section.key`, in lower case, or None if only git can say what they are."""
    found: dict[str, list[str]] = {}
    section = ""
    # Lines end and are trimmed as git has it (config.c, get_next_char): for Python \x0b, \x85 and more end a line, too.
    for line in (one.strip(" \t\r") for one in text.split("\n")):
        if not line or line.startswith(("#", ";")):
            continue
        if header := _SECTION.fullmatch(line):
            if header[1].lower() in ("include", "includeif"):
                return None
            section = header[1].lower() + ("" if header[2] is None else f".{header[2]}")
        elif section and (value := _VALUE.fullmatch(line)):
            found.setdefault(f"{section}.{value[1].lower()}", []).append(value[2])
        else:
            return None
    return found


def lines(settings: Mapping[str, str]) -> str:
    """Return settings as lines for the end of a config file; each name is `section.key`."""
    parts = [(*name.split("."), value) for name, value in settings.items()]
    return "".join(f"[{section}]\n\t{key} = {value}\n" for section, key, value in parts)
