"""Commands as repositories write them (Procfile, package.json), turned into what a container should run as PID 1."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployhost.build.detect.candidate import Start
from deployhost.build.tree import Tree
from deployhost.model import WEB, ProcessName

_META = frozenset("&|;<>()$`*?[]{}~\\\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_ASSIGNMENTS = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*=(?:\"[^\"]*\"|'[^']*'|[^\s'\"])*\s+)*")
_SHELL_WORDS = frozenset({
    ".", ":", "!", "[", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "fi",
    "for", "function", "if", "in", "readonly", "return", "set", "shift", "source", "then", "time", "times", "trap", "ulimit", "umask", "unset",
    "until", "wait", "while", "{",
})  # fmt: skip
_PROCESS = re.compile(r"([A-Za-z0-9_-]+)\s*:\s*(.+)")
# Bytes of a command, and processes: they travel in one label, in one argument (128 KiB, execve(2)).
LONGEST, MOST = 2000, 16
MOST_TOLD = 20  # lines that make no sense
LONGEST_READ = 4000  # characters of a command that are looked into: shlex's time grows with the square of a word


@dataclass(frozen=True)
class Procfile:
    """The `web` command and its line, the other commands by name (`release` among them), and what is wrong with other lines."""

    web: str | None = None
    line: int | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    unusable: tuple[tuple[int, str], ...] = ()


def read_procfile(tree: Tree) -> Procfile:
    """Return what a tree's Procfile says. It is read line by line as Heroku does: it is not YAML.

    A name is a Kamal role: lower case, and a hyphen becomes an underscore. A space before the colon is forgiven.
    """
    if not tree.exists("Procfile"):
        return Procfile()
    web: str | None = None
    at: int | None = None
    others: dict[str, str] = {}
    unusable: list[tuple[int, str]] = []
    for number, raw in enumerate(tree.read("Procfile").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _PROCESS.fullmatch(line)
        if not match:
            unusable.append((number, "it must be `NAME: COMMAND`, with a name of letters, digits, _ and -"))
            continue
        name, command = match[1].lower().replace("-", "_"), match[2].strip()
        if match[1] == WEB:
            web, at = (command, number) if web is None else (web, at)
        elif not ProcessName.pattern.fullmatch(name) or name == WEB or not command.isprintable():
            unusable.append(
                (number, f"its name or command can't be used: {ProcessName.rule}, and keep the command on one line")
            )
        elif name in others:
            unusable.append((number, f"an earlier line defines the process {name}"))
        elif len(command.encode()) > LONGEST or len(others) >= MOST:
            unusable.append((number, f"a command has at most {LONGEST} bytes, and a Procfile at most {MOST} processes"))
        else:
            others[name] = command
    return Procfile(web, at, others, tuple(unusable[:MOST_TOLD]))


def words_of(command: str) -> tuple[str, ...]:
    """Return the words of a shell command as far as they can be told apart, leading assignments left out."""
    command = command[:LONGEST_READ]
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote: the shell will say so, here it is only a guess
        words = command.split()
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    return tuple(words)


def simple_argv(command: str) -> tuple[str, ...] | None:
    """Return the argv of a shell command if running it needs no shell, else None."""
    if len(command) > LONGEST_READ or _META & set(command):
        return None
    try:
        argv = shlex.split(command, comments=True)
    except ValueError:
        return None
    if not argv or _ASSIGNMENT.match(argv[0]) or argv[0] in _SHELL_WORDS:
        return None
    return tuple(argv)


def start_of(command: str) -> Start:
    """Return how the container runs a shell command: without a shell where possible, so that signals reach the program."""
    argv = simple_argv(command)
    return Start(argv) if argv else shell_start(with_exec(command))


def shell_start(command: str) -> Start:
    """Return the start that runs the text of a shell command as it is."""
    return Start(("/bin/sh", "-c", command))


def with_exec(command: str) -> str:
    """Return a shell command with its last part exec'd where that changes nothing else: a shell as PID 1 ignores SIGTERM."""
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
    """Return where the part after a command's last `&&` begins (0: no such part), and whether it has any other operator."""
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
