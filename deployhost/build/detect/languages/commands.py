"""Which language a command needs: that of a Procfile's line or of a start script. Pure."""

import re
from collections.abc import Iterator

from deployhost.build.detect.commands import LONGEST_READ, words_of
from deployhost.build.detect.languages.language import COMMON, Language
from deployhost.build.detect.languages.table import LANGUAGES

_PARTS = re.compile(r"&&|\|\||[;|&\n]")
_WRAPPERS = frozenset({
    "exec", "env", "nohup", "sudo", "command", "time", "nice", "timeout", "tini", "dumb-init", "setsid", "xvfb-run", "--", "stdbuf", "ionice", "then",
    "do", "if", "!", "(", "{", "dotenv", "heroku-config", "start-stop-daemon", "gosu", "su-exec", "cross-env", "cross-env-shell", "env-cmd",
    "newrelic-admin", "run-program", "ddtrace-run", "opentelemetry-instrument", "start-nginx", "start-pgbouncer", "start-nginx-solo", "qgtunnel",
    "with_jmap", "thrust", "aws-vault", "chamber", "npx", "bunx",
})  # fmt: skip
_RUNNERS = frozenset({"poetry", "pipenv", "pdm", "hatch", "uv", "rye", "doppler"})  # they run a command behind `run`
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
# Programs whose arguments are commands.
_MANY = frozenset({"concurrently", "parallel"})
_OPTION = re.compile(r"-|\d+[smh]?$|[A-Za-z_]\w*=|\.env\b|\$")
_NO_PROGRAMS = frozenset({"cd", "export", "set", "echo", "sleep", "true", "mkdir"})
# Programs that only another language has, wherever they stand in a command that an unknown program begins.
_TELLING = re.compile(r"heroku-php-(?:apache2|nginx)|bundle|rails|rackup|puma|java|mix|dotnet|deno|php")
DEEPEST = 4  # shells within each other, and what they start
MOST_PARTS = 50


def programs_of(command: str, depth: int = DEEPEST) -> Iterator[str]:
    """Yield the programs that a shell command starts, as they are written there. What a shell is handed by `-c` is looked into."""
    if not depth:
        return
    words = words_of(command)
    if _is_one_shell(words) or (len(words) == 1 and " " in words[0]):  # a command in one word
        yield from programs_of(words[-1], depth - 1)
    elif words and words[0].rpartition("/")[2] in _MANY:
        yield words[0]
        for word in words[1:MOST_PARTS]:
            yield from programs_of(word, depth - 1) if " " in word else ()
    else:
        for part in _PARTS.split(command[:LONGEST_READ])[:MOST_PARTS]:
            yield from _program(_unwrapped(words_of(part.strip().lstrip("({ "))), depth)


def _program(words: tuple[str, ...], depth: int) -> Iterator[str]:
    """Yield the programs that the words of one command start."""
    if not words or words[0] in _NO_PROGRAMS:
        return
    name = words[0].rpartition("/")[2]
    if _is_one_shell(words):
        yield from programs_of(words[-1], depth - 1)
    elif name in _SHELLS and len(words) > 1:
        yield next((word for word in words[1:] if not word.startswith("-")), words[0])
    elif name == "nodemon" and (at := next((at for at, word in enumerate(words) if word in ("--exec", "-x")), 0)):
        yield from programs_of(" ".join(words[at + 1 :]), depth - 1)
    elif name in ("pm2", "pm2-runtime"):
        yield from (word for word in (words[0], *words[2:3]))
    else:
        yield words[0]


def _unwrapped(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command without what only prepares for it."""
    while len(words) > 1:
        name = words[0].rpartition("/")[2]
        if name in ("dotenv", "env-cmd", "doppler") and "--" in words:
            words = words[words.index("--") + 1 :]
        elif name in _WRAPPERS or name.startswith("start-") or _OPTION.match(words[0]):
            words = words[1:]
        elif name in _RUNNERS and words[1] == "run":
            words = words[2:]
        else:
            break
    return words


def language_of(command: str) -> tuple[Language, str] | None:
    """Return the language that a command needs, and the program that needs it; None if it needs none of the table."""
    programs = list(programs_of(command))
    for program in programs:
        if program == "perl" and program is not programs[-1]:
            continue  # every image has it, and it edits files
        if language := _language(program):
            return language, program
    if len(programs) == 1 and (words := words_of(command)) and _is_unknown(programs[0]):
        for word in words[1:]:
            name = word.rpartition("/")[2]
            if _TELLING.fullmatch(name) and (language := _language(name)):
                return language, name
    return None


def _language(program: str) -> Language | None:
    name = program.rpartition("/")[2].lower()
    names = {name, re.sub(r"(?:[\d.]+|\.exe|\.bat)$", "", name)}  # php8.2 is php
    for language in LANGUAGES:
        own = tuple(one for one in (*language.pages, *language.sources) if one not in COMMON)
        if not names.isdisjoint(language.programs) or language.built.match(program) or name.endswith(own):
            return language
    return None


def _is_unknown(program: str) -> bool:
    """Return whether a program is none that runs the Python or Node of a repository, whose arguments are its own."""
    name = re.sub(r"[\d.]+$", "", program.rpartition("/")[2])
    return name not in ("python", "node", "npm", "yarn", "pnpm", "bun", "gunicorn", "uvicorn", "flask")


def _is_one_shell(words: tuple[str, ...]) -> bool:
    """Return whether it is one shell with its command in one word: `sh -c '…'`."""
    return len(words) > 2 and words[0].rpartition("/")[2] in _SHELLS and re.fullmatch(r"-\w*c", words[-2]) is not None
