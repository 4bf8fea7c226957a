"""Tab completion: what the shells call, and the scripts that make them call it."""

from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

from deployhost.cli.session import Session
from deployhost.control.client import call
from deployhost.errors import DeployhostError, InvalidRequest

VARIABLE = "_DEPLOYHOST_COMPLETE"
PATIENCE = 1.0  # seconds; somebody is waiting at the keyboard

# Every shell speaks typer's protocol for bash, the plainest: words in, one completion per line out. (Those for zsh and
# fish load rich, which costs 0.1 s at each key, and zsh's evaluates what it is given.)
_SCRIPTS = {
    "bash": """\
_deployhost() {
    local IFS=$'\\n'
    COMPREPLY=( $(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _DEPLOYHOST_COMPLETE=complete_bash deployhost 2>/dev/null) )
    # Only these verbs take files and directories.
    [[ " env export inspect kamal setup " == *" ${COMP_WORDS[1]} "* ]] || compopt +o default 2>/dev/null
}
complete -o default -F _deployhost deployhost
""",
    "zsh": """\
#compdef deployhost
_deployhost() {
    local -a found
    found=("${(@f)$(COMP_WORDS="${(pj:\\n:)words}" COMP_CWORD=$((CURRENT - 1)) _DEPLOYHOST_COMPLETE=complete_bash deployhost 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
if [[ "${funcstack[1]}" == _deployhost ]]; then _deployhost "$@"; else compdef _deployhost deployhost; fi
""",
    "fish": """\
function __deployhost
    set -l before (commandline -opc)
    set -lx COMP_WORDS (string join \\n -- $before (commandline -ct))
    set -lx COMP_CWORD (count $before)
    set -lx _DEPLOYHOST_COMPLETE complete_bash
    deployhost 2>/dev/null
end
complete --command deployhost --no-files --arguments '(__deployhost)'
complete --command deployhost --condition '__fish_seen_subcommand_from env export inspect kamal setup' --force-files
""",
}


def register(app: typer.Typer) -> None:
    """Given the typer app, add the verb; it is for set-up and for the curious, so help leaves it out."""
    app.command("completion", hidden=True)(completion)


def completion(context: typer.Context, shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish")]) -> None:
    """Print the completion script of a shell.

    Example: deployhost completion bash > /etc/bash_completion.d/deployhost
    """
    session: Session = context.obj
    session.stdout.write(script(shell))


def script(shell: str) -> str:
    """Given a shell's name, return the script that completes deployhost in it. Raise InvalidRequest for another shell."""
    if shell not in _SCRIPTS:
        raise InvalidRequest(f"there is no completion for {shell}", hint="deployhost completion bash")
    return _SCRIPTS[shell]


def enable() -> None:
    """Have typer answer the shells; needed only where VARIABLE is set."""
    # Imported by its name at run time: typer offers this, but not to type checkers.
    import_module("typer.completion").completion_init()


def complete_app(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of an app's name, return the apps that begin so; nothing where the daemon does not answer."""
    return _matching((app["name"] for app in _asked(context, "app.list").get("apps", ())), incomplete)


def complete_variable(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of a variable's name, return those of the app on the command line."""
    return _matching((entry["name"] for entry in _asked_of_app(context, "env.list").get("env", ())), incomplete)


def complete_domain(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of a domain, return those of the app on the command line."""
    return _matching(_asked_of_app(context, "domains.list").get("domains", ()), incomplete)


def complete_reference(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of a branch or a tag, return those of the app on the command line."""
    return _matching(_asked_of_app(context, "refs.list").get("refs", ()), incomplete)


def complete_release(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of a version, return those that the app on the command line can be rolled back to, shortened."""
    releases = _asked_of_app(context, "releases.list").get("releases", ())
    usable = (one["version"] for one in releases if not one["live"] and one["image_available"])
    return _matching((version[:7] + version[40:] for version in usable), incomplete)


def complete_process(context: typer.Context, incomplete: str) -> list[str]:
    """Given the beginning of a process's name, return those of the app on the command line."""
    apps = _asked_of_app(context, "app.status").get("apps", ())
    return _matching((process["name"] for app in apps for process in app["processes"]), incomplete)


def _asked_of_app(context: typer.Context, op: str) -> dict[str, Any]:
    # Behind an option that still lacks its value, the parser has given up before it came to the name.
    name = context.params.get("name") or next((word for word in context.args if not word.startswith("-")), None)
    return _asked(context, op, name=name) if isinstance(name, str) else {}


def _asked(context: typer.Context, op: str, **arguments: Any) -> dict[str, Any]:
    session = context.obj
    if not isinstance(session, Session):
        return {}
    try:
        result = call(str(session.paths.control_socket), op, timeout=PATIENCE, **arguments)
    except (DeployhostError, ValueError):
        return {}  # an error's text has no place on a half-typed line
    return result if isinstance(result, dict) else {}


def _matching(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
