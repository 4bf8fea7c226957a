"""Tab completion: what the shells call, and the scripts that make them call it.

The names of branches and tags are whatever somebody pushed (`v1$(reboot)` is one). zsh and fish quote what they insert, bash does
not: it gets its words quoted, unless UNQUOTED is set. Anything that could not be seen on the command line is not offered.
"""

import os
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Annotated, TypeVar

import typer

from deployhost.cli.session import session_of
from deployhost.control.operations import (
    APP_LIST,
    APP_STATUS,
    DOMAINS_LIST,
    ENV_LIST,
    REFS_LIST,
    RELEASES_LIST,
    Question,
)
from deployhost.control.terminal import escaped
from deployhost.errors import DeployhostError, InvalidRequest
from deployhost.model import Version

VARIABLE = "_DEPLOYHOST_COMPLETE"
UNQUOTED = "_DEPLOYHOST_UNQUOTED"  # set by the scripts of shells that quote what they insert
PROTOCOL = "complete_bash"
PATIENCE = 1.0  # seconds; a person is waiting at the keyboard
TAKE_FILES = "env export inspect kamal setup"  # the verbs whose arguments may be files
Result = TypeVar("Result")

# What no shell takes for anything but itself, in quotes or without.
_HARMLESS = re.compile(r"[A-Za-z0-9_./:=@%+-]")

# Every shell speaks typer's protocol for bash, the plainest: words in, one completion per line out. (Those for zsh and
# fish load rich, which costs 0.1 s at each key, and zsh's evaluates what it is given.) In bash, words are read line by
# line: an unquoted `$(…)` would have the shell look for files by them.
_SCRIPTS = {
    "bash": """\
_deployhost() {
    local IFS=$'\\n' word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _DEPLOYHOST_COMPLETE=complete_bash deployhost 2>/dev/null)
    # Only these verbs take files and directories.
    [[ " @FILES@ " == *" ${COMP_WORDS[1]} "* ]] || compopt +o default 2>/dev/null
}
complete -o default -F _deployhost deployhost
""",
    "zsh": """\
#compdef deployhost
_deployhost() {
    local -a found
    local -x _DEPLOYHOST_UNQUOTED=1 _DEPLOYHOST_COMPLETE=complete_bash
    found=("${(@f)$(COMP_WORDS="${(pj:\\n:)words}" COMP_CWORD=$((CURRENT - 1)) deployhost 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
if [[ "${funcstack[1]}" == _deployhost ]]; then _deployhost "$@"; else compdef _deployhost deployhost; fi
""",
    "fish": """\
function __deployhost
    set -l before (commandline -opc)
    set -lx COMP_WORDS (string join \\n -- $before (commandline -ct))
    set -lx COMP_CWORD (count $before)
    set -lx _DEPLOYHOST_UNQUOTED 1
    set -lx _DEPLOYHOST_COMPLETE complete_bash
    deployhost 2>/dev/null
end
complete --command deployhost --no-files --arguments '(__deployhost)'
complete --command deployhost --condition '__fish_seen_subcommand_from @FILES@' --force-files
""",
}


def completion(context: typer.Context, shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish")]) -> None:
    """Print the completion script of a shell.

    Example: deployhost completion bash > /etc/bash_completion.d/deployhost
    """
    session_of(context, False).stdout.write(script(shell))


def script(shell: str) -> str:
    """Return the script that completes deployhost in a shell. Raises InvalidRequest if there is none for it."""
    if shell not in _SCRIPTS:
        raise InvalidRequest(f"no completion for {shell}: use bash, zsh or fish", hint="deployhost completion bash")
    return _SCRIPTS[shell].replace("@FILES@", TAKE_FILES)


def enable(asked: str) -> bool:
    """Have typer answer a shell that asks by VARIABLE, and return whether it does.

    Not in another protocol than PROTOCOL: typer's own scripts insert words as they are, and that of zsh evaluates them.
    """
    if asked != PROTOCOL:
        return False
    # Imported by its name at run time: typer offers this, but not to type checkers.
    import_module("typer.completion").completion_init()
    return True


def quoted(word: str) -> str:
    """Return a word as bash is to insert it, so that it stands for itself outside of quotes and runs nothing within them."""
    # A backslash before each character, as by readline itself: `'…'` would end quotes that the person has opened.
    return "".join(char if _HARMLESS.match(char) or not char.isascii() else f"\\{char}" for char in word)


def _begins_so(words: Callable[[typer.Context], Iterable[str]]) -> Callable[[typer.Context, str], list[str]]:
    """Return what completes with those of the words that begin as typed; with none where the daemon has no answer."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            found = [word for word in words(context) if word.startswith(incomplete) and _can_be_typed(word)]
            return found if UNQUOTED in os.environ else [quoted(word) for word in found]
        except (DeployhostError, ValueError):
            return []  # an error's text has no place on a half-typed line

    return complete


@_begins_so
def complete_app(context: typer.Context) -> Iterable[str]:
    """Return the names of all apps."""
    return [app["name"] for app in _ask(context, APP_LIST({}))["apps"]]


@_begins_so
def complete_variable(context: typer.Context) -> Iterable[str]:
    """Return the variables of the app on the command line."""
    return [entry["name"] for entry in _ask(context, ENV_LIST({"name": _app(context), "reveal": None}))["env"]]


@_begins_so
def complete_domain(context: typer.Context) -> Iterable[str]:
    """Return the domains of the app on the command line."""
    return _ask(context, DOMAINS_LIST({"name": _app(context)}))["domains"]


@_begins_so
def complete_reference(context: typer.Context) -> Iterable[str]:
    """Return the branches and tags of the app on the command line."""
    return _ask(context, REFS_LIST({"name": _app(context)}))["refs"]


@_begins_so
def complete_release(context: typer.Context) -> Iterable[str]:
    """Return the shortened versions that the app on the command line can be rolled back to."""
    found = _ask(context, RELEASES_LIST({"name": _app(context)}))["releases"]
    return [Version(one["version"]).short for one in found if not one["live"] and one["image_available"]]


@_begins_so
def complete_process(context: typer.Context) -> Iterable[str]:
    """Return the processes of the app on the command line."""
    found = _ask(context, APP_STATUS({"name": _app(context)}))["apps"]
    return [one["name"] for app in found for one in app["processes"]]


def _can_be_typed(word: str) -> bool:
    """Return whether a word is all that a person sees of it, and no option."""
    return escaped(word) == word and not word.startswith("-") and " " not in word


def _app(context: typer.Context) -> str:
    # Behind an option that still lacks its value, the parser has given up before it came to the name.
    name = context.params.get("name") or next((word for word in context.args if not word.startswith("-")), None)
    if not isinstance(name, str):
        raise InvalidRequest("the command line names no app yet")
    return name


def _ask(context: typer.Context, question: Question[Result]) -> Result:
    return session_of(context, False).ask(question, PATIENCE)
