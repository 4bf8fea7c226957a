"""Which language a command needs: that of a Procfile's line or of a start script. Pure."""

import re
from collections.abc import Iterator

from deployhost.build.detect.commands import LONGEST_READ, words_of
from deployhost.build.detect.languages.language import Language
from deployhost.build.detect.languages.table import LANGUAGES

_PARTS = re.compile(r"&&|\|\||[;|&\n]")
_WRAPPERS = frozenset({
    "exec", "env", "nohup", "sudo", "command", "time", "nice", "timeout", "tini", "dumb-init", "setsid", "xvfb-run", "--", "stdbuf", "ionice", "then",
    "do", "if", "!", "(", "{", "dotenv", "heroku-config", "start-stop-daemon", "gosu", "su-exec",
})  # fmt: skip
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_OPTION = re.compile(r"-|\d+[smh]?$|[A-Za-z_]\w*=")
_SHARED = frozenset(
    {".js", ".mjs", ".jsx", ".ts", ".mts", ".tsx", ".c"}
)  # endings of a program that need not be this language's
DEEPEST = 3  # a shell in a shell in a shell
MOST_PARTS = 50


def programs_of(command: str, depth: int = DEEPEST) -> Iterator[str]:
    """Yield the programs that a shell command starts, as they are written there. What a shell is handed by `-c` is looked into."""
    if _is_one_shell(words := words_of(command)):
        yield from programs_of(words[-1], depth - 1) if depth else ()
        return
    for part in _PARTS.split(command[:LONGEST_READ])[:MOST_PARTS]:
        words = words_of(part.strip().lstrip("({ "))
        while words and (words[0].rpartition("/")[2] in _WRAPPERS or _OPTION.match(words[0])):
            words = words[1:]
        if not words or words[0] in ("cd", "export", "set", "echo", "sleep", "true", "mkdir"):
            continue
        if depth and _is_one_shell(words):
            yield from programs_of(words[-1], depth - 1)
        elif words[0].rpartition("/")[2] in _SHELLS and len(words) > 1:
            yield next((word for word in words[1:] if not word.startswith("-")), words[0])
        else:
            yield words[0]


def language_of(command: str) -> tuple[Language, str] | None:
    """Given a command, return the language that it needs and the program that needs it, or None if it is not one of the table."""
    for program in programs_of(command):
        name = program.rpartition("/")[2].lower()
        names = {name, re.sub(r"(?:[\d.]+|\.exe|\.bat)$", "", name)}  # php8.2 is php
        for language in LANGUAGES:
            own = tuple(one for one in (*language.pages, *language.sources) if one not in _SHARED)
            if not names.isdisjoint(language.programs) or language.built.match(program) or name.endswith(own):
                return language, program
    return None


def _is_one_shell(words: tuple[str, ...]) -> bool:
    """Return whether it is one shell with its command in one word: `sh -c '…'`."""
    return len(words) > 2 and words[0].rpartition("/")[2] in _SHELLS and re.fullmatch(r"-\w*c", words[-2]) is not None
