"""kamal: Kamal's own command on an app."""

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from deployhost.cli.arguments import AppArgument, argument
from deployhost.cli.session import Session, session_of
from deployhost.control.operations import APP_CONVERGE, KAMAL_PREPARE
from deployhost.errors import DaemonUnavailable, InvalidRequest, RemoteError, SetupFailed
from deployhost.model import AppName, Version

TERMINAL = ("TERM", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES")  # all that Kamal gets of the person's environment


def kamal(
    context: typer.Context,
    name: AppArgument,
    arguments: Annotated[list[str] | None, argument("-- ARGS", "Arguments for Kamal (default: help).")] = None,
) -> None:
    """Run Kamal's own command on an app.

    Example: deployhost kamal shop -- app details
    """
    session = session_of(context, False)  # what Kamal prints is no JSON of ours
    given = list(arguments or ())
    if given[:1] == ["--"]:
        del given[0]
    given = given or ["help"]
    app = AppName(name)
    if os.geteuid() != 0:
        raise InvalidRequest(
            "Kamal needs an SSH key that only root may read",
            hint=f"sudo deployhost kamal {app} -- {shlex.join(given)}",
        )
    with _alone(session, app, given):
        code = _run(session, app, given)
        _converge(session, app)
    if code:
        raise typer.Exit(code)


def _alone(session: Session, app: AppName, arguments: list[str]) -> contextlib.AbstractContextManager[object]:
    """Run commands that build the app one after the other, each until its deploy is recorded, so that each gets its own version."""
    from deployhost.kamal import command  # noqa: PLC0415
    from deployhost.kamal.cli import KamalCli  # noqa: PLC0415

    if not command.builds(arguments):
        return contextlib.nullcontext()
    return KamalCli(session.paths, session.warn).building(app)


def _run(session: Session, app: AppName, arguments: list[str]) -> int:
    from deployhost.config import server  # noqa: PLC0415 - every other verb starts without what follows
    from deployhost.kamal import command, installation  # noqa: PLC0415
    from deployhost.kamal.cli import KamalCli, KamalContext  # noqa: PLC0415

    verb = command.words(arguments)[:1] if command.builds(arguments) else ()
    project = session.ask(KAMAL_PREPARE({"name": app, "arguments": list(verb)}))
    if not installation.installed(session.paths):
        _bring(session)
    installation.check(session.paths, server.load(session.paths.server_yml).ssh_port)
    if command.deploys(arguments):  # the warnings are about deploys only
        for warning in project["warnings"]:
            session.warn(f"note: {warning}")
    terminal = {name: os.environ[name] for name in TERMINAL if name in os.environ}
    run = KamalContext(app, Path(project["directory"]), Version(project["version"]), terminal)
    sys.stdout.flush()
    return KamalCli(session.paths, session.warn).run(run, arguments)


def _bring(session: Session) -> None:
    from deployhost.cli.setup import bring_kamal  # noqa: PLC0415
    from deployhost.kamal import installation  # noqa: PLC0415

    session.warn("Kamal is not installed on this server yet: installing it and what it needs")
    try:
        bring_kamal(session)
    except SetupFailed as error:
        if not installation.installed(session.paths):
            raise
        session.warn(f"note: {error.message}; commands that do not build work")


def _converge(session: Session, app: AppName) -> None:
    """Have the daemon record at once what Kamal did; it looks every minute anyway."""
    try:
        session.ask(APP_CONVERGE({"name": app, "dry_run": None}))
    except (RemoteError, DaemonUnavailable) as error:
        session.warn(f"note: what Kamal did to {app} is not recorded yet: {error.message}")
