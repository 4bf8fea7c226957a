"""Text of others on a terminal: what may act on it is left out or shown escaped. Standard library only, and light: the git hook needs it.

Sequences that colour, move or name things are left out; other control characters, and those that can't be seen, are escaped. What
apps write keeps its colours (`coloured`); names and subjects stay in one line (`escaped`).
"""

from __future__ import annotations

import re

RESET = "\x1b[0m"
# Colours and cursor movement (CSI), titles and links (OSC), other escapes.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?")
_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,40}m")  # SGR (ECMA-48, 8.3.117)
# What is left of C0 and C1; what changes the order of letters, ends lines, can't be seen (of letters: the fillers), or is no character.
# Joiners of letters and emoji stay, and so do U+FE00 to U+FE0F, which choose between two forms of one.
_HIDDEN = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\ud800-\udfff\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN = re.compile(f"[\x00-\x08\x0b-\x1f{_HIDDEN}]")
_IN_A_NAME = re.compile(f"[\x00-\x1f{_HIDDEN}]")
_IN_JSON = re.compile(f"[{_HIDDEN}]")


def escaped(text: str) -> str:
    """Return a name or a subject in one line, in which control and invisible characters are written as `\\x9b` or `\\u202e`."""
    return _IN_A_NAME.sub(_escape, _SEQUENCES.sub("", text))


def plain(line: str) -> str:
    """Return what a terminal would show in the end of a program's line, without anything that acts on the terminal."""
    return _UNSEEN.sub(_escape, _SEQUENCES.sub("", line).rstrip("\r\n").rpartition("\r")[2])


def coloured(text: str) -> str:
    """Return text whose colours a terminal may show, and nothing else of it: they end with the text."""
    parts, end = [], 0
    for colour in _COLOUR.finditer(text):
        parts += [_without_sequences(text[end : colour.start()]), colour[0]]
        end = colour.end()
    if not parts:
        return _without_sequences(text)
    rest = _without_sequences(text[end:])
    ended = not rest and parts[-1] in (RESET, "\x1b[m")
    return "".join((*parts, rest, "" if ended else RESET))


def json_escaped(document: str) -> str:
    """Return a JSON document in which no string has a character that a terminal would obey or not show (RFC 8259, section 7)."""
    return _IN_JSON.sub(_escape_json, document)


def _without_sequences(text: str) -> str:
    return _UNSEEN.sub(_escape, _SEQUENCES.sub("", text))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x100:
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(found[0], f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _escape_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
