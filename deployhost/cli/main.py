"""The command `deployhost`: its verbs, and the one place where errors become messages and exit codes."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from deployhost.cli import completion
from deployhost.cli.session import OutputClosed, Session, real_streams
from deployhost.errors import UNAVAILABLE, DeployhostError, InternalError, InvalidRequest
from deployhost.paths import Paths

PIPE_CLOSED = 141  # 128 + SIGPIPE, as if the signal had ended us
ERROR_LOG = "cli-errors.log"
# The verbs of each module, in the order of the help: functions (`list_` is list) or groups of that name.
# Only the module of the verb asked for is loaded: all of them cost 30 ms.
MODULES: Mapping[str, tuple[str, ...]] = {
    "setup": ("setup",),
    "connect": ("connect", "disconnect"),
    "apps": ("add", "list", "status"),
    "deploys": ("deploy", "restart", "cancel", "wait", "logs"),
    "releases": ("releases", "rollback"),
    "inspect": ("inspect",),
    "env": ("env",),
    "storage": ("storage",),
    "domains": ("domains",),
    "prune": ("prune",),
    "converge": ("converge",),
    "kamal": ("kamal",),
    "export": ("export",),
    "removal": ("remove",),
    "version": ("version",),
}
# All that follows NAME is Kamal's.
SETTINGS = {"kamal": {"allow_interspersed_args": False, "ignore_unknown_options": True}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the arguments (default: those of the process) and return the exit code."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in (args[: args.index("--")] if "--" in args else args)
    session = replace(_session(os.environ), json=as_json)
    try:
        return _run(args, session)
    except OutputClosed as closed:
        # What is still buffered can't be written either; without this, Python complains about it when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), session.stdout.fileno())
        if not closed.problem:
            return PIPE_CLOSED
        with contextlib.suppress(OutputClosed):
            session.warn(f"error: the output can't be written: {closed.problem}")
        return UNAVAILABLE


def build(verb: str = "") -> typer.Typer:
    """Return the typer app with the verbs of the module of `verb`, or with every verb if there is none of that name."""
    # No markup: it is what makes typer load rich, which would double the time that every command takes to start.
    app = typer.Typer(
        help="One Linux server as a push-to-deploy host for all of your apps.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    chosen = [module for module, verbs in MODULES.items() if verb in verbs] or list(MODULES)
    for module in chosen:
        loaded = importlib.import_module(f"deployhost.cli.{module}")
        for name in MODULES[module]:
            found = getattr(loaded, name, None) or getattr(loaded, f"{name}_")
            if isinstance(found, typer.Typer):
                app.add_typer(found, name=name)
            else:
                app.command(name, context_settings=SETTINGS.get(name))(found)
    if len(chosen) == 1:
        app.callback()(_root)  # an app of a single verb would otherwise take that verb's name for its argument
    else:
        app.command("completion", hidden=True)(completion.completion)  # for set-up: --help does not list it
    return app


def _root() -> None:
    """Do nothing before a verb."""


def _session(environment: Mapping[str, str]) -> Session:
    stdin, stdout, stderr = real_streams()
    terminal = stdout.isatty() and stderr.isatty()
    return Session(
        paths=Paths(Path(environment.get("DEPLOYHOST_ROOT", "/"))),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        color=terminal and "NO_COLOR" not in environment and environment.get("TERM") != "dumb",
        interactive=terminal and stdin.isatty(),
    )


def _run(args: list[str], session: Session) -> int:
    completing = completion.VARIABLE in os.environ  # a shell asks
    if completing and not completion.enable(os.environ[completion.VARIABLE]):
        return 0
    if not args or args == ["--version"]:
        args = ["version"] if args else ["--help"]
    command: object = None
    try:
        command = typer.main.get_command(build("" if completing else args[0]))
        code: object = command.main(args, "deployhost", standalone_mode=False, obj=session)
    except SystemExit as ended:  # typer's answer to a shell that completes, or to a reader of help that left
        code = ended.code
    except DeployhostError as error:
        return session.fail(error)
    except Exception as error:  # noqa: BLE001 - the boundary
        usage = _usage_error(error, command, args)
        return session.fail(usage if usage is not None else _internal_error(error, session))
    return code if isinstance(code, int) else 0


def _usage_error(error: Exception, command: object, args: Sequence[str]) -> InvalidRequest | None:
    """Return an error of the parser as ours, or None if it is another. The module of its class differs between versions of typer."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    # The parser gives some of its errors no context: then the verb is found by its words.
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else " ".join(("deployhost", *_verbs(command, args)))
    return InvalidRequest(str(message()), hint=f"{path} --help")


def _verbs(command: object, args: Sequence[str]) -> Iterator[str]:
    for word in args:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return
        yield word


def _internal_error(error: Exception, session: Session) -> InternalError:
    import tempfile  # noqa: PLC0415 - with traceback, 10 ms that only a defect pays
    import traceback  # noqa: PLC0415

    text = "".join(traceback.format_exception(error))
    for log in (session.paths.logs / ERROR_LOG, Path(tempfile.gettempdir()) / f"deployhost-{os.getuid()}-{ERROR_LOG}"):
        try:
            # Made by us or not at all: in a shared directory, somebody else's link might lead anywhere.
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{text}\n")
        except OSError:
            continue
        return InternalError(
            f"a defect of deployhost: {type(error).__name__}; {log} has the details", hint=f"tail {log}"
        )
    return InternalError(f"a defect of deployhost: {error!r}", details=tuple(text.splitlines()))
