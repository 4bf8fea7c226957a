"""Commands as repositories write them (Procfile, package.json), turned into what a container should run as PID 1."""

import re
import shlex
from dataclasses import dataclass

from deployhost.build.detect.candidate import Start
from deployhost.build.tree import Tree

_META = frozenset("&|;<>()$`*?[]{}~\\\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_ASSIGNMENTS = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*=(?:\"[^\"]*\"|'[^']*'|[^\s'\"])*\s+)*")
_SHELL_WORDS = frozenset({
    ".", ":", "!", "[", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "fi",
    "for", "function", "if", "in", "readonly", "return", "set", "shift", "source", "then", "time", "times", "trap", "ulimit", "umask", "unset",
    "until", "wait", "while", "{",
})  # fmt: skip
_PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


@dataclass(frozen=True)
class Procfile:
    """The `web` command and its line, and the names of the other processes."""

    web: str | None = None
    line: int | None = None
    others: tuple[str, ...] = ()


def read_procfile(tree: Tree) -> Procfile:
    """Given a tree, return what its Procfile says. It is read line by line as Heroku does: it is not YAML."""
    if not tree.exists("Procfile"):
        return Procfile()
    web: str | None = None
    at: int | None = None
    others: list[str] = []
    for number, raw in enumerate(tree.read("Procfile").splitlines(), 1):
        match = _PROCESS.fullmatch(raw.strip())
        if not match or raw.lstrip().startswith("#"):
            continue
        if match[1] != "web":
            others.append(match[1])
        elif web is None:
            web, at = match[2].strip(), number
    return Procfile(web, at, tuple(others))


def words_of(command: str) -> tuple[str, ...]:
    """Given a shell command, return its words as far as they can be told apart, leading assignments left out."""
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote: the shell will say so, here it is only a guess
        words = command.split()
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    return tuple(words)


def simple_argv(command: str) -> tuple[str, ...] | None:
    """Given a shell command, return its argv if running it needs no shell, else None."""
    if _META & set(command):
        return None
    try:
        argv = shlex.split(command, comments=True)
    except ValueError:
        return None
    if not argv or _ASSIGNMENT.match(argv[0]) or argv[0] in _SHELL_WORDS:
        return None
    return tuple(argv)


def start_of(command: str) -> Start:
    """Given a shell command, return how the container runs it: without a shell where possible, so that signals reach the program."""
    argv = simple_argv(command)
    return Start(argv) if argv else shell_start(with_exec(command))


def shell_start(command: str) -> Start:
    """Given the text of a shell command, return the start that runs it as it is."""
    return Start(("/bin/sh", "-c", command))


def with_exec(command: str) -> str:
    """Given a shell command, return it with its last part exec'd where that changes nothing else: a shell as PID 1 ignores SIGTERM."""
    cut, others = _last_and(command)
    if others:
        return command
    head, tail = command[:cut], command[cut:].strip()
    assignments = match[0] if (match := _ASSIGNMENTS.match(tail)) else ""
    rest = tail[len(assignments) :]
    first = rest.split(None, 1)[0] if rest else ""
    if not first or first in _SHELL_WORDS or first[0] in "#{(" or _ASSIGNMENT.match(first):
        return command
    # `A=b exec c` exports A in some shells only; env(1) does in all.
    started = f"exec env {assignments}{rest}" if assignments else f"exec {rest}"
    return f"{head} {started}" if head else started


def _last_and(command: str) -> tuple[int, bool]:
    """Given a shell command, return where the part after its last `&&` begins (0: no such part), and whether it has any other operator."""
    quote, cut, skip = "", 0, False
    for index, char in enumerate(command):
        if skip:
            skip = False
        elif char == "\\" and quote != "'":
            skip = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif command[index : index + 2] == "&&":
            cut, skip = index + 2, True
        elif char in ";|&()`\n":
            return 0, True
    return cut, bool(quote)
