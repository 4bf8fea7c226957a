"""version."""

import typer

from deployhost import __version__
from deployhost.cli.arguments import JsonOption
from deployhost.cli.session import session_of
from deployhost.control.operations import PING
from deployhost.errors import DeployhostError

PATIENCE = 1.0  # seconds; the version of the command is known without the daemon


def version(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the version of the command and of the daemon.

    Example: deployhost version --json
    """
    session = session_of(context, as_json)
    try:
        daemon = session.ask(PING({}), PATIENCE)["version"]
    except DeployhostError:
        daemon = None
    shown = [f"deployhost {__version__}"]
    if daemon not in (None, __version__):
        shown.append(f"  ! deployhostd is {daemon}: restart it with deployhost setup --local")
    session.show({"version": __version__, "daemon": daemon}, lambda _: shown)
