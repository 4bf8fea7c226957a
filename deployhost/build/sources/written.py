"""A Dockerfile's text with one meaning for every version of BuildKit, each instruction on the line where it stood. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest

from deployhost.build.sources.text import Directives, Instruction, LineRefused, read_instructions

_CHECK = re.compile(r"[A-Za-z0-9=;,_-]+")
_TO_ESCAPE = frozenset(" \t\v\f\r'\"\\`")


def written(directives: Directives, syntax: str, instructions: Iterable[Instruction]) -> str:
    """Return the text of instructions; `syntax` is the frontend to name, "" for none. Raises LineRefused.

    The arguments of RUN and the rest are as they were, so that what BuildKit's cache knows counts.
    """
    wanted = list(instructions)
    lines = [f"# syntax={syntax}"] if syntax else []
    if directives.escape != "\\":
        lines.append(f"# escape={directives.escape}")
    if _CHECK.fullmatch(directives.check):
        lines.append(f"# check={directives.check}")
    for one in wanted:
        lines += [""] * (one.line - 1 - len(lines))
        lines.append(one_line(one, directives.escape))
        for heredoc in one.heredocs:
            lines += [*heredoc.lines, heredoc.name]
    text = "\n".join(lines) + "\n"
    _check(text, wanted, directives.escape)
    return text


def _check(text: str, wanted: list[Instruction], escape: str) -> None:
    """Raise LineRefused unless the text reads as the instructions that it was made of."""
    for found, one in zip_longest(read_instructions(text, escape), wanted):
        if found is None or one is None or replace(found, line=one.line) != one:
            raise LineRefused((one or found).line, "an instruction that can't be written unmistakably")


def one_line(one: Instruction, escape: str) -> str:
    """Return an instruction on one line. Raises LineRefused if it could be read as something else."""
    text = " ".join([one.word, *(_flag(flag, escape) for flag in one.flags), *([one.rest] if one.rest else [])])
    if text.endswith(escape) or one.rest.startswith("--"):
        raise LineRefused(one.line, "arguments that builders read differently")
    return text


def _flag(flag: str, escape: str) -> str:
    return "".join(
        f"{escape}{char}" if char in _TO_ESCAPE and (char not in "\\`" or char == escape) else char for char in flag
    )
