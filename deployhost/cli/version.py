"""version."""

import typer

from deployhost import __version__
from deployhost.cli.arguments import JsonOption
from deployhost.cli.session import session_of
from deployhost.control.client import call
from deployhost.errors import DeployhostError

PATIENCE = 1.0  # seconds; the command's own version is what was asked for


def register(app: typer.Typer) -> None:
    """Given the typer app, add the verb."""
    app.command()(version)


def version(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the version. Also of the daemon, if it answers.

    Example: deployhost version --json
    """
    session = session_of(context, as_json)
    try:
        daemon = call(str(session.paths.control_socket), "ping", timeout=PATIENCE)["version"]
    except DeployhostError:
        daemon = None
    shown = [f"deployhost {__version__}"]
    if daemon not in (None, __version__):
        shown.append(f"  ! deployhostd is {daemon}: restart it with deployhost setup --local")
    session.show({"version": __version__, "daemon": daemon}, lambda _: shown)
